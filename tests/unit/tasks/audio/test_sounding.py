"""Where sound begins and ends: by blocks of 10 ms, on any channel, at any rate."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.audio.audio import Audio
from tasks.audio.sounding import non_silent_span


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_a_span_is_told_to_the_block(rate: int) -> None:
    lines = np.zeros((2, 3 * rate))
    lines[1, rate + 7 : 2 * rate] = 0.01
    block = rate // 100
    first, past = non_silent_span(Audio.of(lines, rate)) or (0, 0)
    assert first <= rate + 7 < first + block
    assert past - block < 2 * rate <= past
    assert non_silent_span(Audio.of(lines, rate), floor_dbfs=-39.0) is None


def test_a_lone_soft_sample_is_no_sound_and_a_loud_one_is() -> None:
    lines = np.zeros((1, 44100))
    lines[0, 1000] = 0.02
    assert non_silent_span(Audio.of(lines, 44100)) is None
    lines[0, 1000] = 0.9
    assert non_silent_span(Audio.of(lines, 44100)) == (882, 1323)


def test_the_last_block_may_be_short() -> None:
    lines = np.zeros((1, 1000))
    lines[0, 999] = 0.1
    assert non_silent_span(Audio.of(lines, 44100)) == (882, 1000)


@pytest.mark.parametrize("frames", [0, 5000])
def test_nothing_that_sounds_has_no_span(frames: int) -> None:
    assert non_silent_span(Audio.of(np.zeros((2, frames)), 44100)) is None
