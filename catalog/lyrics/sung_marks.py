"""Section marks that would be sung, because they stand after a time without brackets."""

from __future__ import annotations

from catalog.lyrics.lyrics import Lyrics
from catalog.lyrics.sections import spelled_mark
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
