"""Near-duplicates and loops: what is the same is found through what hides it, what only resembles is not."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import sawtooth

from catalog.selection.decide import DEFAULT_GATES
from catalog.selection.metrics import Measured
from tasks.audio.audio import Audio
from tasks.scoring.duplicates.fingerprint import AudioFingerprint, alike, fingerprint, likeness
from tasks.scoring.measures.looping import looping_ratio
from tests.support.signals.scoring import RATE, Signal, low_passed, noise, silence, sine, stereo, times


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


def printed(signal: Signal) -> AudioFingerprint:
    found = fingerprint(stereo(signal))
    assert found is not None
    return found


class TestNearDuplicates:
    @pytest.mark.parametrize(
        "hidden",
        [
            SONG * 0.2,
            SONG + noise(40, 0.0003),
            low_passed(SONG, 8000),
            np.append(silence(1.5), SONG),
            np.append(silence(0.3), SONG),
            SONG[3 * RATE :],
        ],
        ids=["quieter", "noise", "duller", "later", "between", "cut"],
    )
    def test_the_same_performance_is_recognised(self, hidden: Signal) -> None:
        assert likeness(printed(SONG), printed(hidden)).is_near

    def test_another_performance_is_not(self) -> None:
        assert likeness(printed(SONG), printed(melody(2))).pitches < 0.7

    def test_a_take_that_shares_most_of_its_length_is_not(self) -> None:
        other = SONG.copy()
        other[20 * RATE : 26 * RATE] = melody(2)[20 * RATE : 26 * RATE]
        assert not likeness(printed(SONG), printed(other)).is_near

    @pytest.mark.slow
    def test_takes_over_the_same_chords_with_other_melodies_are_not(self) -> None:
        chords = np.repeat([sum(sine(1, 440 * 2 ** (step / 12), 0.1) for step in (0, 4, 7))], 40, axis=0).ravel()
        chords *= np.tile(np.exp(-np.arange(RATE) / RATE), 40)
        takes = [printed(chords + low_passed(melody(1), 8000) + 0.2 * melody(seed)) for seed in (2, 3)]
        found = likeness(*takes)
        assert found.pitches > 0.95
        assert not found.is_near

    @pytest.mark.slow
    def test_lengths_on_both_sides_of_a_longer_hop_compare(self) -> None:
        long = melody(1, 150.2)
        one, other = printed(long[: round(149.9 * RATE)]), printed(long)
        assert one.hop_s != other.hop_s
        assert likeness(one, other).is_near
        assert likeness(one, printed(melody(2, 150.2))).pitches < 0.7

    def test_a_retake_and_its_parent_are_no_news_unless_their_samples_are_equal(self) -> None:
        same = printed(SONG)
        prints: dict[str, AudioFingerprint | None] = {"parent": same, "retake": same}
        assert alike(dict.fromkeys(prints), prints, {"retake": "parent"}) == []
        (group,) = alike(dict.fromkeys(prints), prints, {"retake": "another"})
        assert group.candidates == {"parent", "retake"}
        (group,) = alike(dict.fromkeys(prints, "1"), prints, {"retake": "parent"})
        assert group.how == "identical samples"

    @pytest.mark.slow
    def test_three_hundred_seeds_take_seconds(self) -> None:
        random = np.random.Generator(np.random.PCG64(1))
        bands = np.tile(random.integers(0, 16, 8), (240, 1))
        takes = [random.integers(0, 16, (240, 12)) for _ in range(300)]
        takes[200] = takes[100]
        prints = {
            f"c{at:03d}": AudioFingerprint(np.concatenate([take, bands], axis=1).astype(np.uint8), 0.5)
            for at, take in enumerate(takes)
        }
        began_s = time.process_time()
        (group,) = alike(dict.fromkeys(prints), prints)
        assert group.candidates == {"c100", "c200"}
        assert time.process_time() - began_s < 3

    @pytest.mark.slow
    def test_a_fingerprint_travels_as_json_of_at_most_4_kb(self) -> None:
        for length_s in (40.0, 285.0):
            found = printed(np.resize(SONG, round(length_s * RATE)))
            text = json.dumps(found.document())
            assert len(text) < 4096
            back = AudioFingerprint.from_document(json.loads(text))
            assert back is not None
            assert (back.hop_s, back.steps.tolist()) == (found.hop_s, found.steps.tolist())

    def test_one_of_another_scheme_is_left_alone(self) -> None:
        assert AudioFingerprint.from_document({"scheme": 0, "data": "?"}) is None

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

    @pytest.mark.slow
    def test_a_sound_that_stands_still_is_no_loop(self) -> None:
        chord = sum(0.1 * sawtooth(2 * np.pi * hz * times(30)) for hz in (130.81, 164.81, 196.0))
        pad = sine(30, 220, 0.2) * (1 + 0.5 * sine(30, 0.2, 1.0)) + sine(30, 331, 0.1)
        for still in (sine(20), chord, pad):
            assert looping_ratio(stereo(still)) == Measured(0.0)

    def test_a_loop_that_is_meant_reads_as_one_and_is_no_default_gate(self) -> None:
        bar = np.concatenate([noise(0.1), silence(0.25), sine(0.1, 60), silence(0.3), noise(0.05), silence(0.58)])
        assert looping_ratio(stereo(np.resize(bar, 30 * RATE))).value > 0.9
        assert "looping_ratio" not in DEFAULT_GATES

    @pytest.mark.slow
    def test_a_song_is_not_nor_is_one_whose_chorus_comes_twice(self) -> None:
        assert looping_ratio(stereo(SONG)) == Measured(0.0)
        again = looping_ratio(stereo(np.concatenate([SONG, melody(3), SONG[: 12 * RATE]])))
        assert again.value < 0.2

    def test_silence_is_no_loop(self) -> None:
        assert looping_ratio(stereo(np.append(SONG[: 15 * RATE], silence(25)))) == Measured(0.0)

    def test_what_is_too_short_repeats_nothing(self) -> None:
        assert looping_ratio(stereo(sine(9))) == Measured(0.0)


@pytest.mark.slow
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
        assert likeness(found, found).pitches == pytest.approx(1.0)
    assert 0.0 <= looping_ratio(audio).value <= 1.0
