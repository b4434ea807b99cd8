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
    verdicts = np.ones(len(places), dtype=bool)
    for index, place in enumerate(places):
        if verdicts[index]:
            alike_frames = _alike(steps, int(place), round(AROUND_S * rate))
            if len(alike_frames) > COMPANIONS:
                verdicts &= ~_near(places, alike_frames)
                verdicts[index] = False
    return [
        bool(is_alone) and not _played_again(channel, steps, frame, rate=rate)
        for frame, is_alone in zip(frames, verdicts, strict=True)
    ]


def _alike(steps: NDArray[np.float64], frame: int, around: int) -> Frames:
    """Frames near ``frame`` at which the differences have the same shape; ``frame`` itself is one of them."""
    frame = _steepest(steps, frame)
    shape = steps[frame : frame + 2 * REACH + 1]
    first_frame = max(frame - around, 0)
    surroundings = steps[first_frame : frame + around + 2 * REACH + 1]
    middle = surroundings[REACH : len(surroundings) - REACH]
    candidates = np.flatnonzero(np.abs(middle) >= POSSIBLE * np.abs(shape).max())
    windows = np.lib.stride_tricks.sliding_window_view(surroundings, len(shape))[candidates]
    products, power = windows @ shape, float(shape @ shape)
    cosines = products / np.sqrt(np.maximum(np.einsum("wf,wf->w", windows, windows) * power, 1e-30))
    sizes = products / power
    matches = candidates[(cosines >= ALIKE) & (sizes >= SIZES[0]) & (sizes <= SIZES[1])]
    is_apart = np.diff(matches, prepend=-REACH - 1) > REACH
    return np.asarray(matches[is_apart] + first_frame)


def _steepest(steps: NDArray[np.float64], frame: int) -> int:
    """The frame of the steepest difference around ``frame``: a click's own frame is exact to some samples only."""
    first_frame = max(frame - REACH // 2, 0)
    return first_frame + int(np.abs(steps[first_frame + REACH : frame + REACH + REACH // 2]).argmax())


def _near(places: Frames, others: Frames) -> NDArray[np.bool_]:
    """Which of ``places`` lie within a shape's length of one of ``others``; both are rising."""
    next_index = np.searchsorted(others, places).clip(0, len(others) - 1)
    previous_index = (next_index - 1).clip(0)
    return np.asarray(np.minimum(np.abs(others[next_index] - places), np.abs(others[previous_index] - places)) <= REACH)


def _beginning(channel: Samples, frame: int, rate: int) -> Samples | None:
    """The 20 ms after an edge without their mean, normalised to length one; None where no sound begins there."""
    length = max(1, round(FOLLOWS_S * rate))
    start = frame + REACH
    samples_before, samples_after = (
        channel[max(frame - REACH - length, 0) : max(frame - REACH, 0)],
        channel[start : start + length],
    )
    if len(samples_after) < length:
        return None
    samples_after = samples_after - samples_after.mean()
    power = float(samples_after @ samples_after)
    power_before = float(np.square(samples_before - samples_before.mean()).sum()) if samples_before.size else 0.0
    return samples_after / np.sqrt(np.float32(power)) if power > BEGINS * power_before and power > 0 else None


def _played_again(channel: Samples, steps: NDArray[np.float64], frame: int, *, rate: int) -> bool:
    """Whether the edge begins a sound that begins the same way again and again within some bars."""
    edge_beginning = _beginning(channel, frame, rate)
    if edge_beginning is None:
        return False
    beginnings = (_beginning(channel, int(beginning), rate) for beginning in _alike(steps, frame, round(BARS_S * rate)))
    return (
        sum(beginning is not None and float(edge_beginning @ beginning) >= ALIKE for beginning in beginnings)
        > PLAYED_AGAIN
    )
