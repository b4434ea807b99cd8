"""Readings of the stereo picture: correlation of the channels, and what a mono loudspeaker loses."""

from __future__ import annotations

import numpy as np

from catalog.metrics import Measured, NotMeasurable, Reading, Window
from tasks.audio.audio import Audio, Samples
from tasks.audio.loudness import integrated_lufs
from tasks.scoring.waveform import SILENCE_DBFS

WINDOW_S = 1


def stereo_correlation(audio: Audio) -> Reading:
    """Mean correlation of left and right over whole seconds that sound, with each second's own.

    1 is mono, 0 unrelated or one side only, -1 cancels in mono. Means are taken away first.
    """
    if audio.channels != 2:
        return _not_stereo(audio)
    frames = WINDOW_S * audio.rate
    windows = []
    for start in range(0, audio.frames - frames + 1, frames):
        value = _correlation(audio.samples[:, start : start + frames])
        if value is not None:
            at_s = start / audio.rate
            windows.append(Window(at_s, at_s + WINDOW_S, value))
    if not windows:
        return NotMeasurable(f"no whole second is louder than {SILENCE_DBFS:.0f} dBFS")
    return Measured(float(np.mean([window.value for window in windows])), tuple(windows))


def mono_loss_lu(audio: Audio, stereo: Reading) -> Reading:
    """Loudness of the two channels (``stereo``, measured before) less that of their mean played by both.

    0 for identical channels, 3.01 for unrelated ones of equal level, more where they cancel.
    """
    if audio.channels != 2:
        return _not_stereo(audio)
    if isinstance(stereo, NotMeasurable):
        return stereo
    folded = integrated_lufs(Audio.of(np.tile(audio.samples.mean(axis=0), (2, 1)), audio.rate))
    if isinstance(folded, NotMeasurable):
        return NotMeasurable("the channels cancel: folded to mono it is silent")
    return Measured(stereo.value - folded.value)


def _not_stereo(audio: Audio) -> NotMeasurable:
    return NotMeasurable("it is mono" if audio.channels == 1 else f"it has {audio.channels} channels, not 2")


def _correlation(window: Samples) -> float | None:
    """Correlation within one window; None where both sides are silent, 0 where one is."""
    left, right = window - window.mean(axis=1, keepdims=True, dtype=np.float64)
    powers = float(left @ left), float(right @ right)
    floor = 10 ** (SILENCE_DBFS / 10) * window.shape[1]
    if max(powers) <= floor:
        return None
    if min(powers) <= floor * 1e-6:
        return 0.0
    return float(np.clip((left @ right) / np.sqrt(powers[0] * powers[1]), -1.0, 1.0))
