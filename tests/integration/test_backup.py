"""Catalog and store together into a folder and back, across databases and stores."""

from __future__ import annotations

import gzip
import json
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalog.backup.backup import Verified, back_up, restore, verify
from catalog.catalog import open_catalog
from catalog.common.errors import CatalogError, InputError, MachineError, RefusedError
from catalog.common.settings import Settings
from catalog.housekeeping.repair import examine
from catalog.ledger.results import artifact_digests
from catalog.ledger.work import DecisionRecord, ExecutionEnvironment, Lease
from catalog.recipe import Recipe
from catalog.store.base import object_name
from db.tables.album import Candidate, Render, Song
from db.tables.base import Base
from db.tables.selection import Decision
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.support.albums import album_document, write_album
from tests.support.commands import files_of, songline
from tests.support.inline_executor import produce

HERE = ExecutionEnvironment("test", {}, "cpu")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    """A home with a finished album, to be looked at only."""
    folder = tmp_path_factory.mktemp("made")
    settings = Settings(home=folder / "home", workers=2)
    with open_catalog(settings) as catalog:
        produced, _ = produce(catalog, album_in(catalog, settings, folder))
        assert produced.failures == {}
        catalog.ledger.declare_renders([Recipe("faulty", 1, 2**53 - 1, 10.0, {"prompt": "x"})])
        (key,) = waiting(catalog)
        assert isinstance(catalog.ledger.claim("render", key), Lease)
        with catalog.database.write() as session:
            session.get_one(Render, key).error = {"error": "half a \ud83c and a NUL \0"}
        offer_retakes_of_retakes(catalog)
    return settings


def album_in(catalog, settings, folder):
    document = album_document(songs=album_document()["songs"][:1])
    return declare_album(catalog, read_album(write_album(folder / "album", document), settings))


def waiting(catalog):
    with catalog.database.read() as session:
        return session.scalars(sa.select(Render.key).where(Render.engine == "faulty")).all()


def offer_retakes_of_retakes(catalog):
    """Rows that refer to rows of their own table, the child sorted before its parent."""
    with catalog.database.write() as session:
        first = session.scalars(sa.select(Candidate).order_by(Candidate.id)).first()
        (key,) = waiting(catalog)
        facts = {"song_id": first.song_id, "seed": 9, "seed_order": 9, "lyrics_digest": "0" * 64, "active": False}
        session.add(Candidate(id="0-child", render_key=key, parent_id=first.id, **facts))


def drop_the_child(catalog):
    """Take back what a plan would find missing."""
    with catalog.database.write() as session:
        session.execute(sa.delete(Candidate).where(Candidate.id == "0-child"))


def rows_of(catalog):
    with catalog.database.read() as session:
        return {
            table.name: [list(row) for row in session.execute(sa.select(table).order_by(*table.primary_key))]
            for table in Base.metadata.sorted_tables
        }


def freed(rows):
    """Rows as they are restored: what was leased is planned."""
    columns = list(Render.__table__.columns.keys())
    state, owner, until = (columns.index(name) for name in ("state", "owner", "lease_until"))
    for row in rows["render"]:
        if row[state] == "leased":
            row[state], row[owner], row[until] = "planned", None, None
    return rows


@contextmanager
def farm(request, home):
    """Settings of a house on PostgreSQL and MinIO."""
    minio = request.getfixturevalue("minio")
    with request.getfixturevalue("postgres").catalog() as url:
        settings = minio.settings(home, minio.bucket().name)
        yield settings.model_copy(update={"database_url": url})


