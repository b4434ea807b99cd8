"""Where nobody sings, as far as the lyrics' time stamps tell: what the vocals stem holds there came from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

Passage = tuple[float, float]
"""Start and end in seconds."""

LINE_S = 8.0
"""A stamp says when a line begins, not when it ends: it may be sung and ring for so long."""

BEFORE_S = 1.0
"""Breath and pick-up notes before a line's stamp."""

SHORTEST_S = 2.0


def passages_without_lines(line_starts_s: Sequence[float], duration_s: float) -> tuple[Passage, ...]:
    """The stretches of at least two seconds that no line reaches into; none where no line's time is known."""
    if not line_starts_s:
        return ()
    found, free_from_s = [], 0.0
    for start_s in sorted(line_starts_s):
        found.append((free_from_s, min(start_s - BEFORE_S, duration_s)))
        free_from_s = start_s + LINE_S
    found.append((free_from_s, duration_s))
    return tuple((begin, end) for begin, end in found if end - begin >= SHORTEST_S)
