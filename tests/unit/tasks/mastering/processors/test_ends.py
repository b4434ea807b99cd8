"""Song ends: silence goes to policy, sound never does, cuts are faded, and a fade-out lasts as long as asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.album.mastering import MasteringSpec
from catalog.common.errors import AudioRefused
from tasks.acceptance.shape import edges
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio
from tasks.audio.sounding import non_silent_span
from tasks.mastering.analysis.report import MasterReport
from tasks.mastering.chain import master_file
from tasks.mastering.processors.ends import Ends, find_ends
from tests.support.signals.mastering import RATE, audio, noise, song


def master(tmp_path: Path, source: Audio, **settings: object) -> tuple[Audio, MasterReport]:
    fade_out_s = settings.pop("fade_out_s", None)
    spec = MasteringSpec.model_validate(settings)
    report = master_file(source, tmp_path / "master.wav", spec=spec, fade_out_s=fade_out_s)  # type: ignore[arg-type]
    return read_audio(tmp_path / "master.wav"), report


def rested(head_s: float, tail_s: float, floor_db: float = -200.0) -> Audio:
    """A song between two silences, with a noise floor over all."""
    around = ((0, 0), (round(head_s * RATE), round(tail_s * RATE)))
    line = np.pad(song(3), around)
    rng = np.random.Generator(np.random.PCG64(8))
    return audio(line + 10 ** (floor_db / 20) * rng.standard_normal(line.shape))


@pytest.mark.slow
@pytest.mark.parametrize("floor_db", [-200.0, -75.0])
def test_silence_is_cut_to_a_short_rest(tmp_path: Path, floor_db: float) -> None:
    written, report = master(tmp_path, rested(1.5, 4.0, floor_db))
    assert report.ends["head_s"] == pytest.approx(1.25, abs=0.02)
    assert report.ends["tail_s"] == pytest.approx(3.0, abs=0.1)
    assert report.frames == written.frames
    assert written.duration_s == pytest.approx(8.5 - report.ends["head_s"] - report.ends["tail_s"], abs=1e-4)  # type: ignore[operator]
    assert not written.samples[:, 0].any()
    assert not written.samples[:, -1].any()
    assert report.integrated_lufs == pytest.approx(-14, abs=0.05)


@pytest.mark.slow
def test_ends_can_be_left_alone(tmp_path: Path) -> None:
    source = rested(1.0, 2.0, -75.0)
    written, report = master(tmp_path, source, trim=False, fade=False)
    assert written.frames == source.frames
    assert set(report.ends.values()) == {0.0}
    assert "ends" not in [stage.name for stage in report.stages]
    assert written.samples[:, -1].any()


def test_a_short_rest_stays_and_nothing_is_faded(tmp_path: Path) -> None:
    written, report = master(tmp_path, rested(0.2, 0.9))
    assert written.frames == round(3.0 * RATE) + round(0.2 * RATE) + round(0.9 * RATE)
    assert set(report.ends.values()) == {0.0}


@pytest.mark.slow
def test_a_song_that_is_cut_off_fades_in_and_out(tmp_path: Path) -> None:
    middle = audio(song(5)[:, 2 * RATE + 333 : 4 * RATE])
    written, report = master(tmp_path, middle)
    bare, _ = master(tmp_path, middle, fade=False)
    assert report.ends["fade_in_s"] == pytest.approx(0.005, abs=1e-4)
    assert report.ends["fade_out_s"] == pytest.approx(0.05, abs=1e-4)
    assert not written.samples[:, [0, -1]].any()
    assert written.samples[:, 1:300].any()
    ratio = np.square(written.samples[:, -2200:]).sum() / np.square(bare.samples[:, -2200:]).sum()
    assert 0.2 < ratio < 0.6


@pytest.mark.slow
def test_a_soft_end_that_is_not_zero_fades_shortly(tmp_path: Path) -> None:
    _, report = master(tmp_path, audio(song(5) * np.linspace(1, 0.001, 5 * RATE)))
    assert report.ends["fade_out_s"] == pytest.approx(0.005, abs=1e-4)


def test_a_fade_out_lasts_as_long_as_asked(tmp_path: Path) -> None:
    written, report = master(
        tmp_path, audio(noise(-20, 6.0)), fade_out_s=3.0, tone="none", compression={"enabled": False}
    )
    assert report.ends["fade_out_s"] == 3.0
    power = np.square(written.samples.astype(np.float64)).mean(axis=0).reshape(-1, RATE // 10).mean(axis=1)
    level_db = 10 * np.log10(power / power[5:25].mean())
    assert np.abs(level_db[:30]).max() < 0.5
    assert level_db[45] == pytest.approx(-6.5, abs=1.0)  # half-way, half a period of a cosine
    assert level_db[-2] < -35
    assert np.all(np.diff(level_db[30:]) < 0.5)
    assert report.integrated_lufs == pytest.approx(-14, abs=0.05)


def test_a_fade_out_longer_than_the_song_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioRefused, match="longer than the song") as refused:
        master(tmp_path, audio(song(2)), fade_out_s=2.5)
    assert refused.value.reason == "invalid"
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    head=st.integers(0, 3 * RATE),
    body=st.integers(1, RATE),
    tail=st.integers(0, 4 * RATE),
    level_db=st.floats(-70, 0),
    floor_db=st.floats(-120, -50),
    gain_db=st.floats(-10, 30),
)
def test_no_sound_is_cut_and_something_is_left(
    head: int, body: int, tail: int, level_db: float, floor_db: float, gain_db: float
) -> None:
    rng = np.random.Generator(np.random.PCG64(head + body))
    line = 10 ** (floor_db / 20) * rng.uniform(-1, 1, head + body + tail)
    line[head : head + body] += 10 ** (level_db / 20) * rng.uniform(-1, 1, body)
    sound = audio(np.stack([line, 0.5 * line]))
    ends = find_ends(sound, gain_db=gain_db, trim=True, fade=True, fade_out_s=None)
    for start in range(0, sound.frames, 441):
        block = sound.samples[:, start : start + 441].astype(np.float64)
        if start < ends.head or start + block.shape[1] > sound.frames - ends.tail:
            assert 10 * np.log10(np.square(block).mean(axis=1).max()) + gain_db <= -60 + 1e-3
    left = ends.applied(sound)
    assert left.frames == sound.frames - ends.head - ends.tail
    assert left.frames >= min(sound.frames, RATE // 2)
    assert ends.fade_in + ends.fade_out <= left.frames
    inner = slice(ends.fade_in, left.frames - ends.fade_out)
    assert np.array_equal(left.samples[:, inner], sound.samples[:, ends.head : sound.frames - ends.tail][:, inner])
    assert Ends.from_document(ends.as_document(RATE), RATE) == ends  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_lone_crackle_before_the_music_is_no_beginning(tmp_path: Path) -> None:
    lines = np.pad(song(4)[:, 2 * RATE :], ((0, 0), (2 * RATE, 0)))
    lines[:, 100] = 0.01  # about 3 dB more in the master: over -40 dBFS, and under -60 over 10 ms
    written, report = master(tmp_path, audio(lines))
    assert report.ends["head_s"] == pytest.approx(1.75, abs=0.02)
    first, past = non_silent_span(written) or (0, 0)
    assert first == pytest.approx(0.25 * RATE, abs=500)
    assert past == written.frames


def test_a_real_click_or_a_soft_hit_is_a_beginning() -> None:
    rng = np.random.Generator(np.random.PCG64(4))
    hit = 0.01 * rng.standard_normal(2205) * np.exp(-np.arange(2205) / 200)
    for start in (np.array([0.9]), hit):
        lines = np.pad(song(2), ((0, 0), (2 * RATE, 0)))
        lines[:, RATE : RATE + len(start)] = start
        ends = find_ends(audio(lines), gain_db=0.0, trim=True, fade=False, fade_out_s=None)
        assert ends.head == pytest.approx(0.75 * RATE, abs=441)


def test_a_cut_on_a_zero_crossing_is_faded(tmp_path: Path) -> None:
    """Its outermost sample is at rest, its outer four are not."""
    time = np.arange(3 * RATE + 1) / RATE
    lines = np.tile(0.3 * np.sin(2 * np.pi * 1000 * time) * np.minimum(1, 0.05 + time), (2, 1))
    assert np.abs(lines[:, [0, -1]]).max() < 1e-9
    written, report = master(tmp_path, audio(lines), highpass_hz=10.0, tone="none", profile="dynamic")
    assert report.ends["fade_in_s"] == pytest.approx(0.005, abs=1e-4)
    assert report.ends["fade_out_s"] == pytest.approx(0.05, abs=1e-4)
    assert all(finding.verdict == "pass" for finding in edges(written))


@pytest.mark.slow
def test_ends_survive_a_second_mastering(tmp_path: Path) -> None:
    first, _ = master(tmp_path, rested(2.0, 5.0, -80.0))
    again, report = master(tmp_path, first)
    assert again.frames == first.frames
    assert set(report.ends.values()) == {0.0}
