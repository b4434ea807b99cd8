"""Edges that belong to the sound: an edge that recurs is a waveform or a sample, one that stands alone is damage.

A saw or a square wave in the bass jumps once in each period, and is quiet enough between its edges for the click
detector. A jump caused by damage has no others like it. So each edge is compared, in the samples' first difference (in
which a jump is an impulse, whatever level it jumps from), with the second around it; and where it begins a sound, with
the beginnings of the others, since a sampled drum that starts off zero is played again and again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.audio.audio import Samples

REACH = 8
"""Samples on either side that show an edge's shape."""

AROUND_S = 1.0
COMPANIONS = 8
"""Similar edges within a second on either side that make it a waveform: those of a tone of 4 Hz. Ten jumps in six
seconds, all of one height, have two or three."""

ALIKE = 0.8
"""Cosine similarity. Band-limited edges up to a third of a sample apart reach it, so a tone of any pitch shows most."""

SIZES = 0.4, 2.5
"""How much larger or smaller a similar edge may be: the first edge of a square is half of those that follow."""

POSSIBLE = 0.25
"""Relative to the edge's steepest difference. Less is no similar edge; a peak between two samples is split by them."""

FOLLOWS_S = 0.02
BEGINS = 4.0
"""The power ratio by which a new sound exceeds what was there before; after a mere jump the sound goes on."""

PLAYED_AGAIN, BARS_S = 3, 8.0

Frames = NDArray[np.intp]


def stand_alone(channel: Samples, frames: list[int], *, rate: int) -> list[bool]:
    """Whether the edge at each of the rising ``frames`` of a channel ``(frames,)`` has no others like it."""
    places = np.array(frames, dtype=np.intp)
    steps = np.diff(np.pad(channel, (REACH + 1, REACH)).astype(np.float64))
    alone = np.ones(len(places), dtype=bool)
    for index, place in enumerate(places):
        if alone[index]:
            others = _alike(steps, int(place), round(AROUND_S * rate))
            if len(others) > COMPANIONS:
                alone &= ~_near(places, others)
                alone[index] = False
    return [
        bool(is_alone) and not _played_again(channel, steps, frame, rate=rate)
        for frame, is_alone in zip(frames, alone, strict=True)
    ]


def _alike(steps: NDArray[np.float64], frame: int, around: int) -> Frames:
    """Frames near ``frame`` at which the differences have the same shape; ``frame`` itself is one of them."""
    frame = _steepest(steps, frame)
    shape = steps[frame : frame + 2 * REACH + 1]
    first = max(frame - around, 0)
    near = steps[first : frame + around + 2 * REACH + 1]
    middle = near[REACH : len(near) - REACH]
    possible = np.flatnonzero(np.abs(middle) >= POSSIBLE * np.abs(shape).max())
    windows = np.lib.stride_tricks.sliding_window_view(near, len(shape))[possible]
    products, power = windows @ shape, float(shape @ shape)
    cosines = products / np.sqrt(np.maximum(np.einsum("wf,wf->w", windows, windows) * power, 1e-30))
    sizes = products / power
    found = possible[(cosines >= ALIKE) & (sizes >= SIZES[0]) & (sizes <= SIZES[1])]
    apart = np.diff(found, prepend=-REACH - 1) > REACH
    return np.asarray(found[apart] + first)


def _steepest(steps: NDArray[np.float64], frame: int) -> int:
    """The frame of the steepest difference around ``frame``: a click's own frame is exact to some samples only."""
    first = max(frame - REACH // 2, 0)
    return first + int(np.abs(steps[first + REACH : frame + REACH + REACH // 2]).argmax())


def _near(places: Frames, others: Frames) -> NDArray[np.bool_]:
    """Which of ``places`` lie within a shape's length of one of ``others``; both are rising."""
    after = np.searchsorted(others, places).clip(0, len(others) - 1)
    before = (after - 1).clip(0)
    return np.asarray(np.minimum(np.abs(others[after] - places), np.abs(others[before] - places)) <= REACH)


def _beginning(channel: Samples, frame: int, rate: int) -> Samples | None:
    """The 20 ms after an edge without their mean, normalised to length one; None where no sound begins there."""
    length = max(1, round(FOLLOWS_S * rate))
    start = frame + REACH
    before, after = channel[max(frame - REACH - length, 0) : max(frame - REACH, 0)], channel[start : start + length]
    if len(after) < length:
        return None
    after = after - after.mean()
    power = float(after @ after)
    was = float(np.square(before - before.mean()).sum()) if before.size else 0.0
    return after / np.sqrt(np.float32(power)) if power > BEGINS * was and power > 0 else None


def _played_again(channel: Samples, steps: NDArray[np.float64], frame: int, *, rate: int) -> bool:
    """Whether the edge begins a sound that begins the same way again and again within some bars."""
    own = _beginning(channel, frame, rate)
    if own is None:
        return False
    others = (_beginning(channel, int(other), rate) for other in _alike(steps, frame, round(BARS_S * rate)))
    return sum(other is not None and float(own @ other) >= ALIKE for other in others) > PLAYED_AGAIN
