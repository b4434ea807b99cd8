"""Passages without singing, by the lyrics' time stamps: the vocals stem there is cross-talk."""

from __future__ import annotations

from collections.abc import Sequence

Passage = tuple[float, float]
"""Start and end in seconds."""

LINE_S = 8.0
"""A stamp marks the beginning of a line only: it may be sung and ring for this long."""

BEFORE_S = 1.0
"""Breath and pick-up notes before a line's stamp."""

SHORTEST_S = 2.0


def passages_without_lines(line_starts_s: Sequence[float], duration_s: float) -> tuple[Passage, ...]:
    """The passages of at least two seconds without any line; none where no line's time is known."""
    if not line_starts_s:
        return ()
    passages, free_from_s = [], 0.0
    for start_s in sorted(line_starts_s):
        passages.append((free_from_s, min(start_s - BEFORE_S, duration_s)))
        free_from_s = start_s + LINE_S
    passages.append((free_from_s, duration_s))
    return tuple((start, end) for start, end in passages if end - start >= SHORTEST_S)
