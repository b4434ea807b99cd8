"""Bytes that nobody asks for any more are lost: ``verify`` does not stay red for good."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.catalog import open_catalog
from catalog.common.settings import Settings
from flows.cli.admin.housekeeping import verify


def test_a_loss_is_accepted_once_and_verify_is_clean_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_catalog(Settings(home=tmp_path / "home")) as catalog:
        digests = []
        for name in ("kept", "lost"):
            (tmp_path / name).write_text(name)
            digests.append(catalog.add_file(tmp_path / name, media_type="text/plain"))
        catalog.store.delete(digests[1])
    monkeypatch.setenv("SONGLINE_HOME", str(tmp_path / "home"))
    with pytest.raises(SystemExit):
        verify(repair=False, accept_loss=False, as_json=True)
    assert json.loads(capsys.readouterr().out)["missing"] == [digests[1]]
    verify(repair=True, accept_loss=False, as_json=True)
    assert json.loads(capsys.readouterr().out)["planned_again"] == 0
    verify(repair=False, accept_loss=True, as_json=True)
    assert json.loads(capsys.readouterr().out)["accepted_now"] == 1
    verify(repair=False, accept_loss=False, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["checked"], told["missing"], told["accepted_as_lost"]) == (1, [], 1)
