"""``songline train`` by the real command: faults at their lines, a training that is killed, and what is made of it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from catalog.common.digests import digest_file
from tests.integration.sung_album import document_with, write_sung
from tests.support.commands import environment, songline
from tests.support.style_manifest import NAMES, style_document, write_style
from tests.support.tiny_models import tiny_settings

pytestmark = pytest.mark.slow
PATIENCE_S = 280.0


class Studio:
    """A home with tiny models, and a folder with recordings."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.variables = tiny_settings(folder)
        self.style = write_style(folder / "style")

    def run(self, *arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = songline(*arguments, home=self.home, **self.variables)
        assert done.returncode == code, done.stderr
        return done

    def train(self, *arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        return self.run("train", self.style, "--out", self.folder / "out", *arguments, code=code)

    def ask(self, query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.home / "catalog.sqlite3", timeout=30)) as connection:
            return connection.execute(query).fetchall()

    def killed_at_its_first_checkpoint(self) -> None:
        command = [sys.executable, "-m", "flows.cli", "train", str(self.style), "--out", str(self.folder / "out")]
        process = subprocess.Popen(
            command, env=environment(self.home, **self.variables), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + PATIENCE_S
        while process.poll() is None and time.monotonic() < deadline:
            if (self.home / "catalog.sqlite3").exists() and self._has_checkpoint():
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.returncode == -signal.SIGKILL, "it ended before it was killed"

    def _has_checkpoint(self) -> bool:
        return bool(self.ask("SELECT 1 FROM sqlite_master WHERE name = 'checkpoint'")) and bool(
            self.ask("SELECT 1 FROM checkpoint")
        )


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """Trained, under a umask of 022, by a command that was killed once and given again."""
    studio = Studio(tmp_path_factory.mktemp("studio"))
    before = os.umask(0o022)
    try:
        studio.killed_at_its_first_checkpoint()
        studio.train()
    finally:
        os.umask(before)
    return studio


def test_a_broken_song_is_refused_by_its_line_and_nothing_is_made(studio: Studio, tmp_path: Path) -> None:
    document = style_document(holdout=0.5)
    document["songs"][2]["audio"] = "broken.wav"
    path = write_style(tmp_path, document)
    (tmp_path / "broken.wav").write_bytes(b"RIFF no audio")
    done = studio.run("train", path, code=2)
    lines = done.stderr.splitlines()
    number = next(i for i, line in enumerate(path.read_text().splitlines(), 1) if "broken.wav" in line)
    assert any(line.startswith(f"my-style.yaml:{number}: songs[2].audio: ") for line in lines)
    assert any("holdout: there is no such field. Did you mean 'hold_out'?" in line for line in lines)
    assert lines[-1] == "error: 2 faults; nothing was started."


def test_the_forecast_comes_without_a_catalog(studio: Studio, tmp_path: Path) -> None:
    done = songline("train", studio.style, "--dry-run", "--json", home=tmp_path / "home", **studio.variables)
    document = json.loads(done.stdout)
    assert [song["name"] for song in document["songs"]] == list(NAMES)
    assert [song["name"] for song in document["songs"] if song["held_out"]] == ["meadow"]
    assert document["forecast"]["seconds"] > 0
    assert document["forecast"]["memory_bytes"] > 0
    assert not (tmp_path / "home").exists()


def test_the_killed_training_went_on_and_left_nothing_behind(studio: Studio) -> None:
    assert studio.ask("SELECT fence, state FROM step WHERE kind = 'train'") == [(2, "done")]
    assert studio.ask("SELECT count(*) FROM checkpoint") == [(0,)]
    assert studio.ask("SELECT count(*) FROM activity WHERE kind = 'train_latent' AND outcome = 'done'") == [(6,)]
    folder = studio.folder / "out" / "my-style"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"adapter_model.safetensors", "adapter_config.json", "card.md", "loss_curve.json"} < names
    assert sum(name.startswith("previews/") for name in names) == 2
    modes = {(folder / name).stat().st_mode & 0o777 for name in names}
    assert modes == {0o644}, "the user asked for them, so they are not private to Songline"


def test_the_same_command_again_trains_nothing(studio: Studio) -> None:
    before = studio.ask("SELECT count(*) FROM activity")
    assert "nothing was missing" in studio.train().stdout
    assert studio.ask("SELECT count(*) FROM activity") == before


def test_the_adapter_is_a_model_with_the_licence_of_its_rights(studio: Studio) -> None:
    listed = {model["name"]: model for model in json.loads(studio.run("models", "list", "--json").stdout)["models"]}
    assert (listed["my-style"]["licence"], listed["my-style"]["commercial"]) == ("own-recordings", False)
    assert studio.train("--json").stdout
    document = style_document(training={**style_document()["training"], "seed": 1})
    other = studio.style.with_name("other.yaml")
    other.write_text(yaml.safe_dump(document))
    done = studio.run("train", other, "--name", "my-style", code=2)
    assert "there is an adapter my-style already, and it is another" in done.stderr


def test_a_song_made_with_it_leads_to_every_recording(studio: Studio) -> None:
    document = document_with({"settings": {"adapters": [{"model": "my-style", "weight": 0.8}]}, "seeds": [1]})
    manifest = write_sung(studio.folder / "album", document | {"selection": {}})
    studio.run("render", manifest, "--out", studio.folder / "out")
    (mp3,) = (studio.folder / "out" / "sung" / "mp3_320").glob("*.mp3")
    (adapter,) = json.loads(studio.run("lineage", mp3, "--deep", "--json").stdout)["adapters"]
    assert (adapter["weight"], adapter["rights"], adapter["trained_here"]) == (0.8, "all recordings are my own", True)
    recordings = {name: digest_file(studio.style.with_name(f"{name}.wav")) for name in NAMES}
    assert {song["name"]: song["audio"] for song in adapter["songs"]} == recordings
    assert [song["name"] for song in adapter["songs"] if song["held_out"]] == ["meadow"]
    told = studio.run("lineage", mp3, "--deep").stdout
    assert "adapter my-style  " in told
    assert "all recordings are my own" in told
    assert all(f"{name}  {digest[:12]}" in told for name, digest in recordings.items())
    commercial = write_sung(studio.folder / "sold", document | {"commercial": True, "selection": {}})
    refusal = studio.run("validate", commercial, code=3).stderr
    assert "my-style (generates) comes under Own recordings [own-recordings]: no commercial use" in refusal
