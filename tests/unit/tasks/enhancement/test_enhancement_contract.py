"""The contract lets nothing through that a member has no right to, and says what it was."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.common.errors import WorkError
from tasks.audio.audio import Audio
from tasks.enhancement.base import Bounds
from tasks.enhancement.contract import examine, require
from tests.support.signals.enhancement import RATE, high_passed, low_passed, music

BOUNDS = Bounds(kept_from_hz=30.0, cutoff_hz=8000.0)


def changed(audio: Audio, samples: np.ndarray) -> Audio:
    return Audio.of(samples, audio.rate)


def delayed(audio: Audio) -> Audio:
    return changed(audio, np.roll(audio.samples, 1, axis=1))


def more_bass(audio: Audio) -> Audio:
    return changed(audio, audio.samples + 0.06 * low_passed(audio, 100).samples)


def left_alone(audio: Audio) -> Audio:
    return changed(audio, audio.samples * [[1.02], [1.0]])


def muted_for_a_moment(audio: Audio) -> Audio:
    samples = audio.samples.copy()
    samples[:, RATE : RATE + 300] = 0
    return changed(audio, samples)


def hum(audio: Audio) -> Audio:
    return changed(audio, audio.samples + 3e-3 * np.sin(2 * np.pi * 100 / RATE * np.arange(audio.frames)))


def with_a_nan(audio: Audio) -> Audio:
    samples = audio.samples.copy()
    samples[1, 5] = np.nan
    return changed(audio, samples)


FAULTY: dict[str, tuple[str, Callable[[Audio], Audio]]] = {
    "a sample late": ("null", delayed),
    "a sample short": ("form", lambda audio: changed(audio, audio.samples[:, 1:])),
    "one channel lost": ("form", lambda audio: changed(audio, audio.samples[:1])),
    "another rate": ("form", lambda audio: Audio(audio.samples, 48000)),
    "not finite": ("form", with_a_nan),
    "channels swapped": ("null", lambda audio: changed(audio, audio.samples[::-1])),
    "upside down": ("null", lambda audio: changed(audio, -audio.samples)),
    "half a dB of bass": ("null", more_bass),
    "0.2 dB on the left alone": ("null", left_alone),
    "made mono": ("null", lambda audio: changed(audio, np.repeat(audio.samples.mean(axis=0)[None], 2, axis=0))),
    "saturated": ("null", lambda audio: changed(audio, np.tanh(audio.samples))),
    "7 ms muted": ("null", muted_for_a_moment),
    "hum": ("null", hum),
    "another song": ("null", lambda audio: music(seed=99)),
    "silence": ("null", lambda audio: changed(audio, 0 * audio.samples)),
    "louder by 0.3 LU": ("loudness", lambda audio: changed(audio, audio.samples * 10**0.015)),
    "softer by 0.3 LU": ("loudness", lambda audio: changed(audio, audio.samples * 10**-0.015)),
    "highs on the left alone": (
        "balance",
        lambda audio: changed(audio, audio.samples + high_passed(audio, 9000) * [[5.0], [0.0]]),
    ),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_member_is_refused_by_clause_and_figure(name: str) -> None:
    clause, fault = FAULTY[name]
    source = music(width=0.6)
    clauses = examine(source, fault(source), bounds=BOUNDS)
    assert clause in [found.name for found in clauses if not found.kept]
    with pytest.raises(WorkError, match=r"the enhancement faulty broke its contract \(.+\d") as caught:
        require(clauses, member="faulty")
    assert "Nothing of it was kept" in caught.value.remedy


@pytest.mark.slow
def test_the_place_of_a_change_is_named() -> None:
    source = music()
    (null,) = (clause for clause in examine(source, hum(source), bounds=BOUNDS) if clause.name == "null")
    assert "Hz, mid" in null.sentence
    long = music(duration_s=20)
    dropped = np.where((np.arange(long.frames) // (RATE // 2)) == 24, 0, long.samples)
    (null,) = (clause for clause in examine(long, changed(long, dropped), bounds=BOUNDS) if clause.name == "null")
    assert "worst around 12." in null.sentence


@pytest.mark.parametrize("audio", [music(), music(width=0), Audio(music().samples[:1], RATE), music(duration_s=0.4)])
def test_the_same_sound_a_little_softer_passes(audio: Audio) -> None:
    clauses = examine(audio, changed(audio, audio.samples * 0.985), bounds=BOUNDS)
    require(clauses, member="quiet")
    assert clauses[1].value is not None
    assert clauses[1].value < -100


def test_what_lies_outside_the_kept_band_may_change() -> None:
    source = music()
    added = 0.1 * high_passed(source, 11000) + 0.05 * np.sin(2 * np.pi * 5 / RATE * np.arange(source.frames))
    require(examine(source, changed(source, source.samples + added), bounds=BOUNDS), member="free")


@pytest.mark.slow
@settings(deadline=None, max_examples=12)
@given(change=st.floats(1e-3, 0.1), hz=st.floats(60, 7000), seed=st.integers(0, 1000))
def test_the_null_reads_how_much_was_added(change: float, hz: float, seed: int) -> None:
    """A tone of known power added to white noise is read in its octave, whatever its frequency."""
    rng = np.random.Generator(np.random.PCG64(seed))
    source = Audio.of(0.1 * rng.standard_normal((1, 4 * RATE)), RATE)
    tone = change * 0.1 * np.sqrt(2) * np.sin(2 * np.pi * hz / RATE * np.arange(source.frames))
    clauses = examine(source, changed(source, source.samples + tone), bounds=BOUNDS)
    whole_db = 20 * np.log10(change)
    # An octave holds part of the noise, from 30 Hz of 22050 to half of the band.
    assert clauses[1].value is not None
    assert whole_db + 2.5 < clauses[1].value < whole_db + 10 * np.log10(22050 / 20)
