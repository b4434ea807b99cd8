"""What the seeds of a song share and where they part: the variant of a seed, and chance that is the song's own."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence


def variant_of(seed: int, earlier: Sequence[int], count: int) -> int:
    """The number of a seed's variant among ``count``: by its value, moved on while an earlier seed has the same.

    ``earlier`` are the song's seeds before it, so seeds that are added change nothing of those that are there.
    """
    taken: list[int] = []
    for value in (*earlier, seed):
        if len(taken) % count == 0:
            taken.clear()
        variant = value % count
        while variant in taken:
            variant = (variant + 1) % count
        taken.append(variant)
    return taken[-1]


def pair_of(variant: int, first: int, second: int) -> tuple[int, int]:
    """A variant as one of ``first`` and one of ``second`` things; variants that follow each other differ in both."""
    period = math.lcm(first, second)
    return variant % first, (variant + variant // period) % second


def chance(text: str) -> int:
    """A large number that depends on ``text`` alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
