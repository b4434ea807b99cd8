"""What is heard once and used again is what hearing again would give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.audio.metering.loudness import unit_powers, weighted_energies
from tasks.mastering.metered_audio import control_edges, measure_audio
from tasks.mastering.processors.ends import Ends
from tests.support.signals.mastering import RATE, audio, song

SONG = song(4)


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000])
def test_units_and_control_blocks_come_from_one_hearing(rate: int) -> None:
    sound = audio(SONG[:, : 3 * rate + 5], rate)
    heard = measure_audio(sound)
    np.testing.assert_allclose(heard.unit_powers, unit_powers(sound), rtol=1e-12)
    np.testing.assert_allclose(
        heard.control_energies, weighted_energies(sound, control_edges(sound.frames)), rtol=1e-12
    )


@settings(max_examples=40, deadline=None)
@given(
    frames=st.integers(1, 4 * RATE),
    tail=st.integers(0, 2 * RATE),
    fade_in=st.integers(0, RATE),
    fade_out=st.integers(0, 2 * RATE),
)
def test_other_ends_are_heard_as_if_all_were_heard_again(frames: int, tail: int, fade_in: int, fade_out: int) -> None:
    sound = audio(SONG[:, :frames])
    tail = min(tail, frames - 1)
    fade_in = min(fade_in, frames - tail)
    ends = Ends(0, tail, fade_in, min(fade_out, frames - tail - fade_in))
    ended = ends.applied(sound)
    again, worked_out = (
        measure_audio(ended),
        measure_audio(sound).with_other_ends(ended, fade_in=ends.fade_in, fade_out=ends.fade_out),
    )
    assert np.array_equal(worked_out.edges, again.edges)
    np.testing.assert_allclose(worked_out.energies, again.energies, rtol=1e-9, atol=1e-18)
