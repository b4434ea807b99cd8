"""Moves the times of lyrics: by seconds, or by a factor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from catalog.lyrics.formats.tags import BPM, LENGTH, bpm_of, length_of, length_tag
from catalog.lyrics.lines import LyricsError, LyricsFault
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.stamps import hundredths, stamp


def shifted(lyrics: Lyrics, by_s: float, *, from_s: float = 0.0, to_s: float | None = None) -> Lyrics:
    """Lyrics with the stamps from ``from_s`` to before ``to_s`` moved later by ``by_s`` seconds, or earlier.

    Raises LyricsError where a line would begin before the song, or at or before the line before it.
    """

    def moved_s(line: LyricLine) -> float:
        is_inside = from_s <= line.start_s and (to_s is None or line.start_s < to_s)
        return line.start_s + by_s if is_inside else line.start_s

    return _moved(lyrics, moved_s)


def stretched(lyrics: Lyrics, factor: float, *, anchor_s: float = 0.0) -> Lyrics:
    """Lyrics with every stamp ``factor`` times as far from ``anchor_s``; tags of tempo and length follow.

    Raises LyricsError as :func:`shifted` does.
    """

    def stretched_s(time_s: float) -> float:
        return anchor_s + (time_s - anchor_s) * factor

    moved = _moved(lyrics, lambda line: stretched_s(line.start_s))
    tags = dict(lyrics.tags)
    bpm, length_s = bpm_of(tags), length_of(tags)
    if bpm is not None:
        tags[BPM] = f"{round(bpm / factor, 2):g}"
    if length_s is not None:
        tags[LENGTH] = length_tag(max(0.0, stretched_s(length_s)))
    return replace(moved, tags=tags)


def _moved(lyrics: Lyrics, moved_s: Callable[[LyricLine], float]) -> Lyrics:
    lines: list[LyricLine] = []
    faults = []
    for line in lyrics.lines:
        start_cs = hundredths(moved_s(line))
        if start_cs < 0:
            what = f"{stamp(line.start_s)} would begin {-start_cs / 100:g} s before the song"
            faults.append(LyricsFault(line.line, what, "Move it by less"))
            continue
        new_line = replace(line, start_s=start_cs / 100)
        if lines and new_line.start_s <= lines[-1].start_s:
            what = f"{stamp(line.start_s)} would begin at {stamp(new_line.start_s)}, not after line {lines[-1].line}"
            faults.append(LyricsFault(line.line, what, "Move the lines between them too, or by less"))
        lines.append(new_line)
    if faults:
        raise LyricsError(faults)
    return replace(lyrics, lines=tuple(lines))
