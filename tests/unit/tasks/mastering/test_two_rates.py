"""Mastering at 44.1 and 48 kHz: one rate is reached by resampling once, first, and both rates sound alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from catalog.album.mastering import MasteringSpec
from catalog.common.errors import AudioRefused
from catalog.ledger.results import StepResult
from tasks.acceptance.requests import request_acceptance
from tasks.audio.audio import Audio
from tasks.audio.files import at_rate, read_audio, resample
from tasks.audio.metering.true_peak import true_peak_dbtp
from tasks.mastering.album import song_level
from tasks.mastering.analysis.reference import measure_reference
from tasks.mastering.analysis.spectrum import third_octaves
from tasks.mastering.chain import master_file
from tasks.mastering.versions import Mastered, version_file
from tests.support.guide_songs import guide_audio
from tests.support.signals.mastering import dense, song

PAIRS = [(44_100, 48_000), (48_000, 44_100)]


def silence_around(sound: Audio) -> Audio:
    rest = np.zeros((2, 2 * sound.rate), np.float32)
    return Audio(np.concatenate([rest, sound.samples, rest], axis=1), sound.rate)


@pytest.mark.slow
@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
@pytest.mark.parametrize("spec", [MasteringSpec(), MasteringSpec(profile="dynamic"), MasteringSpec(tone="rock")])
def test_a_source_of_another_rate_is_mastered_as_its_resampling(
    tmp_path: Path, from_hz: int, to_hz: int, spec: MasteringSpec
) -> None:
    source = silence_around(Audio(song(4, rate=from_hz).astype(np.float32), from_hz))
    report = master_file(source, tmp_path / "one.wav", spec=spec, rate=to_hz)
    as_resampled = master_file(resample(source, to_hz), tmp_path / "two.wav", spec=spec)
    assert report.sample_digest == as_resampled.sample_digest
    assert read_audio(tmp_path / "one.wav").rate == to_hz
    assert report.notes[0] == f"resampled from {from_hz} to {to_hz} Hz by soxr HQ"
    assert report.notes[1:] == as_resampled.notes
    document = report.as_document()
    assert document["resampled"] == {"from_hz": from_hz, "to_hz": to_hz, "by": "soxr HQ"}
    assert (document["source_rate"], document["source_frames"]) == (from_hz, source.frames)
    assert "resampled" not in as_resampled.as_document()
    level = song_level(source, spec=spec, rate=to_hz)
    assert level == song_level(resample(source, to_hz), spec=spec)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["instrumental", "acapella"])
def test_versions_are_resampled_as_their_master_was(tmp_path: Path, version) -> None:
    mix, voice = (Audio(signal.astype(np.float32), 48_000) for signal in (song(4, rate=48_000), 0.3 * dense(4, seed=9)))
    voice = Audio(voice.samples[:, : mix.frames], 48_000)
    mix = Audio(mix.samples[:, : voice.frames], 48_000)
    made = []
    for number, rate in enumerate((44_100, None)):
        parts = (mix, voice) if rate else (at_rate(mix, 44_100), at_rate(voice, 44_100))
        options = {"version": version, "spec": MasteringSpec(), "mastered": Mastered(3.0, ENDS), "rate": rate}
        made.append(version_file(*parts, tmp_path / f"{number}.wav", **options))
    first, second = (read_audio(tmp_path / f"{number}.wav") for number in range(2))
    assert first.rate == second.rate == 44_100
    assert np.abs(first.samples - second.samples).max() < 1e-5
    assert made[0].as_document()["resampled"] == {"from_hz": 48_000, "to_hz": 44_100, "by": "soxr HQ"}
    assert "resampled" not in made[1].as_document()


ENDS = {"head_s": 0.0, "tail_s": 0.5, "fade_in_s": 0.0, "fade_out_s": 0.1}


SPECTRUM_DB = 1.5
"""What third octaves of 20 s may be apart: frames of one length in samples lie elsewhere in time, as after a cut of a
tenth of a second (0.6 dB here; 0.3 dB in 95 s)."""


@pytest.mark.slow
@pytest.mark.parametrize("block", [{}, {"profile": "loud", "tone": "none"}, {"profile": "dynamic"}, {"tone": "pop"}])
def test_one_song_is_mastered_alike_at_both_rates(tmp_path: Path, block: dict[str, str]) -> None:
    source = silence_around(guide_audio())
    reports, masters = [], []
    for sound in (source, resample(source, 48_000)):
        path = tmp_path / f"{sound.rate}.wav"
        reports.append(master_file(sound, path, spec=MasteringSpec.model_validate(block)))
        masters.append(read_audio(path))
        assert true_peak_dbtp(masters[-1], 16).value <= reports[-1].ceiling_dbtp
    one, other = reports
    assert (one.limited_by is None) == (other.limited_by is None)
    is_free = one.limited_by is not None or block.get("profile") == "dynamic"  # the highest peak decides
    assert one.integrated_lufs == pytest.approx(other.integrated_lufs, abs=0.2 if is_free else 0.05)
    assert one.gain_db == pytest.approx(other.gain_db, abs=0.2 if is_free else 0.05)
    assert one.loudness_range_lu.value == pytest.approx(other.loudness_range_lu.value, abs=0.1)
    assert {name: pytest.approx(seconds, abs=0.011) for name, seconds in one.ends.items()} == other.ends
    levels = [third_octaves(master).levels_db for master in masters]
    assert np.abs(levels[0] - levels[1])[levels[0] > levels[0].max() - 60].max() < SPECTRUM_DB


@pytest.mark.slow
def test_a_reference_of_either_rate_gives_one_curve_and_loudness() -> None:
    track = guide_audio()
    one, other = (measure_reference(sound) for sound in (track, resample(track, 48_000)))
    assert one.loudness_lufs == pytest.approx(other.loudness_lufs, abs=0.01)
    audible = one.curve.levels_db > one.curve.levels_db.max() - 60
    assert np.abs(one.curve.levels_db - other.curve.levels_db)[audible].max() < SPECTRUM_DB


def test_samples_that_are_not_finite_are_refused_before_they_spread(tmp_path: Path) -> None:
    broken = song(1, rate=48_000).astype(np.float32)
    broken[0, 1000] = np.nan
    with pytest.raises(AudioRefused, match=r"^1 samples of the audio are not finite"):
        master_file(Audio(broken, 48_000), tmp_path / "master.wav", spec=MasteringSpec(), rate=44_100)
    assert not (tmp_path / "master.wav").exists()


@example(frames=80, pair=(48_000, 44_100), ends=(0.0, 0.0))
@example(frames=400, pair=(48_000, 44_100), ends=(0.0, 0.0))
@given(frames=st.integers(1, 20_000), pair=st.sampled_from(PAIRS), ends=st.tuples(st.floats(0, 0.1), st.floats(0, 0.1)))
def test_the_length_that_is_checked_is_the_length_that_resampling_gives(
    frames: int, pair: tuple[int, int], ends: tuple[float, float]
) -> None:
    from_hz, to_hz = pair
    result = {
        "target_lufs": -14.0,
        "ceiling_dbtp": -1.0,
        "source_rate": from_hz,
        "source_frames": frames,
        "ends": dict(zip(("head_s", "tail_s"), ends, strict=True)),
    }
    request = request_acceptance(MasteringSpec(), StepResult("key", result, {"master": "digest"}), rate=to_hz)
    target = request.parameters["target"]
    made = at_rate(Audio(np.ones((1, frames), np.float32), from_hz), to_hz)
    assert target["rate"] == made.rate
    assert target["frames"] == made.frames - round(sum(ends) * to_hz)
