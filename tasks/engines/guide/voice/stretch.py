"""Spoken spectra stretched over sung times: what is short in speech stays short, what can be held is held."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tasks.engines.guide.voice.plan import SungPhone
from tasks.engines.guide.voice.spectra import SpokenSpectra
from tasks.engines.guide.voice.vocoder import FRAME_S, Matrix

NATURAL_EDGE_S = 0.070
"""The first and last part of a vowel keep their spoken speed."""

DIPHTHONG_HOLD = (0.35, 0.40)
"""The part of a diphthong that is held; its glide then has its spoken speed."""

FADE_FRAMES = 3
"""The last frames of a phrase, which fade in speech, are left out of its release."""

BURST_S = 0.045
STOPS = frozenset(["p", "b", "t", "d", "k", "g", "ch", "jh", "ɡ", "tʃ", "dʒ", "ts", "tɕ", "ph", "kh", "q", "ʈ", "ɖ"])
"""In the phones of the bank and of espeak-ng."""


SONORANTS = frozenset({"l", "r", "m", "n", "ng", "w", "y", "j", "ɹ", "ŋ", "ɲ", "ʎ", "ɥ"})
"""Voiced consonants without a hiss."""


def frame_times(start_s: float, end_s: float) -> NDArray[np.float64]:
    """The times of the frames of a passage that begins at ``start_s``."""
    count = max(2, int(np.ceil((end_s - start_s) / FRAME_S)) + 1)
    times_s: NDArray[np.float64] = start_s + np.arange(count, dtype=np.float64) * FRAME_S
    return times_s


def stretched(spoken: SpokenSpectra, sung: Sequence[SungPhone], times_s: NDArray[np.float64]) -> tuple[Matrix, Matrix]:
    """Spectra and shares of pulses at the frames' times. ``sung`` has one phone for each of ``spoken``.

    A phrase that ends in a voiced sound is released with that sound: speech would stop at once.
    """
    position = np.zeros(len(times_s))
    for phone, (first, end) in zip(sung, pairwise(spoken.bounds.tolist()), strict=True):
        inside = (times_s >= phone.start_s) & (times_s < phone.end_s)
        position[inside] = first + _warped(phone, times_s[inside] - phone.start_s, (end - first) * FRAME_S) / FRAME_S
    position[times_s >= sung[-1].end_s] = spoken.bounds[-1] - 1
    last = sung[-2].phone
    if last.is_nucleus or last.symbol in SONORANTS:
        position[times_s >= sung[-1].start_s - FADE_FRAMES * FRAME_S] = spoken.bounds[-2] - 1 - FADE_FRAMES
    low = np.minimum(position.astype(np.int64), len(spoken.spectrum) - 1)
    high = np.minimum(low + 1, len(spoken.spectrum) - 1)
    part = (position - low).astype(np.float32)[:, None]
    spectrum: Matrix = spoken.spectrum[low] * (1 - part) + spoken.spectrum[high] * part
    pulses: Matrix = spoken.pulses[low] * (1 - part) + spoken.pulses[high] * part
    return spectrum, pulses


def _warped(phone: SungPhone, elapsed_s: NDArray[np.float64], spoken_s: float) -> NDArray[np.float64]:
    """Seconds into the spoken phone for seconds into the sung one."""
    sung_s = phone.duration_s
    if sung_s <= spoken_s:
        # Shorter than spoken: a stop loses closure first, everything else shrinks alike.
        return _shrunk(phone, elapsed_s, spoken_s)
    head_s, tail_s = _natural_ends(phone, spoken_s)
    knots = ([0.0, head_s, sung_s - tail_s, sung_s], [0.0, head_s, spoken_s - tail_s, spoken_s])
    return np.interp(elapsed_s, *knots)


def _shrunk(phone: SungPhone, elapsed_s: NDArray[np.float64], spoken_s: float) -> NDArray[np.float64]:
    sung_s = max(phone.duration_s, 1e-6)
    burst_s = min(BURST_S, 0.5 * sung_s, 0.5 * spoken_s) if phone.phone.symbol in STOPS else 0.0
    return np.interp(elapsed_s, [0.0, sung_s - burst_s, sung_s], [0.0, spoken_s - burst_s, spoken_s])


def _natural_ends(phone: SungPhone, spoken_s: float) -> tuple[float, float]:
    """The seconds at both ends of a phone that keep their speed."""
    if phone.phone.is_diphthong:
        return DIPHTHONG_HOLD[0] * spoken_s, (1 - DIPHTHONG_HOLD[1]) * spoken_s
    if phone.phone.is_nucleus:
        edge_s = min(NATURAL_EDGE_S, 0.45 * spoken_s)
        return edge_s, edge_s
    if phone.phone.symbol in STOPS:
        return 0.0, min(BURST_S, 0.5 * spoken_s)
    return 0.0, 0.0
