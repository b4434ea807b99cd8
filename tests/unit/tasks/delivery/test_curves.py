"""Waveform and loudness curve of a master."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.audio.audio import Audio
from tasks.delivery.curves import Curves, draw_curves, loudness_curve, waveform_peaks


def sine(seconds: float, level: float = 0.5, rate: int = 44_100) -> Audio:
    t = np.arange(int(seconds * rate)) / rate
    return Audio.of(np.stack([np.sin(2 * np.pi * 997 * t) * level] * 2), rate)


def test_peaks_are_the_extremes_of_each_stretch() -> None:
    samples = np.zeros((2, 8000), dtype=np.float32)
    samples[0, 4005] = 0.75
    samples[1, 4007] = -0.5
    peaks = waveform_peaks(Audio(samples, 8000))
    assert len(peaks) == 800
    assert peaks[400] == (-0.5, 0.75)
    assert all(pair == (0, 0) for index, pair in enumerate(peaks) if index != 400)


@pytest.mark.parametrize("frames", [0, 1, 799, 800, 801, 44_101])
def test_every_frame_is_in_exactly_one_stretch(frames: int) -> None:
    samples = np.linspace(-1, 1, frames, dtype=np.float32)[None]
    peaks = waveform_peaks(Audio.of(samples, 44_100))
    assert len(peaks) == min(800, frames)
    assert list(peaks) == sorted(peaks)
    if frames > 1:
        assert (peaks[0][0], peaks[-1][1]) == (-1, 1)


def test_broken_samples_do_not_spoil_the_picture() -> None:
    samples = np.full((1, 100), 0.25, dtype=np.float32)
    samples[0, 50:52] = (np.nan, np.inf)
    assert {high for _, high in waveform_peaks(Audio(samples, 100), points=10)} == {0.25}


def test_loudness_follows_the_song_and_leaves_silence_out() -> None:
    song = Audio.of(np.concatenate([sine(10).samples, np.zeros((2, 441_000), np.float32)], axis=1), 44_100)
    curve = loudness_curve(song, points=50)
    assert len(curve) <= 50
    assert curve[0][0] == pytest.approx(3.0)
    assert curve[2][1] == pytest.approx(-6.0, abs=0.1)
    assert curve[-1][1] is None


@pytest.mark.parametrize("seconds", [0.1, 2.9])
def test_a_short_song_has_no_curve(seconds: float) -> None:
    assert loudness_curve(sine(seconds)) == ()


def test_curves_come_back_from_json() -> None:
    curves = draw_curves(sine(5))
    assert Curves.from_document(curves.document()) == curves
    assert curves.duration_s == 5
