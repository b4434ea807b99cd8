"""A song of two engines: every name of a take says which engine made it, also where a decision is replayed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.release.queries import release_by_key
from flows.cli.album.author import plan
from flows.cli.album.select import select
from flows.pipeline.pipeline import AlbumPipeline
from flows.pipeline.progress import Progress
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.engines.guide.engine import GuideEngine
from tests.support.albums import LYRICS, album_document, write_album
from tests.support.engine_48k import engine_48k
from tests.support.inline_executor import InlineExecutor, produce

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    with engine_48k():
        yield


SONG = {"id": "both", "title": "Both", "engines": ["guide", "guide48"], "prompt": "folk, 120 BPM", "seeds": [1]}


def test_a_release_tells_what_the_engine_of_the_winner_did_not_use_and_no_other(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GuideEngine, "unused", lambda engine, _: {"style": f"{engine.name} uses no style."})
    document = album_document(songs=[SONG | {"lyrics": LYRICS}], deliverables=["flac24"])
    planned = declare_album(catalog, read_album(write_album(tmp_path / "album", document), catalog.settings))
    produced, _ = produce(catalog, planned)
    (track,) = release_by_key(catalog.database, produced.release_key).document["tracks"]
    assert track["unused"] == [f"{track['engine']['name']} uses no style."]


def test_a_replayed_decision_and_the_names_of_runs_tell_the_engines_apart(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_album(tmp_path / "album", album_document(songs=[SONG | {"lyrics": LYRICS}]))
    planned = declare_album(catalog, read_album(path, catalog.settings))
    produced, executor = produce(catalog, planned, "select")
    assert produced.failures == {}
    assert {"score · Both · seed 1 of guide", "score · Both · seed 1 of guide48"} <= set(executor.steps)

    (tmp_path / "policy.json").write_text(json.dumps({"if_none_passes": "least_bad"}))
    monkeypatch.setattr("flows.cli.album.select.load_settings", lambda: catalog.settings)
    select(path, tmp_path / "policy.json", apply=False, undo=False, as_json=True)
    (decided,) = json.loads(capsys.readouterr().out)["songs"]
    assert sorted(candidate["engine"] for candidate in decided["candidates"]) == ["guide", "guide48"]


def test_the_plan_and_the_progress_tell_the_engines_apart(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = {"id": "alone", "title": "Alone", "engine": "guide", "prompt": "folk", "lyrics": LYRICS, "seeds": [1]}
    path = write_album(tmp_path / "album", album_document(songs=[SONG | {"lyrics": LYRICS, "seeds": [1, 2]}, alone]))
    monkeypatch.setenv("SONGLINE_HOME", str(catalog.settings.home))
    plan(path, explain=False, as_json=False)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[1:5] == [
        ["Both", "0", "4", "0"],
        ["guide", "0", "2", "0"],
        ["guide48", "0", "2", "0"],
        ["Alone", "0", "1", "0"],
    ]
    plan(path, explain=False, as_json=True)
    both, single = json.loads(capsys.readouterr().out)["songs"]
    assert both["engines"] == [{"engine": name, "exists": 0, "new": 2, "failed": 0} for name in ("guide", "guide48")]
    assert "engines" not in single

    planned = declare_album(catalog, read_album(path, catalog.settings))
    progress = Progress(planned.songs)
    asyncio.run(AlbumPipeline(catalog, planned, InlineExecutor(catalog), progress).run("select"))
    assert "picked seed 1 of guide" in progress.songs["both"].sentence().replace("seed 2", "seed 1")
    assert progress.songs["alone"].sentence().endswith("picked seed 1")