def test_a_laptops_catalog_moves_to_a_farm_and_back(made, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with open_catalog(made) as catalog:
        before = rows_of(catalog)
        backup, copied = back_up(catalog.database, catalog.store, tmp_path / "a")
        assert copied == backup.artifacts > 5
        assert back_up(catalog.database, catalog.store, tmp_path / "a")[1] == 0
    with farm(request, tmp_path / "farm") as there, open_catalog(there) as catalog:
        assert restore(catalog.database, catalog.store, tmp_path / "a")[1] == []
        assert rows_of(catalog) == freed(before)
        assert is_clean(catalog)
        with pytest.raises(RefusedError, match="not empty"):
            restore(catalog.database, catalog.store, tmp_path / "a")
        drop_the_child(catalog)
        before = rows_of(catalog)
        produced, executor = produce(catalog, album_in(catalog, there, tmp_path))
        assert (produced.failures, executor.rendered, executor.steps) == ({}, [], [])
        assert rows_of(catalog) == before
        # Numbers count on after the restored ones.
        (key,) = waiting(catalog)
        lease = catalog.ledger.claim("render", key)
        assert lease.fence == 2
        decide_again(catalog)
        back_up(catalog.database, catalog.store, tmp_path / "b")
        after = rows_of(catalog)
    home = Settings(home=tmp_path / "home")
    with open_catalog(home) as catalog:
        restore(catalog.database, catalog.store, tmp_path / "b")
        assert rows_of(catalog) == freed(after)
        assert is_clean(catalog)
        assert {each.digest for each in catalog.store.listing()} == {d for d, _ in artifact_digests(catalog.database)}


def decide_again(catalog):
    from catalog.ledger.recording import add_decision

    with catalog.database.write() as session:
        newest = session.scalars(sa.select(Decision).order_by(Decision.id.desc())).first()
        song = session.scalars(sa.select(Song.id)).first()
        record = DecisionRecord(song, newest.policy, newest.document, newest.winner_id)
        add_decision(session, record, step_key=newest.step_key, activity_id=newest.activity_id)


def is_clean(catalog):
    digests = [digest for digest, _ in artifact_digests(catalog.database)]
    return examine(catalog.database, catalog.store, digests) == []


def test_every_table_of_the_database_is_in_a_backup(made, tmp_path: Path) -> None:
    with open_catalog(made) as catalog:
        tables = set(sa.inspect(catalog.database.engine).get_table_names()) - {"alembic_version"}
        back_up(catalog.database, catalog.store, tmp_path / "a")
    (dump,) = (tmp_path / "a").glob("catalog-*")
    lines = [json.loads(line) for line in gzip.decompress(dump.read_bytes()).splitlines()]
    assert {line["table"] for line in lines if "table" in line} == tables


def test_the_commands_tell_and_verify_is_clean(made, tmp_path: Path) -> None:
    done = songline("backup", tmp_path / "a", "--json", home=made.home)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["missing"] == []
    back = songline("restore", tmp_path / "a", "--json", home=tmp_path / "new")
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["artifacts"] == told["artifacts"]
    assert songline("verify", home=tmp_path / "new").returncode == 0
    again = songline("restore", tmp_path / "a", home=tmp_path / "new")
    assert again.returncode == 3
    assert "SONGLINE_HOME" in again.stderr


def test_every_byte_of_a_backup_is_read(made, tmp_path: Path) -> None:
    with open_catalog(made) as catalog:
        backup, _ = back_up(catalog.database, catalog.store, tmp_path / "a")
        first, second, *_ = [digest for digest, _ in artifact_digests(catalog.database)]
    assert verify(tmp_path / "a") == Verified(backup, [], [])
    (tmp_path / "a" / "store" / object_name(first)).unlink()
    rotten = tmp_path / "a" / "store" / object_name(second)
    whole = rotten.read_bytes()
    rotten.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert verify(tmp_path / "a") == Verified(backup, [first], [second])
    told = songline("backup", tmp_path / "a", "--verify", "--json", home=tmp_path / "nothing")
    assert told.returncode == 1
    assert json.loads(told.stdout) == {
        "folder": str(tmp_path / "a"),
        "checked": backup.artifacts,
        "bytes": backup.bytes,
        "missing": [first],
        "corrupt": [second],
    }
    assert not (tmp_path / "nothing").exists()
    plain = songline("backup", tmp_path / "a", "--verify", home=tmp_path / "nothing")
    assert f"corrupt {rotten}" in plain.stdout
    rotten.unlink()
    with open_catalog(made) as catalog:
        assert back_up(catalog.database, catalog.store, tmp_path / "a")[1] == 2
    assert songline("backup", tmp_path / "a", "--verify", home=tmp_path / "nothing").returncode == 0
    with pytest.raises(InputError, match="no finished backup"):
        verify(tmp_path)


def test_an_unfinished_or_foreign_folder_is_refused(made, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("hello")
    with open_catalog(made) as catalog:
        with pytest.raises(InputError, match="something else"):
            back_up(catalog.database, catalog.store, tmp_path / "mine")
        back_up(catalog.database, catalog.store, tmp_path / "a")
        (tmp_path / "a" / "backup.json").rename(tmp_path / "kept")
        with pytest.raises(InputError, match="no finished backup"):
            restore(catalog.database, catalog.store, tmp_path / "a")
        assert back_up(catalog.database, catalog.store, tmp_path / "a")[1] == 0
    with open_catalog(Settings(home=tmp_path / "new")) as catalog:
        (dump,) = (tmp_path / "a").glob("catalog-*")
        dump.write_bytes(dump.read_bytes()[:-100])
        with pytest.raises(CatalogError, match="not whole"):
            restore(catalog.database, catalog.store, tmp_path / "a")
        assert not any(rows_of(catalog).values())


def test_what_the_store_lost_is_told_and_the_rest_is_kept(made, tmp_path: Path) -> None:
    with open_catalog(made) as catalog:
        first, second, *_ = [digest for digest, _ in artifact_digests(catalog.database)]
        rotten = tmp_path / "a" / "store" / object_name(second)
        back_up(catalog.database, catalog.store, tmp_path / "a")
        original = catalog.store.local(first)
        aside = original.rename(tmp_path / "aside")
        (tmp_path / "a" / "store" / object_name(first)).unlink()
        backup, _ = back_up(catalog.database, catalog.store, tmp_path / "a")
        aside.rename(original)
    assert backup.lost == [first]
    rotten.chmod(0o644)
    rotten.write_bytes(bytes([rotten.read_bytes()[0] ^ 1]) + rotten.read_bytes()[1:])
    with open_catalog(Settings(home=tmp_path / "new")) as catalog:
        _, lost = restore(catalog.database, catalog.store, tmp_path / "a")
        assert sorted(lost) == sorted([first, second])
        kept = [digest for digest, _ in artifact_digests(catalog.database)]
        damages = examine(catalog.database, catalog.store, kept)
        assert sorted(damage.digest for damage in damages) == sorted(lost)
    files = files_of(tmp_path / "a")
    for name in files:
        if name.startswith("store/"):
            (tmp_path / "a" / name).unlink()
    with open_catalog(Settings(home=tmp_path / "third")) as catalog:
        with pytest.raises(MachineError, match="none of its"):
            restore(catalog.database, catalog.store, tmp_path / "a")
        assert not any(rows_of(catalog).values())


def test_bytes_that_are_swept_while_they_wait_for_their_rows_are_put_again(
    made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_catalog(made) as catalog:
        back_up(catalog.database, catalog.store, tmp_path / "a")
        digest = min(digest for digest, _ in artifact_digests(catalog.database))
    with open_catalog(Settings(home=tmp_path / "new")) as catalog:
        from catalog.backup import backup

        def load(database, lines):
            backup_load(database, lines)
            catalog.store.delete(digest)

        backup_load = backup.load  # type: ignore[attr-defined]
        monkeypatch.setattr(backup, "load", load)
        restore(catalog.database, catalog.store, tmp_path / "a")
        assert is_clean(catalog)


def test_a_killed_backup_leaves_the_older_one_whole(made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_catalog(made) as catalog:
        backup, _ = back_up(catalog.database, catalog.store, tmp_path / "a")
        with catalog.database.write() as session:
            session.execute(sa.update(Song).values(title="Another"))

        def killed(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr("catalog.backup.backup._copy", killed)
        with pytest.raises(KeyboardInterrupt):
            back_up(catalog.database, catalog.store, tmp_path / "a")
    with open_catalog(Settings(home=tmp_path / "new")) as catalog:
        assert restore(catalog.database, catalog.store, tmp_path / "a")[0] == backup
        assert "Another" not in json.dumps(rows_of(catalog)["song"])
