"""Small things of the command line, through its entry point, without rendering anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog.common.text import counted
from flows.cli.console import exit as command_exit
from flows.cli.main import app
from flows.inbox.report import Entry, InboxReport
from tasks.audio.metering.meter import meter_file
from tests.support.albums import album_document, write_album

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; gives exit code, stdout and stderr."""
    monkeypatch.setenv("SONGLINE_HOME", str(tmp_path / "home"))

    def command(*arguments: str | Path) -> tuple[int, str, str]:
        code = command_exit.run(app, [str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


@pytest.mark.slow
def test_a_folder_is_taken_for_the_manifest_in_it(run: Run, tmp_path: Path) -> None:
    manifest = write_album(tmp_path / "my-album")
    code, out, _ = run("validate", tmp_path / "my-album")
    assert (code, "2 songs, 4 candidates, no faults" in out) == (0, True)
    manifest.rename(tmp_path / "my-album" / "night.yml")
    assert run("validate", tmp_path / "my-album")[0] == 0
    (tmp_path / "my-album" / "other.yaml").write_text("x: 1")
    code, _, err = run("validate", tmp_path / "my-album")
    assert (code, "is a folder with 2 manifests" in err, "night.yml, other.yaml" in err) == (2, True, True)
    (tmp_path / "empty").mkdir()
    assert "is a folder without a manifest" in run("render", tmp_path / "empty")[2]
    write_album(tmp_path / "my-album")
    assert "no album 'small'" in run("status", tmp_path / "my-album")[2]


def test_a_fault_names_the_song_by_its_title_and_a_question_ends_as_one(run: Run, tmp_path: Path) -> None:
    document = album_document()
    songs = document["songs"]
    assert isinstance(songs, list)
    songs[1] |= {"promt": "x", "title": "Depot Lights"}
    manifest = write_album(tmp_path, document)
    code, _, err = run("validate", manifest)
    fault, last = err.splitlines()
    assert code == 2
    assert fault.endswith("songs[1].promt: there is no such field. Did you mean 'prompt'? Song: Depot Lights.")
    assert last == "error: 1 fault; nothing was started."
    assert json.loads(run("validate", manifest, "--json")[2])["faults"] == [fault]


def test_one_song_is_one_song(run: Run, tmp_path: Path) -> None:
    document = album_document()
    songs = document["songs"]
    assert isinstance(songs, list)
    manifest = write_album(tmp_path, document | {"songs": [songs[0] | {"seeds": [1]}]})
    assert "1 song, 1 candidate, no faults" in run("validate", manifest)[1]
    assert [counted(n, "piece of work is", "pieces of work are") for n in (0, 1, 2)] == [
        "0 pieces of work are",
        "1 piece of work is",
        "2 pieces of work are",
    ]


def test_lineage_of_what_is_not_there_says_so(run: Run, tmp_path: Path) -> None:
    code, _, err = run("lineage", tmp_path / "gone.wav")
    assert (code, "gone.wav is not there, and it is no digest. Give a delivered file" in err) == (2, True)
    assert "is a folder, and lineage is of a file" in run("lineage", tmp_path)[2]


def test_a_file_that_breaks_the_meter_does_not_cost_the_others(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def read(path: Path, *, series: bool) -> object:
        if path.name == "crash.wav":
            raise ZeroDivisionError("nobody foresaw this")
        if path.name == "torn.wav":
            raise OSError(5, "Input/output error", str(path))
        return meter_file(path, series=series)

    monkeypatch.setattr("flows.cli.audio.measure_master.meter_file", read)
    names = ["crash.wav", "torn.wav", "none.wav"]
    code, out, err = run("measure", *(tmp_path / name for name in names), "--json")
    found = json.loads(out)
    assert code == 2
    assert [Path(entry["file"]).name for entry in found] == names
    assert [entry["kind"] for entry in found] == ["internal", "environment", "audio_file"]
    assert [json.loads(line)["kind"] for line in err.splitlines()] == ["internal", "environment", "audio_file"]


def test_a_dry_run_takes_nothing_and_says_nothing_else() -> None:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    entry = Entry("a.yaml", "taken", "it is new", "a", "A", 2.0, None)
    for dry_run, said in ((True, "would be taken"), (False, "taken")):
        report = InboxReport("inbox", at, at, None, 5.0, 0.0, [entry], dry_run=dry_run)
        assert f"1 {said}, 0 left for later" in report.text()
        assert report.text().startswith("# Inbox inbox")
        assert "of 1 manifest." in report.text()
        assert ("## Would be taken" in report.text()) is dry_run
        assert ("2.0 would be taken now" in report.text()) is dry_run
        assert report.document()["counts"]["taken"] == 1  # type: ignore[index,call-overload]
