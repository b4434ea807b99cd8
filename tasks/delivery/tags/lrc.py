"""LRC in its normal form, ``[mm:ss.xx]text`` per line, for tags and MIDI: words and milliseconds.

Section marks have lines of their own, which are left out here: what a player shows are the words.
"""

from __future__ import annotations

import re

_TIMED_LINE = re.compile(r"\[(\d{2,}):([0-5]\d)\.(\d\d)\](.*)")
_MARK = re.compile(r"\[[^\[\]]+\]")


def timed_lines(lrc: str) -> list[tuple[str, int]]:
    """The lines of LRC in its normal form, as (text, milliseconds). Raises ValueError for another form."""
    lines = []
    for line in lrc.splitlines():
        match = _TIMED_LINE.fullmatch(line)
        if match is None and _MARK.fullmatch(line):
            continue
        if match is None:
            raise ValueError(f"{line[:40]!r} is no line of LRC in its normal form")
        minutes, seconds, hundredths, text = match.groups()
        lines.append((text, (int(minutes) * 60 + int(seconds)) * 1000 + int(hundredths) * 10))
    return lines


def to_lrc(lines: list[tuple[str, int]]) -> str:
    """The inverse of :func:`timed_lines`."""
    return "\n".join(f"[{ms // 60000:02d}:{ms // 1000 % 60:02d}.{ms // 10 % 100:02d}]{text}" for text, ms in lines)
