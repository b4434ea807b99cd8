"""A song of two engines: every name of a take says which engine made it, also where a decision is replayed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from flows.cli.album.select import select
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.support.albums import LYRICS, album_document, write_album
from tests.support.engine_48k import engine_48k
from tests.support.inline_executor import produce

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    with engine_48k():
        yield


def test_a_replayed_decision_and_the_names_of_runs_tell_the_engines_apart(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    song = {"id": "both", "title": "Both", "engines": ["guide", "guide48"], "prompt": "folk, 120 BPM", "seeds": [1]}
    path = write_album(tmp_path / "album", album_document(songs=[song | {"lyrics": LYRICS}]))
    planned = declare_album(catalog, read_album(path, catalog.settings))
    produced, executor = produce(catalog, planned, "select")
    assert produced.failures == {}
    assert {"score · Both · seed 1 of guide", "score · Both · seed 1 of guide48"} <= set(executor.steps)

    (tmp_path / "policy.json").write_text(json.dumps({"if_none_passes": "least_bad"}))
    monkeypatch.setattr("flows.cli.album.select.load_settings", lambda: catalog.settings)
    select(path, tmp_path / "policy.json", apply=False, undo=False, as_json=True)
    (decided,) = json.loads(capsys.readouterr().out)["songs"]
    assert sorted(candidate["engine"] for candidate in decided["candidates"]) == ["guide", "guide48"]
