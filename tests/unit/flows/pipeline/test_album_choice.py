"""An album whose takes are chosen to fit together: decided after all songs, stored, repeatable, never past a pick."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from catalog.catalog import Catalog
from catalog.plan.plan import PlannedAlbum
from catalog.plan.status import songs_of
from catalog.selection.stored_reviews import say
from db.tables.album import Step
from db.tables.selection import Decision
from flows.pipeline.decide_now import decide_now
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.support.albums import album_document, write_album
from tests.support.inline_executor import produce

SELECTION = {"weights": {"plr_db": 1}, "album": {"max_loss": 1.0}}


def planned_album(catalog: Catalog, folder: Path, **selection: Any) -> PlannedAlbum:
    document = album_document(selection=selection)
    document["songs"] = [{**song, "seeds": [1, 2, 3]} for song in document["songs"]]
    return declare_album(catalog, read_album(write_album(folder / "album", document), catalog.settings))


def decisions(catalog: Catalog) -> dict[str, dict[str, Any]]:
    return {song.id: dict(song.decision or {}) for song in songs_of(catalog.database, "small")}


def decision_count(catalog: Catalog) -> int:
    with catalog.database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Decision)) or 0


def choices(catalog: Catalog) -> list[dict[str, Any]]:
    with catalog.database.read() as session:
        return [dict(result) for result in session.scalars(sa.select(Step.result).where(Step.kind == "choose"))]


def test_an_album_that_fits_is_decided_after_its_songs_and_once(catalog: Catalog, tmp_path: Path) -> None:
    alone = planned_album(catalog, tmp_path / "alone", weights={"plr_db": 1})
    assert produce(catalog, alone, "select")[0].failures == {}
    by_song = decisions(catalog)
    assert choices(catalog) == []
    assert all("album" not in one["policy"] and "album_sentence" not in one for one in by_song.values())

    together = planned_album(catalog, tmp_path / "together", **SELECTION)
    result, executor = produce(catalog, together, "select")
    assert result.failures == {}
    assert executor.steps.count("choose · Small Album") == 1
    (chosen,) = choices(catalog)
    fitted = decisions(catalog)
    assert {song: one["winner"] for song, one in fitted.items()} == chosen["winners"]
    assert chosen["after"]["objective"] <= chosen["before"]["objective"]
    changed = {change["song"] for change in chosen["changes"]}
    assert changed
    for song, one in fitted.items():
        assert one["sentence"].startswith("Chosen for the album: ") == (song in changed)
        if song in changed:
            assert one["policy_winner"] == by_song[song]["winner"]
            assert one["album_sentence"] == chosen["sentence"]
    count = decision_count(catalog)
    assert produce(catalog, together, "select")[1].steps == []
    assert decision_count(catalog) == count

    picked = next(c["id"] for c in fitted["one"]["candidates"] if c["id"] != fitted["one"]["winner"])
    say(catalog.database, picked, "pick", by="ada")
    assert decide_now(catalog, together) == {}
    assert decisions(catalog)["one"]["winner"] == picked
    assert decisions(catalog)["one"]["picked_by"] == "ada"
    say(catalog.database, picked, "withdraw", by="ada")
    assert decide_now(catalog, together) == {}
    assert {song: one["winner"] for song, one in decisions(catalog).items()} == chosen["winners"]
