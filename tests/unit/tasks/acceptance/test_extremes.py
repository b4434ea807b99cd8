"""Every extreme input of AUDIO.md §2.6, mastered and judged by the written file: on target and under its ceiling, or
refused by name with nothing left behind. And any array whatever ends in one of these two.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.album.mastering import MasteringSpec
from catalog.common.errors import AudioRefused
from catalog.selection.metrics import Measured, Reading
from tasks.acceptance.checks import Target, examine
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio
from tasks.audio.metering.loudness import integrated_lufs
from tasks.audio.metering.true_peak import true_peak_dbtp
from tasks.mastering.analysis.report import MasterReport
from tasks.mastering.chain import master_file
from tests.support.signals.acceptance import beats

pytestmark = pytest.mark.slow

RATE = 44100
REASONS = {"silent", "too_short", "invalid", "target_unreachable"}
Lines = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def song() -> Lines:
    return beats(6)


def dense() -> Lines:
    """Saturated, so that it can be made loud."""
    return np.tanh(4 * beats(6))


def piano() -> Lines:
    """Struck strings that die away, at about -31 LUFS."""
    time = np.arange(6 * RATE) / RATE
    since = time % 1.5
    notes = sum(np.sin(2 * np.pi * hz * time) / n for n, hz in enumerate((220, 440, 660, 880), 1))
    return np.stack([0.035 * notes * np.exp(-1.5 * since) * np.minimum(1, 300 * since)] * 2)


def lopsided() -> Lines:
    """A band-limited saw in the bass under drums, faded at both ends: its wave reaches further down than up."""
    time = np.arange(6 * RATE) / RATE
    phases = 2 * np.pi * 55 * time
    saw = sum(np.cos(n * phases + 1) / n for n in range(1, 400))
    return 0.5 * song() + 0.25 * saw * np.minimum(1, np.minimum(time, time[::-1]) / 0.05)


def noise(level_db: float) -> Lines:
    return 10 ** (level_db / 20) * np.random.Generator(np.random.PCG64(2)).standard_normal((2, 3 * RATE))


def tone(hz: float, *, peak: float = 0.5, degrees: float = 0.0) -> Lines:
    return np.tile(peak * np.sin(2 * np.pi * hz / RATE * np.arange(3 * RATE) + np.radians(degrees)), (2, 1))


def impulses() -> Lines:
    lines = np.zeros((2, 6 * RATE))
    lines[:, ::RATE] = 0.9
    return lines


def with_one(value: float) -> Lines:
    lines = song()
    lines[1, 777] = value
    return lines


INPUTS: dict[str, Callable[[], Lines]] = {
    "song": song,
    "20 dB up": lambda: 10 * song(),
    "50 dB down": lambda: 10**-2.5 * song(),
    "dense": dense,
    "piano": piano,
    "lopsided": lopsided,
    "DC": lambda: song() + 0.4,
    "clipped": lambda: np.clip(8 * song(), -1, 1),
    "anti-phase": lambda: song() * np.array([[1], [-1]]),
    "white noise": lambda: noise(-20),
    "sine": lambda: tone(997),
    "fs/4": lambda: tone(RATE / 4, degrees=45),
    "half silence": lambda: np.pad(song(), ((0, 0), (0, 6 * RATE))),
    "fade-out": lambda: song() * np.linspace(1, 0, 6 * RATE),
    "400 ms": lambda: song()[:, 3 * RATE : 3 * RATE + RATE * 4 // 10],
    "1 s": lambda: song()[:, 3 * RATE : 4 * RATE],
    "mono": lambda: song()[:1],
    "hard left": lambda: song() * np.array([[1], [0]]),
}
LOUD = ("dense", "clipped", "white noise", "sine", "fs/4")
"""What can be brought to -9 LUFS under -2 dBTP as well."""

PEAKY = ("song", "anti-phase")
"""What can be brought to -9 LUFS under -1 dBTP, but not under -2 with 12 dB of limiting."""

REFUSED: dict[str, tuple[str, Callable[[], Lines]]] = {
    "silence": ("silent", lambda: np.zeros((2, RATE))),
    "noise at -90 dBFS": ("silent", lambda: noise(-90)),
    "300 ms": ("too_short", lambda: song()[:, : RATE * 3 // 10]),
    "one NaN": ("invalid", lambda: with_one(np.nan)),
    "one inf": ("invalid", lambda: with_one(np.inf)),
    "empty": ("invalid", lambda: np.zeros((2, 0))),
    "sparse impulses": ("target_unreachable", impulses),
    "20 Hz": ("target_unreachable", lambda: tone(20, peak=0.9)),
}


def value(reading: Reading) -> float:
    assert isinstance(reading, Measured), reading
    return reading.value


def plain_peak_dbtp(audio: Audio, oversampling: int) -> float:
    """Oversampling of the whole file by soxr, without the meter under test."""
    padded = np.pad(audio.samples, ((0, 0), (200, 200)))
    fine = soxr.resample(padded.T, audio.rate, audio.rate * oversampling, quality="VHQ")
    return float(20 * np.log10(max(np.abs(fine).max(), np.abs(audio.samples).max())))


def mastered(lines: Lines, folder: Path, *, target_lufs: float, ceiling_dbtp: float) -> Audio:
    """The written master, read again."""
    spec = MasteringSpec(profile="custom", target_lufs=target_lufs, ceiling_dbtp=ceiling_dbtp, trim=False)
    master_file(Audio.of(lines, RATE), folder / "master.wav", spec=spec, must_reach=True)
    assert [path.name for path in folder.iterdir()] == ["master.wav"]
    assert soundfile.info(folder / "master.wav").subtype == "PCM_24"
    return read_audio(folder / "master.wav")


def check(audio: Audio, *, target_lufs: float, ceiling_dbtp: float) -> None:
    assert value(integrated_lufs(audio)) == pytest.approx(target_lufs, abs=0.05)
    for oversampling in (8, 16):
        assert value(true_peak_dbtp(audio, oversampling)) <= ceiling_dbtp
        assert plain_peak_dbtp(audio, oversampling) <= ceiling_dbtp


@pytest.mark.parametrize("name", INPUTS)
def test_every_reachable_extreme_meets_the_streaming_target(tmp_path: Path, name: str) -> None:
    lines = INPUTS[name]()
    audio = mastered(lines, tmp_path, target_lufs=-14, ceiling_dbtp=-1)
    assert audio.samples.shape == (2, lines.shape[1])
    check(audio, target_lufs=-14, ceiling_dbtp=-1)


@pytest.mark.parametrize(
    ("name", "ceiling_dbtp"), [(n, c) for n in LOUD for c in (-1.0, -2.0)] + [(n, -1.0) for n in PEAKY]
)
def test_loud_masters_meet_theirs(tmp_path: Path, name: str, ceiling_dbtp: float) -> None:
    audio = mastered(INPUTS[name](), tmp_path, target_lufs=-9, ceiling_dbtp=ceiling_dbtp)
    check(audio, target_lufs=-9, ceiling_dbtp=ceiling_dbtp)


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("target_lufs", [-14.0, -9.0])
def test_the_others_are_refused_by_name(tmp_path: Path, name: str, target_lufs: float) -> None:
    reason, lines = REFUSED[name]
    with pytest.raises(AudioRefused) as refused:
        mastered(lines(), tmp_path, target_lufs=target_lufs, ceiling_dbtp=-1)
    assert refused.value.reason == reason
    assert refused.value.remedy
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["song", "lopsided", "dense", "piano"])
def test_mastered_music_fails_no_check(tmp_path: Path, name: str) -> None:
    lines = INPUTS[name]()
    mastered(lines, tmp_path, target_lufs=-14, ceiling_dbtp=-1)
    asked = Target(-14, -1, RATE, 24, 2, lines.shape[1], trimmed=False)
    findings = examine(tmp_path / "master.wav", target=asked)
    assert [f"{f.check}: {f.sentence}" for f in findings if f.verdict == "fail"] == []


@pytest.mark.parametrize("rate", [1, 10, 40, 100, 1000, 3000, 7999])
def test_a_rate_at_which_loudness_is_not_defined_is_refused(tmp_path: Path, rate: int) -> None:
    spec = MasteringSpec(profile="streaming", trim=False)
    with pytest.raises(AudioRefused, match=f"{rate} Hz") as refused:
        master_file(Audio.of(song()[:, : 4 * rate], rate), tmp_path / "master.wav", spec=spec)
    assert refused.value.reason == "invalid"
    assert not list(tmp_path.iterdir())


def master_or_refusal(
    audio: Audio, path: Path, *, spec: MasteringSpec, must_reach: bool
) -> MasterReport | AudioRefused:
    try:
        return master_file(audio, path, spec=spec, must_reach=must_reach)
    except AudioRefused as refused:
        return refused


@pytest.mark.parametrize("name", PEAKY)
def test_a_loud_target_that_needs_too_much_limiting_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AudioRefused, match="12 dB of limiting") as refused:
        mastered(INPUTS[name](), tmp_path, target_lufs=-9, ceiling_dbtp=-2)
    assert refused.value.reason == "target_unreachable"
    assert not list(tmp_path.iterdir())


@st.composite
def arrays(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Any shape and content: noise, tones, constants, denormals, huge values, now and then a NaN or an infinity."""
    rate = draw(st.sampled_from([40, 3000, 8000, 11025, 22050, 44100, 48000]))
    frames = draw(st.one_of(st.integers(0, 3), st.integers(0, rate), st.integers(0, 10 * rate)))
    shape = (draw(st.integers(1, 3)), frames)
    rng = np.random.Generator(np.random.PCG64(draw(st.integers(0, 2**32))))
    time = np.arange(frames) / rate
    lines = {
        "noise": lambda: rng.standard_normal(shape),
        "tone": lambda: np.sin(2 * np.pi * draw(st.floats(0.1, rate / 2)) * time) * np.ones(shape),
        "constant": lambda: np.ones(shape),
        "impulses": lambda: (rng.random(shape) > 0.9995).astype(float),
        "denormal": lambda: np.full(shape, 1e-42),
        "swell": lambda: rng.standard_normal(shape) * (time > time.mean() if frames else 1.0),
    }[draw(st.sampled_from(["noise", "tone", "constant", "impulses", "denormal", "swell"]))]()
    lines = lines * 10 ** (draw(st.one_of(st.floats(-60, 20), st.floats(-200, 700))) / 20)
    lines = lines + draw(st.sampled_from([0.0, 0.0, 0.4, -3.0]))
    bad = draw(st.sampled_from([None, None, None, np.nan, np.inf, -np.inf]))
    if bad is not None and frames:
        lines[draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, frames - 1))] = bad
    with np.errstate(over="ignore"):
        return lines.astype(np.float32), rate


