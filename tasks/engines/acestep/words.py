"""Lyrics as ACE-Step reads them: plain lines in order, section marks in brackets, an empty line between stanzas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from catalog.lyrics.lyrics import Lyrics

INSTRUMENTAL = "[Instrumental]"
"""What stands for the lyrics of a song without words."""


class TextRow(NamedTuple):
    """A line of the text, and the line of the lyrics file that it comes from (0 where that is unknown)."""

    text: str
    line: int


def lyrics_rows(lyrics: Lyrics) -> tuple[TextRow, ...]:
    """The lines of the text. Times are dropped; they only tell where stanzas part."""
    if not lyrics.sung:
        return (TextRow(INSTRUMENTAL, 0),)
    return tuple(_rows(lyrics))


def text_of(rows: tuple[TextRow, ...]) -> str:
    """The text of these lines."""
    return "\n".join(row.text for row in rows)


def _rows(lyrics: Lyrics) -> Iterator[TextRow]:
    for line in lyrics.untimed().lines:
        if line.section:
            yield TextRow(f"[{line.section}]", line.line)
        if line.text or not line.section:
            yield TextRow(line.text, line.line)
