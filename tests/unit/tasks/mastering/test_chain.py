"""Masters judged by the files that were written, by this meter and by others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile

from catalog.album.mastering import Compression, MasteringSpec, Profile
from catalog.common.errors import AudioRefused
from catalog.selection.metrics import Measured
from tasks.audio.audio import Audio
from tasks.audio.errors import AudioFileError
from tasks.audio.files import read_audio, sample_digest
from tasks.audio.metering.loudness import measure_loudness, pyloudnorm_integrated
from tasks.mastering.analysis.report import MasterReport
from tasks.mastering.chain import master_file
from tests.support.signals.mastering import RATE, REACHABLE, REFUSED, audio, brass, impulses, saw_bass, song, tone

pytestmark = pytest.mark.slow


def plain_true_peak_dbtp(written: Audio, oversampling: int = 16) -> float:
    """The whole file oversampled exactly, by its spectrum, without the meter under test."""
    padded = np.pad(written.samples.astype(np.float64), ((0, 0), (4096, 4096)))
    fine = scipy.signal.resample(padded, padded.shape[1] * oversampling, axis=1)
    return float(20 * np.log10(np.abs(fine).max()))


def master(tmp_path: Path, source: Audio, spec: MasteringSpec) -> tuple[Audio, MasterReport]:
    """Masters with the ends left alone, unless the spec asks for a fade."""
    spec = spec.model_copy(update={"trim": False})
    report = master_file(source, tmp_path / "master.wav", spec=spec)
    assert [path.name for path in tmp_path.iterdir()] == ["master.wav"]
    written = read_audio(tmp_path / "master.wav")
    assert soundfile.info(tmp_path / "master.wav").subtype == "PCM_24"
    assert written.samples.shape == (2, source.frames)
    assert written.rate == source.rate
    assert plain_true_peak_dbtp(written) <= spec.true_peak_ceiling_dbtp
    return written, report


@pytest.mark.parametrize("profile", ["streaming", "broadcast"])
@pytest.mark.parametrize("name", REACHABLE)
def test_the_written_file_meets_target_and_ceiling(tmp_path: Path, name: str, profile: Profile) -> None:
    spec = MasteringSpec(profile=profile)
    written, report = master(tmp_path, audio(REACHABLE[name]()), spec)
    second = pyloudnorm_integrated(written)
    assert report.limited_by is None
    assert report.integrated_lufs == pytest.approx(spec.loudness_target_lufs, abs=0.05)
    assert isinstance(second, Measured)
    assert second.value == pytest.approx(spec.loudness_target_lufs, abs=0.1)
    assert report.true_peak_dbtp == pytest.approx(plain_true_peak_dbtp(written, 8), abs=0.06)


@pytest.mark.parametrize("name", ["dense song", "clipped", "white noise", "sine", "fs/4 tone", "square"])
def test_loud_masters_too(tmp_path: Path, name: str) -> None:
    ceiling_dbtp = -1.0 if name == "dense song" else None  # under -2 dBTP it would take 12.3 dB of limiting
    spec = MasteringSpec(profile="loud", tone="none", ceiling_dbtp=ceiling_dbtp)
    _, report = master(tmp_path, audio(REACHABLE[name]()), spec)
    assert report.limited_by is None
    assert report.integrated_lufs == pytest.approx(-9, abs=0.05)


@pytest.mark.parametrize("target_lufs", [-14.0, -11.5])
@pytest.mark.parametrize("source", [saw_bass, brass])
def test_lopsided_waves_end_centred(tmp_path: Path, source: Callable[[], np.ndarray], target_lufs: float) -> None:
    """Dynamics move them off zero by up to 0.006; 0.0003 is what acceptance lets pass."""
    written, report = master(tmp_path, audio(source()), MasteringSpec(target_lufs=target_lufs))
    assert np.abs(written.samples.mean(axis=1, dtype=np.float64)).max() < 0.00001
    assert report.integrated_lufs == pytest.approx(target_lufs, abs=0.05)
    assert report.limited_by is None
    assert not written.samples[:, [0, -1]].any()
    assert report.stages[-1].parameters["offset_removed"] > 0.00005


@pytest.mark.parametrize("rate", [22050, 48000, 96000])
def test_other_rates(tmp_path: Path, rate: int) -> None:
    _, report = master(tmp_path, audio(song(4, rate=rate), rate), MasteringSpec(preset="bright"))
    assert report.integrated_lufs == pytest.approx(-14, abs=0.05)
    missing = [10_000, 16_000] if rate == 22050 else []
    assert report.notes == tuple(f"no shelf at {hz} Hz: the rate is too low" for hz in missing)


@pytest.mark.parametrize("name", ["impulses", "low tone"])
def test_a_target_out_of_reach_is_reported_and_not_forced(tmp_path: Path, name: str) -> None:
    source = audio({"impulses": impulses(), "low tone": tone(20, peak=0.9)}[name])
    written, report = master(tmp_path, source, MasteringSpec())
    loudness = measure_loudness(written).integrated_lufs
    assert isinstance(loudness, Measured)
    assert loudness.value < -14.1
    assert report.limited_by is not None
    assert "target_unreachable" in report.limited_by
    assert "12 dB of limiting" in report.limited_by
    assert f"{loudness.value:.1f} LUFS" in report.limited_by
    assert report.max_limiting_db == pytest.approx(12, abs=1e-6)


def test_no_peak_is_turned_down_by_more_than_allowed(tmp_path: Path) -> None:
    source = audio(song())
    reports = [master(tmp_path, source, MasteringSpec(max_limiting_db=most))[1] for most in (0, 2, 12)]
    with pytest.raises(AudioRefused) as refused:
        master_file(source, tmp_path / "refused.wav", spec=MasteringSpec(max_limiting_db=2), must_reach=True)
    assert refused.value.reason == "target_unreachable"
    assert f"{reports[1].integrated_lufs - 0.05:.1f} LUFS or less" in refused.value.remedy
    assert not (tmp_path / "refused.wav").exists()
    assert reports[0].max_limiting_db == pytest.approx(0, abs=1e-6)
    assert reports[1].max_limiting_db == pytest.approx(2, abs=1e-6)
    assert 2 < reports[2].max_limiting_db < 12
    assert reports[0].integrated_lufs < reports[1].integrated_lufs < reports[2].integrated_lufs
    assert reports[0].limited_by is not None
    assert reports[2].limited_by is None


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_mastered_is_refused_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    reason, samples = REFUSED[name]
    with pytest.raises(AudioRefused) as refused:
        master_file(audio(samples()), tmp_path / "master.wav", spec=MasteringSpec())
    assert refused.value.reason == reason
    assert refused.value.remedy
    assert not list(tmp_path.iterdir())


def test_a_failure_while_writing_keeps_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "master.wav").write_bytes(b"older")

    def cut_short(path: Path) -> Audio:
        raise AudioFileError(f"{path.name} is cut short")

    monkeypatch.setattr("tasks.mastering.chain.read_audio", cut_short)
    with pytest.raises(AudioFileError):
        master_file(audio(song(2)), tmp_path / "master.wav", spec=MasteringSpec())
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"older"]


def test_a_master_may_be_read_by_whom_any_new_file_may(tmp_path: Path) -> None:
    master_file(audio(song(1)), tmp_path / "master.wav", spec=MasteringSpec())
    (tmp_path / "plain").touch()
    assert (tmp_path / "master.wav").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        master_file(audio(song(3)), tmp_path / name, spec=MasteringSpec(profile="loud"))
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_a_master_does_not_depend_on_how_loud_its_source_was(tmp_path: Path) -> None:
    masters = [master(tmp_path, audio(gain * song()), MasteringSpec())[0].samples for gain in (1.0, 10.0, 0.003)]
    assert np.abs(masters[1] - masters[0]).max() < 1e-4
    assert np.abs(masters[2] - masters[0]).max() < 1e-4


def test_dc_is_gone_without_a_click(tmp_path: Path) -> None:
    clean, _ = master(tmp_path, audio(song()), MasteringSpec())
    offset, _ = master(tmp_path, audio(song() + 0.4), MasteringSpec())
    assert np.abs(offset.samples.mean(axis=1)).max() < 0.0003
    assert np.abs(offset.samples - clean.samples).max() < 0.01


def test_mono_is_written_to_both_channels(tmp_path: Path) -> None:
    written, report = master(tmp_path, audio(song()[:1]), MasteringSpec())
    assert np.array_equal(written.samples[0], written.samples[1])
    assert report.notes == ("mono input: written to both channels",)


def test_the_image_does_not_move(tmp_path: Path) -> None:
    """Compressor and limiter turn both channels down by one gain: a ratio of levels stays."""
    line = song()[0]
    written, _ = master(tmp_path, audio(np.stack([line, 0.25 * line])), MasteringSpec(profile="loud"))
    assert np.allclose(written.samples[1], 0.25 * written.samples[0], atol=1e-6)


def test_silence_stays_silent(tmp_path: Path) -> None:
    written, _ = master(tmp_path, audio(np.pad(song(5), ((0, 0), (0, 5 * RATE)))), MasteringSpec())
    assert np.abs(written.samples[:, 6 * RATE :]).max() == 0


def level_db(written: Audio, hz: float) -> float:
    middle = written.samples[0, RATE : 3 * RATE].astype(np.float64)
    return float(20 * np.log10(abs(np.mean(middle * np.exp(-2j * np.pi * hz / RATE * np.arange(2 * RATE))))))


def two_tones(hz: float) -> Audio:
    return audio(tone(1000, peak=0.2) + tone(hz, peak=0.05))


@pytest.mark.parametrize(
    ("hz", "preset", "expected_db"),
    [
        (15, "none", -12.3),
        (30, "none", -3.0),
        (120, "none", 0.0),
        (30, "bright", -1.1),
        (10_000, "bright", 1.75),
        (20_000, "bright", 4.7),
    ],
)
def test_high_pass_and_shelves(tmp_path: Path, hz: float, preset: str, expected_db: float) -> None:
    spec = MasteringSpec.model_validate({"preset": preset, "tone": "none", "compression": {"enabled": False}})
    written, report = master(tmp_path, two_tones(hz), spec)
    before = level_db(two_tones(hz), hz) - level_db(two_tones(hz), 1000)
    assert level_db(written, hz) - level_db(written, 1000) - before == pytest.approx(expected_db, abs=0.3)
    assert ("shelves" in [stage.name for stage in report.stages]) == (preset == "bright")


def test_compression_narrows_levels_and_can_be_off(tmp_path: Path) -> None:
    time = np.arange(8 * RATE) / RATE
    steps = audio(tone(440, duration_s=8) * np.where(time % 4 < 2, 1.0, 0.25))

    def step_db(compression: Compression) -> float:
        spec = MasteringSpec(profile="broadcast", compression=compression, fade=False)
        written, _ = master(tmp_path, steps, spec)
        loud, soft = (written.samples[0, start * RATE : (start + 1) * RATE] for start in (5, 7))
        return float(10 * np.log10(np.mean(loud**2) / np.mean(soft**2)))

    assert step_db(Compression(enabled=False)) == pytest.approx(12.04, abs=0.01)
    # both levels lie above this threshold, so a ratio of 2 halves their distance
    assert step_db(Compression(threshold_db=-50, ratio=2)) == pytest.approx(6.02, abs=0.1)
    assert 6.5 < step_db(Compression()) < 11.5


def test_compression_time_constants(tmp_path: Path) -> None:
    """The gain has gone 63 % of its way after the attack time."""
    time = np.arange(4 * RATE) / RATE
    steps = audio(np.where(time < 2, 0.02, 0.2) * np.sign(tone(2000, degrees=10)))
    spec = MasteringSpec(profile="broadcast", compression=Compression(threshold_db=-60, ratio=20, attack_ms=100))
    written, _ = master(tmp_path, steps, spec)
    envelope = np.abs(written.samples[0]) / np.abs(steps.samples[0])
    start, end = np.median(envelope[2 * RATE - 4410 : 2 * RATE - 100]), np.median(envelope[-4410:])
    # the detector goes 63 % of the way from 0.02 to 0.2; 20:1 gain follows its inverse nearly
    expected = start * (0.02 / (0.02 + 0.18 * (1 - np.exp(-1)))) ** 0.95
    reached = np.median(envelope[2 * RATE + 4410 - 200 : 2 * RATE + 4410 + 200])
    assert reached == pytest.approx(expected, rel=0.06)
    assert end < reached < start


def test_the_report_is_plain_json_and_tells_the_whole_way(tmp_path: Path) -> None:
    _, report = master(tmp_path, audio(song(3)), MasteringSpec(preset="bright"))
    document = json.loads(json.dumps(report.as_document(), allow_nan=False))
    names = [stage["name"] for stage in document["stages"]]
    assert names == ["level", "clean", "tone", "shelves", "dynamics", "ends", "limit"]
    assert document["ends"] == document["stages"][-2]["parameters"]
    for stage in document["stages"][:4]:  # level-neutral, but for the rumble that is gone
        assert stage["after"]["integrated_lufs"] == pytest.approx(-18, abs=0.3)
    assert document["integrated_lufs"] == report.integrated_lufs
    assert (document["source_frames"], document["source_rate"]) == (3 * RATE, RATE)
    assert document["stages"][-1]["after"]["integrated_lufs"] == report.integrated_lufs
    for stage, after in zip(document["stages"], document["stages"][1:], strict=False):
        assert stage["after"] == after["before"]


def test_a_range_that_cannot_be_read_is_null(tmp_path: Path) -> None:
    _, report = master(tmp_path, audio(REACHABLE["1 s"]()), MasteringSpec())
    assert report.as_document()["loudness_range_lu"] is None


def test_a_written_master_can_be_mastered_again(tmp_path: Path) -> None:
    first, _ = master(tmp_path, audio(song(4)), MasteringSpec())
    second, report = master(tmp_path, first, MasteringSpec())
    assert report.integrated_lufs == pytest.approx(-14, abs=0.1)
    assert sample_digest(first) != sample_digest(second)
