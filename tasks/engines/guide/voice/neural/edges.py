"""Where the phones of a spoken line begin: as the network states it, corrected by what can be seen in the spectra."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.engines.guide.voice.vocoder import FRAME_S, Colour, Matrix, cosines
from tasks.engines.guide.words.phonemes import Phone

VOICELESS = frozenset({"p", "t", "k", "ch", "f", "th", "s", "sh", "hh"})
HISSING = frozenset({"v", "z", "dh", "zh", "jh"})
OBSTRUENTS = VOICELESS | HISSING | {"b", "d", "g"}

EARLY_S = 0.020
"""Sounds begin this long before the network's lengths say so."""

REACH_FRAMES = 5
SPAN_FRAMES = 3
COST_PER_FRAME = 0.03
"""In nepers, of each frame away from where the edge is expected."""

BAND_HZ, BAND_POINTS = (250.0, 2500.0), 24
"""Here vowels are loud and stops and fricatives are not."""


def first_frames(
    hops: NDArray[np.int64], hop_s: float, spectrum: Matrix, colour: Colour, phones: Sequence[Phone]
) -> NDArray[np.int64]:
    """The frame where each phone begins, with the end, from those in ``hops`` of the network: (phones + 1,).

    Between a stop or a fricative and any other sound the edge is where the level rises or falls most.
    """
    starts = apart(np.round((hops * hop_s - EARLY_S) / FRAME_S).astype(np.int64))
    level = (spectrum @ cosines(colour, np.linspace(*BAND_HZ, BAND_POINTS)).astype(np.float32)).mean(axis=1)
    sums = np.concatenate([[0.0], np.cumsum(level)])
    found = starts.copy()
    for index in range(1, len(phones)):
        is_release, is_closure = (phones[place].symbol in OBSTRUENTS for place in (index - 1, index))
        if is_release != is_closure:
            change = _change(sums, 1 if is_release else -1)
            lowest = max(found[index - 1] + 1, starts[index] - REACH_FRAMES)
            highest = min(starts[index + 1] - 1, starts[index] + REACH_FRAMES)
            found[index] = _edge(change, starts[index], int(lowest), int(highest))
    return apart(found)


def _change(sums: NDArray[np.float64], sign: int) -> NDArray[np.float64]:
    """How much louder (quieter with -1) the frames from each on are than those before it; -inf at both ends."""
    change = np.full(len(sums), -np.inf)
    inside = np.arange(SPAN_FRAMES, len(sums) - SPAN_FRAMES)
    change[inside] = sign * (sums[inside + SPAN_FRAMES] - 2 * sums[inside] + sums[inside - SPAN_FRAMES]) / SPAN_FRAMES
    return change


def _edge(change: NDArray[np.float64], expected: int, lowest: int, highest: int) -> int:
    frames = np.arange(max(0, lowest), min(highest + 1, len(change)))
    if not len(frames):
        return expected
    worth = change[frames] - COST_PER_FRAME * np.abs(frames - expected)
    return int(frames[worth.argmax()]) if np.isfinite(worth.max()) else expected


def apart(starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same frames, from 0 on, each at least one after the one before it."""
    steps = np.arange(len(starts))
    later: NDArray[np.int64] = np.maximum.accumulate(np.maximum(starts, 0) - steps) + steps
    return later
