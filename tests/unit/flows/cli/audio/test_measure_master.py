"""``songline measure`` and ``songline master``: what scripts read, what is refused, and that nothing is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from catalog.common.errors import AudioRefused, InputError, SonglineError
from flows.cli.main import app
from flows.console import print_error
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, write_flac24, write_wav

RATE = 44100
READINGS = (
    "integrated_lufs",
    "loudness_range_lu",
    "true_peak_dbtp",
    "max_momentary_lufs",
    "max_short_term_lufs",
    "plr_db",
)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def music(seconds: float = 4.0, *, channels: int = 2) -> Audio:
    rng = np.random.Generator(np.random.PCG64(3))
    time = np.arange(round(seconds * RATE)) / RATE
    beat = 0.5 * np.sin(2 * np.pi * 60 * time) * np.exp(-8 * (time % 0.5))
    chord = sum(0.05 * np.sin(2 * np.pi * hz * time) for hz in (220, 277, 330, 1760))
    lines = beat + chord + 0.02 * rng.standard_normal((channels, len(time)))
    return Audio.of(lines * np.minimum(1, np.minimum(time, time[::-1]) / 0.01), RATE)


def wav(path: Path, audio: Audio) -> Path:
    write_wav(path, audio, subtype="FLOAT")
    return path


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return wav(tmp_path / "song.wav", music())


def refusal(*arguments: str | Path) -> SonglineError:
    result = run(*arguments)
    assert isinstance(result.exception, SonglineError), result.output
    return result.exception


def test_measure_gives_an_array_in_the_order_of_the_files(tmp_path: Path, song: Path) -> None:
    silent = wav(tmp_path / "silent.wav", Audio.of(np.zeros((2, RATE)), RATE))
    result = run("measure", silent, song, "--json")
    first, second = json.loads(result.stdout)
    assert (first["file"], second["file"]) == (str(silent), str(song))
    assert all(first[name] is None and first["not_measurable"][name] for name in READINGS)
    assert all(isinstance(second[name], float) for name in READINGS)
    assert second["not_measurable"] == {}
    assert "series" not in first
    assert result.exit_code == 0


def test_measure_gives_series_on_a_grid_of_20_ms(tmp_path: Path) -> None:
    padded = Audio(np.pad(music().samples, ((0, 0), (0, 4 * RATE))), RATE)
    (read,) = json.loads(run("measure", wav(tmp_path / "a.wav", padded), "--json", "--series").stdout)
    for name in ("momentary", "short_term"):
        ends, levels = read["series"][name]["end_s"], read["series"][name]["lufs"]
        assert len(ends) == len(levels)
        assert max(np.diff(ends)) <= 0.0201
        assert isinstance(levels[0], float)
        assert levels[-1] is None


def test_measure_loses_nothing_over_a_file_that_cannot_be_read(tmp_path: Path, song: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"no sound")
    result = run("measure", tmp_path / "picture.png", song, tmp_path / "absent.wav", "--json")
    unread, read, absent = json.loads(result.stdout)
    assert result.exit_code == 2
    assert isinstance(read["integrated_lufs"], float)
    for document in (unread, absent):
        assert document["kind"] == "audio_file"
        assert document["error"]
        assert document["remedy"]
        assert document["integrated_lufs"] is None
    errors = [json.loads(line) for line in result.stderr.splitlines()]
    assert [error["error"] for error in errors] == [unread["error"], absent["error"]]
    told = run("measure", tmp_path / "picture.png", song)
    assert told.exit_code == 2
    assert "song.wav" in told.stdout
    assert "error: picture.png" in told.stderr


def test_measure_tells_people_what_is_uncertain(tmp_path: Path) -> None:
    told = run("measure", wav(tmp_path / "mono.wav", music(channels=1))).stdout
    assert "LUFS" in told
    assert "~" in told
    assert "3 LU louder" in told
    short = run("measure", wav(tmp_path / "short.wav", music(1))).stdout
    assert "less than one" in short


@pytest.mark.parametrize("rate", [1, 10, 40, 100, 3000])
def test_measure_reads_files_of_any_rate_and_loses_none(tmp_path: Path, song: Path, rate: int) -> None:
    low = wav(tmp_path / "low.wav", Audio.of(music().samples[:, : 4 * rate], rate))
    lie = tmp_path / "lie.flac"
    write_flac24(lie, music())
    data = bytearray(lie.read_bytes())
    data[21:26] = (data[21] | 0xF).to_bytes(1, "big") + b"\xff" * 4
    lie.write_bytes(data)
    result = run("measure", low, lie, song, "--json", "--series")
    first, second, third = json.loads(result.stdout)
    assert first["integrated_lufs"] is None
    assert f"a rate of {rate} Hz is under 8 kHz" in first["not_measurable"]["integrated_lufs"]
    assert isinstance(first["sample_peak_dbfs"], float)
    assert "is longer than 12 hours" in second["error"]
    assert isinstance(third["integrated_lufs"], float)
    assert result.exit_code == 2
    assert "under 8 kHz" in run("measure", low).stdout


def master(*arguments: str | Path) -> Any:
    result = run("master", *arguments, "--json")
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_master_meets_its_target_and_keeps_rate_and_length(tmp_path: Path, song: Path, suffix: str) -> None:
    out = tmp_path / f"out{suffix}"
    told = master(song, out, "--target", "-16", "--ceiling", "-1.5")
    written = read_audio(out)
    assert (written.rate, written.samples.shape) == (RATE, (2, 4 * RATE))
    assert told["after"]["integrated_lufs"] == pytest.approx(-16, abs=0.05)
    assert told["after"]["true_peak_dbtp"] <= -1.5
    assert told["before"]["integrated_lufs"] != told["after"]["integrated_lufs"]
    assert told["report"]["target_lufs"] == -16
    assert {finding["check"] for finding in told["findings"]} >= {"loudness", "true_peak", "clicks", "length"}
    assert told["failed"] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([out.name, "song.wav"])


@pytest.mark.slow
def test_master_makes_the_same_bytes_twice_and_replaces_an_older_out(tmp_path: Path, song: Path) -> None:
    out = tmp_path / "out.wav"
    master(song, out, "--profile", "apple")
    first = out.read_bytes()
    master(song, out, "--profile", "apple")
    assert out.read_bytes() == first


@pytest.mark.slow
def test_master_follows_a_reference(tmp_path: Path, song: Path) -> None:
    bright = music(12)
    bright = Audio.of(0.05 * bright.samples + np.diff(bright.samples, prepend=0), RATE)
    told = master(song, tmp_path / "a.wav", "--reference", wav(tmp_path / "like.wav", bright))
    plain = master(song, tmp_path / "b.wav")
    assert told["after"]["integrated_lufs"] == pytest.approx(-14, abs=0.05)
    assert (tmp_path / "a.wav").read_bytes() != (tmp_path / "b.wav").read_bytes()
    assert told["report"]["stages"] != plain["report"]["stages"]


@pytest.mark.slow
def test_master_shows_people_before_after_and_what_it_found(tmp_path: Path, song: Path) -> None:
    told = run("master", song, tmp_path / "out.wav", "--profile", "streaming").stdout
    assert [line.split()[0] for line in told.splitlines()[1:3]] == ["before", "after"]
    assert "checks pass" in told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "audio", "options"),
    [
        ("silent", Audio.of(np.zeros((2, RATE)), RATE), ()),
        ("too_short", music(0.3), ()),
        ("invalid", Audio.of(np.full((2, RATE), np.nan), RATE), ()),
        ("invalid", Audio.of(music().samples[:, :12000], 3000), ()),
        ("invalid", Audio.of(music().samples[:, :40], 10), ()),
        ("target_unreachable", Audio.of(np.eye(1, 3 * RATE, RATE).repeat(2, 0), RATE), ("--target", "-9")),
    ],
)
def test_master_refuses_by_name_and_writes_nothing(
    tmp_path: Path, name: str, audio: Audio, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    source = wav(tmp_path / "in.wav", audio)
    error = refusal("master", source, tmp_path / "out.wav", *options)
    assert isinstance(error, AudioRefused)
    assert error.exit_code == 3
    print_error(error, as_json=True)
    document = json.loads(capsys.readouterr().err)
    assert document["reason"] == name
    assert document["kind"] == "refused"
    assert document["error"]
    assert document["remedy"]
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


@pytest.mark.parametrize(
    ("audio", "options", "remedy"),
    [
        (Audio.of(np.zeros((2, RATE)), RATE), (), "Name a file that can be heard"),
        (Audio.of(np.eye(1, 3 * RATE, RATE).repeat(2, 0), RATE), ("--target", "-9"), r"Ask for -\d+\.\d LUFS or less"),
    ],
)
def test_remedies_of_a_single_file_name_nothing_of_an_album(
    tmp_path: Path, audio: Audio, options: tuple[str, ...], remedy: str
) -> None:
    told = refusal("master", wav(tmp_path / "in.wav", audio), tmp_path / "out.wav", *options).remedy
    assert re.match(remedy, told)
    assert "candidate" not in told
    assert "limiting" not in told


def test_a_refusal_leaves_an_older_out_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "out.wav").write_bytes(b"older")
    refusal("master", wav(tmp_path / "in.wav", Audio.of(np.zeros((2, RATE)), RATE)), tmp_path / "out.wav")
    assert (tmp_path / "out.wav").read_bytes() == b"older"


@pytest.mark.parametrize(
    ("out", "options", "words"),
    [
        ("song.wav", (), "is what is read"),
        ("out.mp3", (), "neither .wav nor .flac"),
        ("absent/out.wav", (), "is not a folder"),
        ("folder.wav", (), "is a folder"),
        ("out.wav", ("--profile", "louder"), "--profile cannot be used"),
        ("out.wav", ("--target", "-3"), "--target cannot be used"),
        ("out.wav", ("--target", "nan"), "--target cannot be used"),
        ("out.wav", ("--ceiling", "1"), "--ceiling cannot be used"),
        ("out.wav", ("--tone", "beige"), "--tone cannot be used"),
        ("out.wav", ("--profile", "custom"), "--profile custom needs --target"),
    ],
)
def test_wrong_input_is_told_and_leaves_everything(
    tmp_path: Path, song: Path, out: str, options: tuple[str, ...], words: str
) -> None:
    (tmp_path / "folder.wav").mkdir()
    before = song.read_bytes()
    error = refusal("master", song, tmp_path / out, *options)
    assert isinstance(error, InputError)
    assert words in error.what
    assert error.remedy
    assert song.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.wav", "song.wav"]


@pytest.mark.slow
def test_a_rate_that_flac_does_not_hold_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    source = wav(tmp_path / "in.wav", Audio.of(0.2 * np.random.default_rng(1).standard_normal((2, 768_000)), 768_000))
    error = refusal("master", source, tmp_path / "out.flac")
    assert error.exit_code == 2
    assert "768000 Hz" in error.what
    assert "Write WAV" in error.remedy
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


@pytest.mark.slow
def test_silence_before_a_song_is_a_warning_where_nothing_trims_it(tmp_path: Path) -> None:
    late = Audio(np.pad(music().samples, ((0, 0), (RATE, 0))), RATE)
    told = master(wav(tmp_path / "in.wav", late), tmp_path / "out.wav")
    verdicts = {finding["check"]: finding["verdict"] for finding in told["findings"]}
    assert verdicts["head_silence"] == "warn"


def test_a_source_that_is_no_audio_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "in.wav").write_bytes(b"text")
    assert refusal("master", tmp_path / "in.wav", tmp_path / "out.wav").exit_code == 2
    assert not (tmp_path / "out.wav").exists()