@settings(deadline=None, max_examples=40)
@given(made=arrays(), profile=st.sampled_from(["streaming", "loud", "dynamic", "broadcast"]), must_reach=st.booleans())
def test_any_array_ends_in_a_legal_file_or_a_typed_refusal(
    made: tuple[np.ndarray, int], profile: str, must_reach: bool
) -> None:
    samples, rate = made
    spec = MasteringSpec.model_validate({"profile": profile, "trim": False})
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "master.wav")
        report = master_or_refusal(Audio.of(samples, rate), path, spec=spec, must_reach=must_reach)
        if isinstance(report, AudioRefused):
            assert report.reason in REASONS
            assert report.remedy
            assert not list(Path(name).iterdir())
            return
        asked = Target(
            target_lufs=report.target_lufs,
            ceiling_dbtp=report.ceiling_dbtp,
            rate=rate,
            bits=24,
            channels=2,
            frames=samples.shape[1],
            loudness_may_be_under=not must_reach or spec.loudness_may_be_under,
        )
        verdicts = {finding.check: finding.verdict for finding in examine(path, target=asked)}
        for check_name in ("decode", "format", "length", "finite", "true_peak", "second_loudness_meter"):
            assert verdicts[check_name] == "pass", check_name
        assert verdicts["loudness"] in ("pass", "warn")
