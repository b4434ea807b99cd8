"""Instrumental and a-cappella: the master's filters and gain, and together the master again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catalog.album.mastering import MasteringSpec
from catalog.common.errors import AudioRefused
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, sample_digest
from tasks.audio.metering.true_peak import true_peak_dbtp
from tasks.mastering.analysis.admission import loudness_or_refusal
from tasks.mastering.analysis.reference import measure_reference
from tasks.mastering.chain import master_file
from tasks.mastering.versions import Mastered, Version, VersionReport, version_file
from tests.support.signals.mastering import RATE, audio, dense, saw_bass, song

pytestmark = pytest.mark.slow


def voice(duration_s: float = 5.0) -> Audio:
    """Vowel-like tones with rests."""
    time = np.arange(round(duration_s * RATE)) / RATE
    line = sum(np.sin(2 * np.pi * 220 * k * time) / k for k in range(1, 9))
    return audio(0.08 * np.tile(line * (time % 1 < 0.7), (2, 1)))


def rested(sound: Audio) -> Audio:
    return audio(np.pad(sound.samples, ((0, 0), (RATE, 2 * RATE))))


BACKING, VOICE = rested(audio(0.6 * song(5))), rested(voice())
MIX = audio(BACKING.samples + VOICE.samples)


def made(
    tmp_path: Path, version: Version, spec: MasteringSpec, reference: Audio | None = None
) -> tuple[Audio, Audio, VersionReport]:
    heard = None if reference is None else measure_reference(reference)
    report = master_file(MIX, tmp_path / "master.wav", spec=spec, reference=heard)
    part = version_file(
        MIX,
        VOICE,
        tmp_path / f"{version}.wav",
        version=version,
        spec=spec,
        mastered=Mastered(report.gain_db, dict(report.ends)),  # type: ignore[arg-type]
        reference=heard,
    )
    return read_audio(tmp_path / "master.wav"), read_audio(tmp_path / f"{version}.wav"), part


@pytest.mark.parametrize(
    "block", [{"tone": "jazz"}, {"preset": "bright", "effects": {"reverb": {}}}, {"reference": "dense.wav"}]
)
def test_both_versions_together_are_the_master(tmp_path: Path, block: dict[str, object]) -> None:
    """Where nothing but linear stages and gain are at work the sum is the master, to 80 dB under full scale."""
    spec = MasteringSpec.model_validate({"profile": "dynamic", "target_lufs": -25.0} | block)
    reference = audio(dense(4)) if spec.reference else None
    whole, instrumental, _ = made(tmp_path, "instrumental", spec, reference)
    _, acapella, _ = made(tmp_path, "acapella", spec, reference)
    assert instrumental.samples.shape == acapella.samples.shape == whole.samples.shape
    assert whole.frames < MIX.frames
    assert np.abs(instrumental.samples + acapella.samples - whole.samples).max() < 1e-4
    assert np.abs(acapella.samples).max() > 0.01


def test_a_version_keeps_the_ceiling_and_the_gain_of_a_loud_master(tmp_path: Path) -> None:
    spec = MasteringSpec(profile="loud", tone="none")
    whole, instrumental, report = made(tmp_path, "instrumental", spec)
    peak = getattr(true_peak_dbtp(instrumental, 16), "value", 0.0)
    assert peak <= -2
    assert report.limiting_db > 1
    assert instrumental.frames == whole.frames == report.frames
    assert report.integrated_lufs is not None
    assert report.integrated_lufs == pytest.approx(loudness_or_refusal(BACKING) + report.gain_db, abs=3)


def test_a_version_that_is_limited_ends_centred(tmp_path: Path) -> None:
    """The limiter alone would leave the bass 0.005 off zero."""
    bass = audio(saw_bass(5))
    other = audio(bass.samples[::-1] * np.float32(-0.9))  # taking it away leaves the bass lopsided and much louder
    mastered = Mastered(15.0, {"head_s": 0.0, "tail_s": 0.0, "fade_in_s": 0.0, "fade_out_s": 0.05})
    report = version_file(
        audio(bass.samples + other.samples),
        bass,
        tmp_path / "v.wav",
        version="acapella",
        spec=MasteringSpec(tone="none"),
        mastered=mastered,
    )
    written = read_audio(tmp_path / "v.wav")
    assert report.limiting_db > 6
    assert np.abs(written.samples.mean(axis=1, dtype=np.float64)).max() < 0.00001
    assert not written.samples[:, -1].any()
    assert report.sample_digest == sample_digest(written)


@pytest.mark.parametrize(
    ("vocals", "version", "reason"),
    [
        (audio(np.zeros((2, RATE))), "acapella", "invalid"),
        (audio(np.zeros(MIX.samples.shape)), "acapella", "silent"),
        (MIX, "instrumental", "silent"),
        (Audio(VOICE.samples, 48000), "acapella", "invalid"),
    ],
)
def test_what_does_not_belong_together_is_refused(tmp_path: Path, vocals: Audio, version: Version, reason: str) -> None:
    ends = {"head_s": 0.0, "tail_s": 0.0, "fade_in_s": 0.0, "fade_out_s": 0.0}
    with pytest.raises(AudioRefused) as refused:
        version_file(
            MIX, vocals, tmp_path / "v.wav", version=version, spec=MasteringSpec(), mastered=Mastered(0.0, ends)
        )
    assert refused.value.reason == reason
    assert not list(tmp_path.iterdir())
