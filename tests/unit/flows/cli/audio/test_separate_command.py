"""``songline separate``: any file into a folder of stems, all of them or nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from flows.cli.main import main
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, write_wav


@pytest.fixture
def source(tmp_path: Path):
    samples = 0.1 * np.random.Generator(np.random.PCG64(4)).standard_normal((2, 50_001))
    path = tmp_path / "song.wav"
    write_wav(path, Audio.of(samples, 48_000), subtype="PCM_24")
    return path


@pytest.fixture
def separate(
    registry,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """Run the command in this process; gives its standard output, or its standard error where it fails."""
    monkeypatch.setenv("SONGLINE_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("SONGLINE_MODELS", str(registry.models))
    monkeypatch.setenv("SONGLINE_MODELS_TABLE", str(registry.models_table))
    monkeypatch.setenv("SONGLINE_DEVICE", "cpu")
    monkeypatch.setenv("SONGLINE_WORKERS", "1")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["songline", "separate", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert (ended.value.code or 0) == code, err
        return err if code else out

    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
def test_stems_of_equal_length_that_null_against_the_file(separate, source, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "stems"
    document = json.loads(separate(source, "--out", out, "--json"))
    mix, total = read_audio(source), 0.0
    for file in document["files"]:
        stem = read_audio(out / file["file"])
        assert (stem.frames, stem.rate) == (mix.frames, 48_000)
        total = total + stem.samples  # type: ignore[assignment]
    assert np.abs(total - mix.samples).max() < 1e-7
    assert names(out) == ["bass.wav", "drums.wav", "other.wav", "residual.wav", "stems.json", "vocals.wav"]
    assert names(out.parent) == ["stems"]
    assert document["null_dbfs"] <= -140
    assert json.loads((out / "stems.json").read_text())["model"] == "htdemucs"


@pytest.mark.slow
def test_older_stems_are_replaced_whole(separate, source, tmp_path: Path) -> None:
    out = tmp_path / "stems"
    separate(source, "--out", out)
    said = separate(source, "--out", out, "--two-stems", "vocals", "--model", "htdemucs_6s")
    assert names(out) == ["no_vocals.wav", "residual.wav", "stems.json", "vocals.wav"]
    assert "null against it to -" in said
    assert "One gain for all: 0.0 dB" in said
    assert names(tmp_path) == ["song.wav", "stems"]


@pytest.mark.slow
def test_a_folder_of_something_else_stays_as_it_is(separate, source, tmp_path: Path) -> None:
    said = separate(source, "--out", tmp_path, code=2)
    assert "is not empty and holds no stems" in said
    assert "is a file, not a folder" in separate(source, "--out", source, code=2)
    out = tmp_path / "stems"
    separate(source, "--out", out)
    assert "would be replaced" in separate(out / "vocals.wav", "--out", out, code=2)
    assert len(names(out)) == 6


@pytest.mark.parametrize(
    ("samples", "said"), [(np.zeros((2, 9000)), "silent"), (np.full((2, 9000), np.nan), "not finite")]
)
def test_what_cannot_be_separated_leaves_nothing(separate, tmp_path: Path, samples, said) -> None:
    path = tmp_path / "odd.wav"
    write_wav(path, Audio.of(samples, 44_100), subtype="FLOAT")
    assert said in separate(path, "--out", tmp_path / "stems", code=3)
    assert names(tmp_path) == ["odd.wav"]


def test_wrong_names_and_files_are_told(separate, source, tmp_path: Path) -> None:
    out = tmp_path / "stems"
    assert "htdemucs" in separate(source, "--out", out, "--model", "htdemux", code=2)
    assert "no stem 'voice'" in separate(source, "--out", out, "--two-stems", "voice", code=2)
    assert "is not a file" in separate(tmp_path / "none.wav", "--out", out, code=2)
    (tmp_path / "text.wav").write_text("no audio")
    assert "cannot be read as audio" in separate(tmp_path / "text.wav", "--out", out, code=2)
    assert not out.exists()


def test_a_model_that_is_not_installed_comes_with_its_command(
    separate, source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONGLINE_MODELS", str(tmp_path / "no-models"))
    said = separate(source, "--out", tmp_path / "stems", "--json", code=4)
    assert json.loads(said)["kind"] == "model_missing"
    assert "songline models pull htdemucs" in said
    assert names(tmp_path) == ["song.wav"]


def test_trouble_on_the_way_leaves_nothing(separate, source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.separation.demucs import chunks

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(chunks, "_through", full)
    assert "No space left" in separate(source, "--out", tmp_path / "stems", code=4)
    assert names(tmp_path) == ["song.wav"]
