"""A catalog of an earlier revision, with rows in it, is brought up to date and loses nothing."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from catalog.catalog import open_catalog
from catalog.common.settings import Settings
from catalog.plan.queries import recipe_of
from catalog.plan.status import songs_of
from catalog.recipe import Recipe
from db.schema import upgrade
from db.session import SCHEMA_REVISION, open_database
from db.sqlite import sqlite_engine
from db.tables.base import Base

RECIPE = Recipe("guide", 1, 1, 10.0, {"prompt": "x"})
KEY, DIGEST = RECIPE.digest, "d" * 64
WORK = {"fence": 1, "attempts": 1, "due_at": 0.0}

ROWS = [
    ("album", {"id": "small", "title": "Small", "manifest": {"songs": []}, "manifest_digest": DIGEST}),
    ("song", {"id": 1, "album_id": "small", "slug": "one", "title": "One", "position": 1, "active": True}),
    ("artifact", {"digest": DIGEST, "size": 3, "media_type": "audio/wav"}),
    (
        "activity",
        {
            "id": "act",
            "kind": "render",
            "work_key": KEY,
            "revision": 1,
            "parameters": {},
            "seed": 1,
            "outcome": "done",
            "attempt": 1,
            "started_at": 1.0,
            "seconds": 2.0,
            "code_version": "0.1.0",
            "environment": {},
            "device": "cpu",
        },
    ),
    (
        "activity_artifact",
        {"activity_id": "act", "direction": "made", "role": "audio", "artifact_digest": DIGEST},
    ),
    (
        "render",
        {
            "key": KEY,
            "engine": "guide",
            "seed": 1,
            "recipe": RECIPE.document(),
            "audio_digest": DIGEST,
            "activity_id": "act",
            "state": "rendered",
            **WORK,
        },
    ),
    (
        "candidate",
        {
            "id": "one-1-aaaaaa",
            "song_id": 1,
            "render_key": KEY,
            "seed": 1,
            "seed_order": 0,
            "prompt": "x",
            "lyrics_digest": DIGEST,
            "active": True,
        },
    ),
]
DECIDED = [
    (
        "step",
        {
            "key": DIGEST,
            "kind": "select",
            "revision": 1,
            "parameters": {"candidates": [{"id": "one-1-aaaaaa"}], "failed": []},
            "inputs": {},
            "result": {},
            "activity_id": "act",
            "state": "done",
            **WORK,
        },
    ),
    (
        "decision",
        {
            "id": 1,
            "song_id": 1,
            "step_key": DIGEST,
            "activity_id": "act",
            "policy": {},
            "document": {"sentence": "It won."},
            "winner_id": "one-1-aaaaaa",
        },
    ),
]


def catalog_at(path: Path, revision: str, rows) -> None:
    """A catalog as the code of that revision left it."""
    engine = sqlite_engine(make_url(f"sqlite:///{path}"))
    with engine.execution_options(songline_write=True).begin() as connection:
        upgrade(connection, revision)
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        for table, row in rows:
            values = [json.dumps(value) if isinstance(value, dict) else value for value in row.values()]
            marks = ", ".join("?" * len(values))
            connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", values)
        connection.commit()


def everything(path: Path) -> dict[str, list[dict[str, object]]]:
    """Every row of every table by column."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {t: [dict(row) for row in connection.execute(f"SELECT * FROM {t}")] for t in tables}


def keys_of(path: Path) -> dict[str, set[tuple[str, str, str]]]:
    """The foreign keys of every table, as (column, table, column)."""
    with closing(sqlite3.connect(path)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            t: {(row[3], row[2], row[4]) for row in connection.execute(f"PRAGMA foreign_key_list({t})")} for t in tables
        }


@pytest.mark.parametrize("rows", [ROWS, [*ROWS, *DECIDED]], ids=["rendered", "decided"])
def test_a_catalog_of_the_first_revision_keeps_its_rows_and_its_keys(tmp_path: Path, rows) -> None:
    path = tmp_path / "catalog.sqlite3"
    catalog_at(path, "0001", rows)
    before, keys = everything(path), keys_of(path)
    open_database(f"sqlite:///{path}").close()
    after = everything(path)
    assert after.pop("alembic_version") == [{"version_num": SCHEMA_REVISION}]
    before.pop("alembic_version")
    new = {"candidate": {"parent_id": None, "lyrics_lrc": None}, "activity": {"figures": None}}
    new["album"] = {"cover_digest": None, "model_identities": None}
    assert [after.pop(table) for table in ("shard", "submission", "loss", "checkpoint", "review", "vote")] == [[]] * 6
    assert after == {table: [row | new.get(table, {}) for row in found] for table, found in before.items()}
    migrated = keys_of(path)
    assert migrated.pop("candidate") == keys.pop("candidate") | {("parent_id", "candidate", "id")}
    assert migrated.pop("album") == {("cover_digest", "artifact", "digest")}
    assert [migrated.pop(table) for table in ("shard", "submission")] == [{("album_id", "album", "id")}] * 2
    assert migrated.pop("loss") == {("artifact_digest", "artifact", "digest")}
    named = {("step_key", "step", "key"), ("adapter_digest", "artifact", "digest")}
    assert migrated.pop("checkpoint") == named | {("state_digest", "artifact", "digest")}
    assert migrated.pop("review") == {("candidate_id", "candidate", "id")}
    assert migrated.pop("vote") == {("song_id", "song", "id")}
    keys.pop("album")
    assert migrated == keys
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert [p.name for p in tmp_path.glob("*.before-*")] == [f"catalog.sqlite3.before-{SCHEMA_REVISION}"]


@pytest.mark.slow
def test_a_migrated_catalog_is_the_one_that_a_new_home_gets(tmp_path: Path) -> None:
    catalog_at(tmp_path / "old.sqlite3", "0001", ROWS)
    for name in ("old", "new"):
        open_database(f"sqlite:///{tmp_path / name}.sqlite3").close()
    assert keys_of(tmp_path / "old.sqlite3") == keys_of(tmp_path / "new.sqlite3")


def test_a_migrated_home_opens_and_tells_what_it_knew(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    catalog_at(tmp_path / "catalog.sqlite3", "0001", [*ROWS, *DECIDED])
    with open_catalog(settings) as catalog:
        assert recipe_of(catalog.database, KEY) == RECIPE
        (song,) = songs_of(catalog.database, "small")
        assert (song.winner, song.candidates[0].state) == ("one-1-aaaaaa", "rendered")


def test_a_foreign_key_holds_after_the_migration(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"
    catalog_at(path, "0001", ROWS)
    database = open_database(f"sqlite:///{path}")
    with pytest.raises(sa.exc.IntegrityError), database.write() as writing:
        writing.execute(sa.text("UPDATE candidate SET parent_id = 'nobody'"))
    database.close()


def test_an_index_leads_back_through_every_reference() -> None:
    """Else a row that goes costs a look at every row that might refer to it."""
    for table in Base.metadata.sorted_tables:
        leading = {next(iter(index.columns)).name for index in table.indexes}
        leading |= {next(iter(key.columns)).name for key in table.constraints if isinstance(key, sa.UniqueConstraint)}
        leading.add(next(iter(table.primary_key.columns)).name)
        references = {column.name for column in table.columns if column.foreign_keys}
        assert references <= leading, table.name
