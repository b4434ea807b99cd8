"""One sound at 44.1 and at 48 kHz: the same readings, so that takes of both rates compete fairly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.ledger.work import StepRequest
from catalog.selection.metrics import Measured, NotMeasurable, Reading
from tasks.audio.audio import Audio
from tasks.audio.files import resample, write_wav
from tasks.scoring.base import Brief
from tasks.scoring.duplicates.fingerprint import AudioFingerprint, fingerprint, likeness
from tasks.scoring.just_noticeable import STEPS
from tasks.scoring.registry import load_scorers
from tasks.scoring.step import score
from tasks.steps.run_step import StepContext
from tests.support.guide_songs import guide_audio
from tests.support.signals.scoring import low_passed, noise, stereo

RATES = (44_100, 48_000)
AIRLESS = low_passed(noise(8), 18_000)
"""Noise without what lies at the edge of 44.1 kHz, which resampling takes away: there it is another sound."""

BRIEF = Brief(length_s=20.0, bpm=120.0, key="A minor", line_starts_s=(2.0, 6.0))

CLOSER = {
    "integrated_lufs": 0.01,
    "loudness_range_lu": 0.01,
    "true_peak_dbtp": 0.1,
    "sample_peak_dbfs": 1.0,  # samples lie elsewhere under the same true peak
    "plr_db": 0.1,
    "ending_dbfs": 0.1,
    "stereo_correlation": 0.001,
    "side_mid_db": 0.01,
    "mono_loss_lu": 0.01,
    "spectral_flatness": 0.005,
    "duration_error_s": 0.001,
}
"""What two readings of one sound may be apart; for all other metrics it is the just-noticeable step."""


FADED = {"ending_dbfs": -40.0}
"""Below this an ending has faded: its last 50 ms, cut at other samples, fall by decibels, and the limit is -30."""


def readings(audio: Audio) -> Mapping[str, Reading]:
    return {name: reading for scorer in load_scorers() for name, reading in scorer.score(audio, BRIEF).items()}


def apart(first: Mapping[str, Reading], second: Mapping[str, Reading]) -> dict[str, float]:
    """The metrics whose readings differ by more than they may."""
    found = {}
    for name, reading in first.items():
        other = second[name]
        assert isinstance(reading, Measured) == isinstance(other, Measured), name
        if isinstance(reading, Measured) and isinstance(other, Measured):
            least = FADED.get(name, -np.inf)
            difference = abs(max(reading.value, least) - max(other.value, least))
            if difference > CLOSER.get(name, STEPS[name][0]):
                found[name] = difference
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "sound",
    [
        lambda: guide_audio(),
        lambda: guide_audio(seed=2),
        lambda: stereo(low_passed(noise(20), 16_000)),
        lambda: stereo(np.concatenate([AIRLESS, np.zeros(3 * 44_100), AIRLESS])),
    ],
    ids=["song", "another song", "noise under a wall", "noise with a gap"],
)
def test_every_metric_reads_the_same(sound) -> None:
    audio = sound()
    first = readings(audio)
    assert sum(isinstance(reading, NotMeasurable) for reading in first.values()) <= 3
    assert apart(first, readings(resample(audio, RATES[1]))) == {}


@pytest.mark.parametrize(("from_hz", "to_hz"), [RATES, RATES[::-1]])
def test_content_that_no_release_of_44_1_khz_holds_wins_nothing(from_hz: int, to_hz: int) -> None:
    """White noise fills both rates, up to 22.05 or 24 kHz; a resampler's own edge is no cut."""
    full = Audio.of(np.random.Generator(np.random.PCG64(1)).uniform(-0.2, 0.2, (2, 5 * from_hz)), from_hz)
    for audio in (full, resample(full, to_hz)):
        found = readings(audio)
        assert cast(Measured, found["bandwidth_hz"]).value == pytest.approx(22_050, abs=1000)
        assert cast(Measured, found["cutoff_hz"]).value == 22_050


@pytest.mark.parametrize(("wall_hz", "ends"), [(None, "roll-off"), (16_000, "brick wall")])
@pytest.mark.parametrize("rate", RATES)
def test_a_score_tells_how_the_spectrum_ends(tmp_path: Path, rate: int, wall_hz: int | None, ends: str) -> None:
    sound = stereo(noise(5) if wall_hz is None else low_passed(noise(5), wall_hz))
    write_wav(tmp_path / "audio.wav", resample(sound, rate), subtype="FLOAT")
    store = SimpleNamespace(local=lambda _: tmp_path / "audio.wav")
    request = StepRequest("score", 2, {"brief": {**asdict(BRIEF)}}, {"audio": "audio"})
    outcome = score(StepContext(request, tmp_path, cast(Catalog, SimpleNamespace(store=store))))
    assert outcome.result["bandwidth"]["ends"] == ends


def printed(audio: Audio) -> AudioFingerprint:
    found = fingerprint(audio)
    assert found is not None
    return found


@pytest.mark.slow
def test_one_performance_at_two_rates_is_a_near_duplicate() -> None:
    song = guide_audio()
    assert likeness(printed(song), printed(resample(song, RATES[1]))).is_near
    assert not likeness(printed(song), printed(resample(guide_audio(seed=2), RATES[1]))).is_near
