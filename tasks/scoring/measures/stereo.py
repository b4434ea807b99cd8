"""Readings of the stereo image: correlation of the channels, their difference, and the loss on a mono loudspeaker."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.selection.metrics import Measured, NotMeasurable, Reading, Window
from tasks.audio.audio import Audio, Samples
from tasks.audio.metering.loudness import integrated_lufs, unit_powers
from tasks.scoring.measures.waveform import SILENCE_DBFS

WINDOW_S = 1
LOSS_MS = 10_000
SIDE_BOUND_DB = 120.0


def stereo_correlation(audio: Audio) -> Reading:
    """Mean correlation of left and right over whole audible seconds, with each second's own.

    1 is mono, 0 unrelated or one side only, -1 cancels in mono. Means are subtracted first.
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


def side_mid_db(audio: Audio) -> Reading:
    """Power of the channels' difference relative to that of their sum, dB: 0 for unrelated channels, far below for
    mono.

    Between -120 dB (two equal channels) and 120 dB (two that cancel).
    """
    if audio.channels != 2:
        return _not_stereo(audio)
    left, right = audio.samples
    mid, side = left + right, left - right
    powers = float(mid @ mid), float(side @ side)
    floor = sum(powers) * 10 ** (-SIDE_BOUND_DB / 10)
    if floor == 0.0:
        return NotMeasurable("both channels are silent, or as good as")
    return Measured(float(10 * np.log10(max(powers[1], floor) / max(powers[0], floor))))


def mono_loss_lu(audio: Audio, stereo: Reading) -> Reading:
    """Loudness of the two channels (``stereo``, measured before) less that of their mean played by both, LU.

    0 for identical channels, 3.01 for unrelated ones of equal level, more where they cancel. The windows of 10 s show
    where; they are not gated.
    """
    if audio.channels != 2:
        return _not_stereo(audio)
    if isinstance(stereo, NotMeasurable):
        return stereo
    # One channel with the power of the mean played by both.
    mono_audio = Audio.of(audio.samples.mean(axis=0) * np.float32(np.sqrt(2)), audio.rate)
    loudness = integrated_lufs(mono_audio)
    if isinstance(loudness, NotMeasurable):
        return NotMeasurable("the channels cancel: folded to mono it is silent")
    return Measured(
        stereo.value - loudness.value, _losses(unit_powers(audio, LOSS_MS), unit_powers(mono_audio, LOSS_MS))
    )


def _losses(stereo: NDArray[np.float64], mono: NDArray[np.float64]) -> tuple[Window, ...]:
    """The loss in each window that is audible in mono too."""
    seconds = LOSS_MS / 1000
    return tuple(
        Window(window_index * seconds, (window_index + 1) * seconds, float(10 * np.log10(stereo_power / mono_power)))
        for window_index, (stereo_power, mono_power) in enumerate(zip(stereo.tolist(), mono.tolist(), strict=True))
        if min(stereo_power, mono_power) > 10 ** (SILENCE_DBFS / 10)
    )


def _not_stereo(audio: Audio) -> NotMeasurable:
    return NotMeasurable("it is mono" if audio.channels == 1 else f"it has {audio.channels} channels, not 2")


def _correlation(window: Samples) -> float | None:
    """Correlation within one window (2, frames); None where both sides are silent, 0 where one is."""
    left, right = window - window.mean(axis=1, keepdims=True, dtype=np.float64)
    powers = float(left @ left), float(right @ right)
    floor = 10 ** (SILENCE_DBFS / 10) * window.shape[1]
    if max(powers) <= floor:
        return None
    if min(powers) <= floor * 1e-6:
        return 0.0
    return float(np.clip((left @ right) / np.sqrt(powers[0] * powers[1]), -1.0, 1.0))
