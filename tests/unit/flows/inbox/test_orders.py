"""What is asked of a night: the setting, the order, the command and the name of its run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from pydantic import ValidationError
from typer.testing import CliRunner

from catalog.common.errors import InputError
from catalog.common.settings import Settings
from flows.cli.album.inbox import inbox
from flows.inbox.parameters import InboxParameters
from tests.unit.flows.inbox.inboxes import folder, offer, place, settings

__all__ = ["folder", "place", "settings"]


@pytest.mark.parametrize(
    "fields",
    [
        {"place": "https://example.org/inbox"},
        {"place": "inbox"},
        {"place": "s3://A"},
        {"window": "10-12"},
        {"time_zone": "UTC"},
        {"window": "10:00-12:00", "time_zone": "Europe"},
        {"max_gpu_minutes": 0},
        {"max_gpu_minutes": float("nan")},
        {"max_albums": 0},
        {"priority": "soon"},
        {"nights": 3},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(fields) -> None:
    with pytest.raises(ValidationError):
        InboxParameters(**fields)


def test_the_setting_is_a_folder_or_a_bucket(tmp_path: Path) -> None:
    assert Settings(home=tmp_path, inbox="s3://songs/inbox/").inbox == "s3://songs/inbox/"
    assert Settings(home=tmp_path, inbox="albums/new").inbox == "albums/new"
    with pytest.raises(ValidationError):
        Settings(home=tmp_path, inbox="ftp://songs")


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The command in this process, on a home of the test's own."""
    monkeypatch.setenv("SONGLINE_HOME", str(tmp_path / "home"))
    commands = typer.Typer()
    commands.command()(inbox)
    return lambda *arguments: CliRunner().invoke(commands, list(arguments))


def test_the_command_tells_what_it_would_take(folder, command) -> None:
    offer(folder, "a", "a")
    done = command(folder.place, "--dry-run", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["dry_run"]
    assert [each["album"] for each in told["taken"]] == ["a"]
    assert not (folder.root / "reports").exists()
    folder.put("b.yaml", "x: 1")
    done = command(folder.place, "--dry-run")
    assert done.exit_code == 1
    assert "Faults to correct" in done.stdout


def test_the_command_refuses_what_makes_no_sense(command) -> None:
    done = command("--window", "10-12")
    assert isinstance(done.exception, InputError)
    done = command("ftp://songs", "--dry-run")
    assert "--place" in str(done.exception)


def test_a_run_has_a_sentence_for_its_name(tmp_path: Path) -> None:
    from flows.render_inbox import render_inbox, sentence

    work = InboxParameters(place="s3://songs/inbox", max_gpu_minutes=240, window="22:00-06:00")
    assert sentence(work) == "inbox · s3://songs/inbox · 240 GPU minutes · 22:00-06:00"
    assert sentence(InboxParameters()) == "inbox · the one that is set"
    assert render_inbox.name == "render-inbox"
    assert set(render_inbox.parameters.properties) == {"work"}
