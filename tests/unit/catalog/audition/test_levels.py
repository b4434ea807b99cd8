"""The gains that match sounds: equally loud, and nothing over the ceiling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.audition.levels import CEILING_DBTP, LOUDEST_LUFS, Level, matching_gains_db

LEVELS = st.builds(Level, st.floats(-40, 0), st.one_of(st.none(), st.floats(-20, 3)))


@given(st.dictionaries(st.sampled_from("abcdef"), LEVELS))
def test_matched_sounds_are_equally_loud_and_clip_nowhere(levels: dict[str, Level]) -> None:
    gains = matching_gains_db(levels)
    loudness = [(levels[name].loudness_lufs or 0) + gain for name, gain in gains.items()]
    assert all(value == pytest.approx(loudness[0], abs=0.011) for value in loudness)
    assert all(value <= LOUDEST_LUFS + 0.011 for value in loudness)
    for name, gain in gains.items():
        peak = levels[name].true_peak_dbtp
        assert (0.0 if peak is None else peak) + gain <= CEILING_DBTP + 0.011


def test_one_of_them_is_as_loud_as_it_can_be() -> None:
    gains = matching_gains_db({"quiet": Level(-20, -10), "loud": Level(-9, -1), "dynamic": Level(-22, -2)})
    assert gains == {"quiet": -1.0, "loud": -12.0, "dynamic": 1.0}


def test_a_sound_without_loudness_is_left_as_it_is() -> None:
    assert matching_gains_db({"silent": Level(), "other": Level(-16, -2)}) == {"other": 1.0}
    assert matching_gains_db({}) == {}


def test_one_very_quiet_sound_does_not_make_all_others_faint() -> None:
    gains = matching_gains_db({"click": Level(-50, -1), "song": Level(-14, -1), "other": Level(-16, -1)})
    assert "click" not in gains
    assert gains["song"] == -2.0
