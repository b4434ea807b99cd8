"""``songline judges``: what stands there, with a model and without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from catalog.models.store import ModelStore
from flows.cli.main import app
from tasks.scoring.registry import JUDGES
from tests.support.models import install, relaxed_table


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    table = relaxed_table(tmp_path / "models.toml")
    monkeypatch.setenv("SONGLINE_HOME", str(tmp_path))
    monkeypatch.setenv("SONGLINE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("SONGLINE_MODELS_TABLE", str(table))
    return ModelStore(tmp_path / "models", table)


def listed() -> dict[str, dict[str, Any]]:
    ran = CliRunner().invoke(app, ["judges", "--json"])
    assert ran.exit_code == 0, ran.output
    return {judge["name"]: judge for judge in json.loads(ran.stdout)["judges"]}


def test_each_judge_tells_what_it_reads_and_what_gets_what_it_lacks(held: ModelStore) -> None:
    told = listed()
    assert list(told) == [judge.name for judge in JUDGES]
    clap = told["clap"]
    assert not clap["available"]
    assert "songline models pull clap-music" in clap["get"]
    assert clap["models"] == [
        {"name": "clap-music", "licence": "Apache-2.0", "commercial": True, "installed": False, "revision": None}
    ]
    assert {metric["family"] for metric in told["aesthetics"]["metrics"]} == {"musicality", "production"}
    assert not told["mulan"]["commercial"]
    assert told["lyrics_mix"]["commercial"]


def test_a_model_that_is_here_is_not_asked_for(held: ModelStore) -> None:
    install(held, "audiobox-aesthetics", {"checkpoint.pt": b"weights"})
    aesthetics = listed()["aesthetics"]
    assert aesthetics["models"][0]["installed"]
    assert not any("models pull" in command for command in aesthetics["get"])
    assert aesthetics["available"] == (not aesthetics["packages"]["lacking"])


def test_people_are_told_the_same(held: ModelStore) -> None:
    ran = CliRunner().invoke(app, ["judges"])
    assert ran.exit_code == 0, ran.output
    for judge in JUDGES:
        assert judge.metrics[0].name in ran.stdout
    assert "lyrics_mix needs `songline models pull whisper-large-v3 diffrhythm-data`" in ran.stdout
