"""The original's way of reading lyrics, including the lines it loses, for comparisons with its recorded results."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.engines.diffrhythm.lyrics.timing import Runs, TimedTokens, frames_of, is_base, runs_of, slots


def parse_published_lrc(text: str) -> list[tuple[float, str]]:
    """The lines of ``[mm:ss.xx]text`` as (seconds, lyric), in file order; lines of another form are skipped.

    Characters 1 to 8 of a line are its timestamp, everything from character 10 on is its lyric; characters 0 and 9 are
    not checked. A time may be not-a-number.
    """
    lines = []
    for line in text.strip().split("\n"):
        try:
            minutes, seconds = line[1:9].split(":")
            lines.append((int(minutes) * 60 + float(seconds), line[10:].strip()))
        except ValueError:
            continue
    return lines


def place_published(lines: Sequence[TimedTokens], *, length_s: int) -> Runs:
    """The runs of a song of ``length_s``, without its last line on the base model."""
    placed = slots(lines, frames=frames_of(length_s), length_s=length_s, drop_last=is_base(length_s))
    return runs_of(placed)
