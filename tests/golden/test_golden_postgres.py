"""The kept run on PostgreSQL, moved there by a backup that is restored: nothing is made again there either."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.golden.compared import differences
from tests.golden.complete import RECORDED, require_complete, why_not_read_alike
from tests.golden.identities import identities_of
from tests.golden.kept import Golden
from tests.support.commands import files_of
from tests.support.services.postgres_server import PostgresServer

OF_WORK = ("render", "candidate", "step", "activity", "artifact", "score", "decision", "release", "release_file")


class AsSQLite:
    """Answers as a connection to SQLite does: documents as text, truth as a number."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection
        self._rows: list[tuple[Any, ...]] = []

    def execute(self, query: str, values: Sequence[object] = ()) -> AsSQLite:
        answered = self._connection.execute(query.replace("?", "%s").encode(), values)
        self._rows = [tuple(map(_as_sqlite, row)) for row in answered]
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows


def _as_sqlite(value: object) -> object:
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return int(value) if isinstance(value, bool) else value


class Moved:
    """The kept run in another home, with its catalog on PostgreSQL."""

    def __init__(self, golden: Golden, url: str) -> None:
        self.golden = golden
        self.url = url
        self.settings = {"SONGLINE_HOME": str(golden.folder / "moved"), "SONGLINE_DATABASE_URL": url}

    def rows(self) -> dict[str, int]:
        """How many rows each table of work and of what came of it has."""
        with psycopg.connect(self.url) as connection:
            counted = {
                table: connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() for table in OF_WORK
            }
        return {table: row[0] for table, row in counted.items() if row}


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> Iterator[Moved]:
    """Backed up from SQLite and restored, both by the commands."""
    golden = Golden.opened(tmp_path_factory.mktemp("moved"))
    backup = golden.folder / "backup"
    golden.run("backup", backup)
    with postgres.catalog() as url:
        there = Moved(golden, url)
        golden.run("restore", backup, **there.settings)
        yield there


@pytest.mark.parametrize("album", RECORDED["albums"])
def test_nothing_is_missing(moved: Moved, album: str) -> None:
    if reason := why_not_read_alike(album):
        pytest.skip(f"NOT TESTED: {reason}")
    plan = moved.golden.json("plan", moved.golden.manifest(album), **moved.settings)
    require_complete(album, plan, moved.golden.json("status", album, **moved.settings))


def test_render_makes_nothing_and_delivers_the_same_files(moved: Moved, tmp_path: Path) -> None:
    album = "harbour"
    known = RECORDED["albums"][album]
    before = moved.rows()
    assert before["release"] == sum(len(each["releases"]) for each in RECORDED["albums"].values())
    moved.golden.run("render", moved.golden.manifest(album), "--out", tmp_path, **moved.settings)
    assert moved.rows() == before
    assert files_of(tmp_path / album) == known["releases"][known["release"]]["files"]


def test_the_restored_catalog_says_what_was_recorded(moved: Moved) -> None:
    with psycopg.connect(moved.url) as connection:
        found = identities_of(AsSQLite(connection))
    assert list(differences({part: RECORDED[part] for part in found}, found)) == []
