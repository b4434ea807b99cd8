"""Section marks that are not what they seem: sung as words, or without any words to sing."""

from __future__ import annotations

from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.sections import PLAYED, leading_mark, section_kind, spelled_mark
from catalog.lyrics.stamps import shown, stamp


def sung_mark_warnings(lyrics: Lyrics) -> tuple[tuple[int, str], ...]:
    """The lines that are, or begin with, a mark such as ``(Bridge)`` or ``Verse 2:``, as (line, message).

    A line without a time that is nothing else is a mark, and never among them.
    """
    warnings = []
    for line in lyrics.sung:
        label, first = spelled_mark(line.text), leading_mark(line.text)
        at = f"{stamp(line.start_s)} " if lyrics.timed else ""
        if label:
            message = f"{at}{shown(line.text)} is sung as words. Write [{label}] for a section's mark."
            warnings.append((line.line, message))
        elif first:
            message = f"{at}{shown(line.text)} is sung with {first!r}. Write [{first}] for a section's mark."
            warnings.append((line.line, message))
    return tuple(warnings)


def mark_without_words(lyrics: Lyrics) -> LyricLine | None:
    """Where no line has words, the first that begins a section which is usually sung; None where there is none."""
    if lyrics.sung:
        return None
    marked = (line for line in lyrics.lines if line.section)
    return next((line for line in marked if section_kind(line.section) not in PLAYED), None)
