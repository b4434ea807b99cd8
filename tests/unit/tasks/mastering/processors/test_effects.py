"""Reverb and echo are off unless asked for and do what their names say; and the profile that takes only gain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catalog.album.mastering import Echo, MasteringSpec, Reverb
from tasks.audio.files import read_audio
from tasks.audio.metering.true_peak import true_peak_dbtp
from tasks.mastering.chain import master_file
from tasks.mastering.processors.effects import echoed, reverberated
from tests.support.signals.mastering import RATE, audio, dense, impulses, song


def click() -> np.ndarray:
    lines = np.zeros((2, 2 * RATE))
    lines[:, 100] = 0.5
    return lines


def test_an_echo_repeats_at_its_time_and_feedback() -> None:
    out = echoed(audio(click()), Echo(delay_ms=250, feedback=0.5, mix=0.25)).samples[0]
    found = [float(out[100 + round(0.25 * RATE) * repeat]) for repeat in range(4)]
    assert found[0] == pytest.approx(0.5 * 0.75, abs=1e-3)
    assert found[1] == pytest.approx(0.5 * 0.25, abs=1e-3)
    assert found[2] / found[1] == pytest.approx(0.5, abs=1e-3)
    assert found[3] / found[2] == pytest.approx(0.5, abs=1e-3)


def test_a_reverb_keeps_the_dry_sound_and_rings_longer_in_a_larger_room() -> None:
    def tail(room: float) -> float:
        out = reverberated(audio(click()), Reverb(mix=0.3, room=room)).samples[0]
        assert out[100] == pytest.approx(0.5 * 0.7, abs=0.02)
        return float(np.square(out[RATE:]).sum())

    assert tail(0.9) > 10 * tail(0.3) > 0


def test_width_nought_is_a_room_in_the_middle() -> None:
    left = click() * np.array([[1], [0]])
    narrow, wide = (reverberated(audio(left), Reverb(mix=1.0, width=width)).samples for width in (0.0, 1.0))
    assert np.abs(narrow[0] - narrow[1]).max() < 1e-6
    assert np.abs(wide[0] - wide[1]).max() > 1e-4


@pytest.mark.slow
def test_effects_are_stages_by_name_that_keep_loudness(tmp_path: Path) -> None:
    spec = MasteringSpec.model_validate({"effects": {"reverb": {"mix": 0.3}, "echo": {"mix": 0.3}}})
    report = master_file(audio(song(3)), tmp_path / "master.wav", spec=spec)
    stages = {stage.name: stage for stage in report.stages}
    assert report.integrated_lufs == pytest.approx(-14, abs=0.05)
    for name in ("echo", "reverb"):
        before, after = stages[name].before.integrated_lufs, stages[name].after.integrated_lufs
        assert getattr(after, "value", 0) == pytest.approx(getattr(before, "value", 1), abs=1e-6)
        assert stages[name].parameters["mix"] == 0.3
    plain = master_file(audio(song(3)), tmp_path / "plain.wav", spec=MasteringSpec())
    assert not {"echo", "reverb"} & {stage.name for stage in plain.stages}


DYNAMIC = MasteringSpec(profile="dynamic", tone="none", trim=False, fade=False)


@pytest.mark.slow
def test_gain_alone_changes_nothing_but_the_gain(tmp_path: Path) -> None:
    source = audio(0.2 * song(4))
    report = master_file(source, tmp_path / "master.wav", spec=DYNAMIC)
    written = read_audio(tmp_path / "master.wav").samples.astype(np.float64)
    again = master_file(source, tmp_path / "other.wav", spec=DYNAMIC.model_copy(update={"target_lufs": -30.0}))
    other = read_audio(tmp_path / "other.wav").samples.astype(np.float64)
    factor = 10 ** ((report.gain_db - again.gain_db) / 20)
    assert np.abs(written - factor * other).max() < 1e-5
    assert report.max_limiting_db == 0
    assert report.stages[-1].name == "gain"
    assert "dynamics" not in [stage.name for stage in report.stages]


def test_gain_alone_goes_up_to_the_ceiling_and_says_so(tmp_path: Path) -> None:
    report = master_file(audio(impulses()), tmp_path / "master.wav", spec=DYNAMIC, must_reach=True)
    assert report.limited_by is None
    assert report.integrated_lufs < -20
    assert report.true_peak_dbtp == pytest.approx(-1.05, abs=0.05)
    assert getattr(true_peak_dbtp(read_audio(tmp_path / "master.wav"), 16), "value", 0) <= -1
    assert [note for note in report.notes if note.startswith("gain alone: -14.0 LUFS would take peaks above -1 dBTP")]


def test_gain_alone_stops_at_its_target(tmp_path: Path) -> None:
    report = master_file(audio(dense(3)), tmp_path / "master.wav", spec=DYNAMIC)
    assert report.integrated_lufs == pytest.approx(-14, abs=0.05)
    assert report.notes == ()
