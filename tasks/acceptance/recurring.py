"""Edges that belong to the sound: what recurs is a waveform or a sample, what stands alone is damage.

A saw or a square in the bass jumps once in each period, and between its edges there is nothing that the detector of
clicks would not call quiet. A jump that was not played has no others like it. So each is compared, in the samples'
first difference (in which a jump is an impulse, whatever level it jumps from), with the second around it; and where it
begins a sound, with the beginnings of the others, as a sampled drum that starts off zero is played again and again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.audio.audio import Samples

REACH = 8
"""Samples on either side that show an edge's shape."""

AROUND_S = 1.0
COMPANIONS = 8
"""Edges alike within a second on either side that make a waveform of it: those of a tone of 4 Hz. Ten jumps in six
seconds, all of one height, have two or three."""

ALIKE = 0.8
"""Cosine. Band-limited edges that lie up to a third of a sample apart have it, so a tone of any pitch shows most."""

SIZES = 0.4, 2.5
"""How much larger or smaller a like one may be: the first edge of a square is half of those that follow."""

POSSIBLE = 0.25
"""Of the edge's steepest difference: less cannot be part of one alike, a peak between two samples being shared."""

FOLLOWS_S = 0.02
BEGINS = 4.0
"""The power by which a sound that begins exceeds what was there before; past a mere jump the sound goes on."""

PLAYED_AGAIN, BARS_S = 3, 8.0

Frames = NDArray[np.intp]


def stand_alone(channel: Samples, frames: list[int], *, rate: int) -> list[bool]:
    """Whether the edge at each of the rising ``frames`` has no others like it."""
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
    """Frames near ``frame`` at which the differences look as they do there; itself is one of them."""
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
    """The frame of the steepest difference about here: a click's own frame is exact to some samples only."""
    first = max(frame - REACH // 2, 0)
    return first + int(np.abs(steps[first + REACH : frame + REACH + REACH // 2]).argmax())


def _near(places: Frames, others: Frames) -> NDArray[np.bool_]:
    """Which of the places lie within a shape's reach of one of the others; both rise."""
    after = np.searchsorted(others, places).clip(0, len(others) - 1)
    before = (after - 1).clip(0)
    return np.asarray(np.minimum(np.abs(others[after] - places), np.abs(others[before] - places)) <= REACH)


def _beginning(channel: Samples, frame: int, rate: int) -> Samples | None:
    """The 20 ms behind an edge without their mean, of length one; None where no sound begins there."""
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
    """Whether the edge begins a sound that is begun so again and again within some bars."""
    own = _beginning(channel, frame, rate)
    if own is None:
        return False
    others = (_beginning(channel, int(other), rate) for other in _alike(steps, frame, round(BARS_S * rate)))
    return sum(other is not None and float(own @ other) >= ALIKE for other in others) > PLAYED_AGAIN
