"""Lyrics as ACE-Step reads them: plain lines in order, section marks in brackets, an empty line between stanzas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from catalog.album.lyrics import LyricLine, Lyrics

GAP_S = 6.0
"""Two lines whose beginnings lie this far apart belong to different stanzas."""

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
    is_timed, has_begun, is_apart, previous_s = getattr(lyrics, "timed", True), False, False, 0.0
    for line in lyrics.lines:
        section = _section(line)
        if not line.text and not section:
            is_apart = is_apart or not is_timed  # a rest of timed lyrics is told by the times around it
            continue
        is_late = is_timed and line.start_s - previous_s >= GAP_S
        if has_begun and (is_apart or is_late or section):
            yield TextRow("", line.line)
        if section:
            yield TextRow(f"[{section}]", line.line)
        if line.text:
            yield TextRow(line.text, line.line)
        has_begun, is_apart, previous_s = True, False, line.start_s


def _section(line: LyricLine) -> str:
    return str(getattr(line, "section", ""))
