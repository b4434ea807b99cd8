"""Section marks that are not what they seem: sung as words, or without any words to sing."""

from __future__ import annotations

from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.sections import PLAYED, section_kind, spelled_mark
from catalog.lyrics.stamps import shown, stamp


def sung_mark_warnings(lyrics: Lyrics) -> tuple[tuple[int, str], ...]:
    """The stamped lines that are no more than a mark such as ``(Bridge)`` or ``Verse 2:``, as (line, message).

    Lyrics without times have none: there these are marks.
    """
    if not lyrics.timed:
        return ()
    return tuple(
        (line.line, f"{stamp(line.start_s)} {shown(line.text)} is sung as words. Write [{label}] for a section's mark.")
        for line in lyrics.sung
        if (label := spelled_mark(line.text))
    )


def mark_without_words(lyrics: Lyrics) -> LyricLine | None:
    """Where no line has words, the first that begins a section which is usually sung; None where there is none."""
    if lyrics.sung:
        return None
    marked = (line for line in lyrics.lines if line.section)
    return next((line for line in marked if section_kind(line.section) not in PLAYED), None)
