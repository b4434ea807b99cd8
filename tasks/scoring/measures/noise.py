"""Whether a song collapsed into noise: the share of seconds that have no tone in any octave and a steady level.

The spectrum of a whole second is examined by octaves. Averaged over frames and over both channels noise is flat in
each, whatever its colour, and a single tone, or the body of a drum, is not. The flatness of the least flat octave is
0.83 to 0.98 for white, pink and brown noise, mono or stereo; 0.03 to 0.54 in songs of the guide engine, 0.06 to 0.53
for drums alone, 0.04 to 0.45 for distorted guitars, 0.00 to 0.06 for pads and keys, 0.30 to 0.50 for a pad under wind
as loud as itself. Shakers and cymbals alone read up to 0.75, but come in strokes: their level within a second deviates
by 6 to 10 dB, that of noise by less than 1, by 5.8 where it swells up and down. Noise of a band narrower than an octave
cannot be distinguished from music here.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from catalog.selection.metrics import Measured, NotMeasurable, Reading
from tasks.scoring.measures.waveform import SILENCE_DBFS

OCTAVES_HZ = (200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0)
AUDIBLE_DB = 30.0
"""Octaves further under the strongest are ignored: leakage into them is as flat as noise."""

FLAT = 0.7
MOVES_DB = 6.0
LEAST_FRAMES = 10
"""The least number of frames to average, so that noise is flat."""

Powers = NDArray[np.float64]
_LEAST = 1e-100


def octave_edges(frame: int, rate: int) -> NDArray[np.int64]:
    """The bins at which octaves begin and end, as many as fit within ``rate``; ``frame`` is the transform's length."""
    return np.array([int(hz * frame / rate) for hz in OCTAVES_HZ if hz < 0.45 * rate])


def noise_ratio(powers: Powers, edges: NDArray[np.int64], *, in_second: int, silent: NDArray[np.bool_]) -> Reading:
    """Share of the audible seconds that are noise, 0 to 1.

    ``powers`` (frames, bins) are the spectra of all frames in the bins from the first of ``edges`` to the last,
    ``silent`` (frames,) marks silent ones. A second with a silent frame is no noise; one that is silent throughout does
    not count.
    """
    step = max(LEAST_FRAMES, in_second)
    seconds = len(powers) // step
    if seconds == 0 or len(edges) < 2:
        return NotMeasurable(f"it is shorter than {step} frames, or its sampling rate is too low")
    is_quiet = silent[: seconds * step].reshape(seconds, step)
    if is_quiet.all():
        return NotMeasurable(f"no second of it is louder than {SILENCE_DBFS:.0f} dBFS")
    second_powers = powers[: seconds * step].reshape(seconds, step, -1)
    is_noisy = ~is_quiet.any(axis=1) & _steady(second_powers) & _flat(second_powers.mean(axis=1), edges - edges[0])
    return Measured(float(np.mean(is_noisy[~is_quiet.all(axis=1)])))


def _steady(seconds: Powers) -> NDArray[np.bool_]:
    levels_db = 10 * np.log10(np.maximum(seconds.sum(axis=2), _LEAST))
    is_steady: NDArray[np.bool_] = levels_db.std(axis=1) < MOVES_DB
    return is_steady


def _flat(spectra: Powers, edges: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether every audible octave has the flatness of noise (geometric over arithmetic mean), shape (seconds,)."""
    octaves = [spectra[:, low:high] for low, high in pairwise(edges)]
    means = np.maximum(np.stack([octave.mean(axis=1) for octave in octaves]), _LEAST)
    geometric_means = np.stack([np.exp(np.log(np.maximum(octave, _LEAST)).mean(axis=1)) for octave in octaves])
    is_inaudible = means < means.max(axis=0) * 10 ** (-AUDIBLE_DB / 10)
    is_flat: NDArray[np.bool_] = np.all(is_inaudible | (geometric_means > FLAT * means), axis=0)
    return is_flat
