"""What the model gets to hear of an audio."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.common.errors import InputError
from tasks.audio.audio import Audio
from tasks.style.mulan.window import middle_window, reference_clip, whole_length

HEARD = 240_000


def ramp(length_s: float, rate: int = 24000) -> Audio:
    """Audio whose value tells its time: 0 at the start, 0.1 more with each ten seconds."""
    times = np.arange(round(length_s * rate)) / rate
    return Audio.of(np.stack([times / 100 + 0.2, times / 100 - 0.2]), rate)


class TestMiddleWindow:
    @pytest.mark.parametrize(
        ("duration_s", "window"),
        [(10.0, (0, 10)), (11.99, (0, 10)), (12.0, (1, 11)), (95.1, (42, 52)), (180.0, (85, 95)), (181.9, (85, 95))],
    )
    def test_it_lies_around_half_the_length_in_whole_seconds(
        self, duration_s: float, window: tuple[float, float]
    ) -> None:
        assert middle_window(duration_s) == window

    @given(st.floats(10, 7200))
    def test_it_always_lies_within(self, duration_s: float) -> None:
        start_s, end_s = middle_window(duration_s)
        assert start_s >= 0
        assert end_s <= duration_s
        assert end_s - start_s == 10

    def test_less_than_ten_seconds_is_refused(self) -> None:
        with pytest.raises(InputError, match=r"lasts 9\.94 s") as caught:
            middle_window(9.949)
        assert "10 s" in caught.value.remedy


class TestReferenceClip:
    def test_it_is_the_mean_of_the_channels_around_the_middle(self) -> None:
        clip = reference_clip(ramp(61))
        assert clip.dtype == np.float32
        np.testing.assert_allclose(clip, ramp(61).samples.mean(axis=0)[25 * 24000 : 35 * 24000], atol=1e-6)

    @pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000, 44101])
    def test_any_rate_gives_as_many_samples(self, rate: int) -> None:
        clip = reference_clip(ramp(20.5, rate))
        assert clip.shape == (HEARD,)
        np.testing.assert_allclose(clip[2000:-2000:1000], 0.05 + np.arange(2000, HEARD - 2000, 1000) / 2.4e6, atol=1e-3)

    def test_what_the_model_cannot_hear_does_not_fold_down(self) -> None:
        """14 kHz lies above what 24 kHz can hold: it has to vanish, not to sound as 10 kHz."""
        high = Audio.of(np.sin(2 * np.pi * 14000 * np.arange(441000) / 44100), 44100)
        assert np.abs(reference_clip(high)[1000:-1000]).max() < 1e-4


class TestWholeLength:
    @pytest.mark.parametrize(
        ("length_s", "hop_s", "starts"),
        [
            (10, None, [0]),
            (10.9, None, [0]),
            (11, None, [0, 1]),
            (20, None, [0, 10]),
            (35.5, None, [0, 10, 20, 25.5]),
            (20, 5, [0, 5, 10]),
            (22, 5, [0, 5, 10, 12]),
            (12, 30, [0, 2]),
        ],
    )
    def test_windows_follow_each_other_and_the_last_ends_with_the_song(
        self, length_s: float, hop_s: float | None, starts: list[float]
    ) -> None:
        windows = list(whole_length(ramp(length_s), hop_s=hop_s))
        assert [start_s for start_s, _, _ in windows] == starts
        for start_s, end_s, mono in windows:
            assert end_s - start_s == 10
            assert mono.shape == (HEARD,)
            assert mono[0] == pytest.approx(start_s / 100, abs=1e-6)
            assert mono[-1] == pytest.approx(end_s / 100, abs=1e-5)

    @pytest.mark.parametrize("hop_s", [0.0, -1.0, float("nan")])
    def test_a_hop_that_leads_nowhere_is_refused(self, hop_s: float) -> None:
        with pytest.raises(InputError, match="hop"):
            list(whole_length(ramp(12), hop_s=hop_s))

    def test_short_and_broken_audio_is_refused(self) -> None:
        with pytest.raises(InputError, match="10 s at a time"):
            list(whole_length(ramp(9.99)))
        broken = ramp(12)
        broken.samples[1, -1] = np.inf
        with pytest.raises(InputError, match="not finite"):
            list(whole_length(broken))
