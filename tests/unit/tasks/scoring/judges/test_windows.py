"""What judges are given: one loudness, and stretches that cover the song in order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.selection.metrics import Measured, NotMeasurable
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import integrated_lufs
from tasks.scoring.judges.windows import at_listening_level, windows_of
from tests.support.signals.scoring import RATE, noise, silence, sine, stereo


@pytest.mark.parametrize("gain", [0.003, 0.1, 3.0])
def test_everything_is_heard_at_one_loudness(gain: float) -> None:
    levelled = at_listening_level(stereo(noise(3) * gain))
    assert isinstance(levelled, Audio)
    loudness = integrated_lufs(levelled)
    assert isinstance(loudness, Measured)
    assert loudness.value == pytest.approx(-23.0, abs=0.01)


def test_what_has_no_loudness_is_not_heard() -> None:
    for audio, reason in (
        (stereo(silence(2)), "silent throughout"),
        (stereo(sine(2, amplitude=1e-5)), "LUFS"),
        (stereo(sine(0.1)), "400 ms"),
        (stereo(np.append(sine(1), np.nan)), "not finite"),
    ):
        heard = at_listening_level(audio)
        assert isinstance(heard, NotMeasurable)
        assert reason in heard.reason


@pytest.mark.parametrize(("length_s", "ends_s"), [(25.0, [10, 20, 25]), (24.9, [10, 20]), (5.0, [5]), (4.9, [])])
def test_the_last_stretch_may_be_half_as_long(length_s: float, ends_s: list[float]) -> None:
    assert [stretch.end_s for stretch in windows_of(stereo(silence(length_s)))] == ends_s


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5 * RATE), st.sampled_from([0.5, 1.0, 1.7]))
def test_stretches_follow_each_other_and_lose_less_than_half_of_one(frames: int, seconds: float) -> None:
    audio = Audio.of(np.arange(frames, dtype=np.float32), RATE)
    parts = [stretch.part.samples[0] for stretch in windows_of(audio, seconds)]
    joined = np.concatenate([np.zeros(0, np.float32), *parts])
    assert np.array_equal(joined, audio.samples[0, : len(joined)])
    assert (frames - len(joined)) * 2 < round(seconds * RATE)
