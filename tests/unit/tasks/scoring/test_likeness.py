"""Near-duplicates and loops: what is the same is found through what hides it, what only resembles is not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scoring_signals import RATE, Signal, low_passed, noise, silence, sine, stereo

from catalog.metrics import Measured
from tasks.audio.audio import Audio
from tasks.scoring.likeness import Fingerprint, alike, fingerprint, likeness
from tasks.scoring.looping import looping_ratio


def melody(seed: int, length_s: float = 40.0) -> Signal:
    """Notes of a scale in an order that the seed decides, each of its own strength."""
    random = np.random.Generator(np.random.PCG64(seed))
    track = silence(length_s)
    for at in np.arange(0, length_s - 0.5, 0.5):
        pitch = 48 + random.choice([0, 2, 4, 5, 7, 9, 11]) + 12 * random.integers(0, 2)
        t = np.arange(RATE // 2) / RATE
        tone = sum(np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * k * t) / k for k in (1, 2, 3, 5))
        start = round(at * RATE)
        track[start : start + len(t)] += random.uniform(0.05, 0.2) * np.exp(-3 * t) * tone
    return track


SONG = melody(1)


def printed(signal: Signal) -> Fingerprint:
    found = fingerprint(stereo(signal))
    assert found is not None
    return found


class TestNearDuplicates:
    @pytest.mark.parametrize(
        "hidden",
        [SONG * 0.2, SONG + noise(40, 0.0003), low_passed(SONG, 8000), np.append(silence(1.5), SONG), SONG[3 * RATE :]],
        ids=["quieter", "noise", "duller", "later", "cut"],
    )
    def test_the_same_performance_is_recognised(self, hidden: Signal) -> None:
        pitches, features = likeness(printed(SONG), printed(hidden))
        assert pitches > 0.95
        assert features > 0.98

    def test_another_performance_is_not(self) -> None:
        pitches, _ = likeness(printed(SONG), printed(melody(2)))
        assert pitches < 0.7

    def test_a_fingerprint_travels_as_json_of_at_most_4_kb(self) -> None:
        for length_s in (40.0, 285.0):
            found = printed(np.resize(SONG, round(length_s * RATE)))
            text = json.dumps(found.document())
            assert len(text) < 4096
            back = Fingerprint.from_document(json.loads(text))
            assert back is not None
            assert (back.hop_s, back.steps.tolist()) == (found.hop_s, found.steps.tolist())

    def test_one_of_another_scheme_is_left_alone(self) -> None:
        assert Fingerprint.from_document({"scheme": 0, "data": "?"}) is None

    def test_groups_are_of_equal_samples_first_and_of_one_chain(self) -> None:
        same, other = printed(SONG), printed(melody(2))
        samples = {"a": "1", "b": "1", "c": "2", "d": "3", "e": None, "f": None}
        prints = {"a": same, "b": same, "c": same, "d": other, "e": None, "f": None}
        groups = alike(samples, prints)
        assert [sorted(group.candidates) for group in groups] == [["a", "b"], ["a", "c"]]
        assert groups[0].how == "identical samples"

    def test_nothing_to_hear_has_no_fingerprint(self) -> None:
        assert fingerprint(stereo(silence(5))) is None
        assert fingerprint(stereo(sine(0.5))) is None


class TestLooping:
    @pytest.mark.parametrize("period_s", [1.0, 2.31, 4.7])
    def test_a_generator_that_is_stuck_is_found(self, period_s: float) -> None:
        part = SONG[10 * RATE : round((10 + period_s) * RATE)]
        stuck = np.concatenate([SONG[: 10 * RATE], np.resize(part, 30 * RATE)]) + noise(40, 0.0005)
        reading = looping_ratio(stereo(stuck))
        assert reading.value > 0.5
        assert all(window.start_s > 7 for window in reading.windows)

    def test_a_sound_that_stands_still_is_stuck(self) -> None:
        reading = looping_ratio(stereo(sine(20)))
        assert reading.value == pytest.approx(1.0)

    def test_a_song_is_not_nor_is_one_whose_chorus_comes_twice(self) -> None:
        assert looping_ratio(stereo(SONG)) == Measured(0.0)
        again = looping_ratio(stereo(np.concatenate([SONG, melody(3), SONG[: 12 * RATE]])))
        assert again.value < 0.2

    def test_silence_is_no_loop(self) -> None:
        assert looping_ratio(stereo(np.append(SONG[: 15 * RATE], silence(25)))) == Measured(0.0)

    def test_what_is_too_short_repeats_nothing(self) -> None:
        assert looping_ratio(stereo(sine(9))) == Measured(0.0)


@settings(max_examples=25, deadline=None)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 2), st.sampled_from([2000, 24000, 90000])),
        elements=st.floats(-1, 1, width=32),
        fill=st.sampled_from([0.0, 1e-30, 0.25]).map(np.float32),
    )
)
def test_any_audio_is_like_itself_and_loops_by_a_share(samples: np.ndarray) -> None:
    audio = Audio(samples, 8000)
    found = fingerprint(audio)
    if found is not None and np.ptp(found.steps[:, :12], axis=0).any():
        assert likeness(found, found)[0] == pytest.approx(1.0)
    assert 0.0 <= looping_ratio(audio).value <= 1.0
