"""The catalog outside its home: what a path holds never becomes a part of an address, and ``~`` never a folder."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from catalog.catalog import open_catalog
from catalog.common.errors import CatalogError, InputError
from catalog.common.settings import Settings, load_settings
from catalog.monitoring.poller import MetricsPoller
from db.session import DatabaseUnusable, open_database
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.support.albums import tiny_document, write_album
from tests.support.inline_executor import produce

NAMES = ["a?b", "a?mode=ro", "100%", "a%3Fb", "a#b", "two words", "a;b&c=d", "file:a?uri=true", "~", "a'b", "ü"]


@pytest.mark.parametrize("name", [*NAMES, os.fsdecode(b"not-utf-8-\xff")])
def test_the_catalog_lies_in_its_home_whatever_the_home_is_called(tmp_path: Path, name) -> None:
    home = tmp_path / name
    with open_catalog(Settings(home=home)):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
    with closing(sqlite3.connect(home / "catalog.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM album").fetchone() == (0,)


def test_an_album_is_made_in_a_home_that_is_not_utf8(tmp_path: Path) -> None:
    document = tiny_document(deliverables=["wav24", "flac24", "mp3_320", "opus_160"])
    settings = Settings(home=tmp_path / os.fsdecode(b"caf\xe9"))
    album = read_album(write_album(tmp_path / os.fsdecode(b"\xff"), document), settings)
    with open_catalog(settings) as catalog:
        produced, _ = produce(catalog, declare_album(catalog, album))
    assert produced.release_key, produced.failures


def test_a_question_mark_in_the_home_does_not_lead_into_a_foreign_database(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = foreign.read_bytes()
    with open_catalog(Settings(home=tmp_path / "foreign?x")):
        pass
    assert foreign.read_bytes() == before


def test_a_database_of_another_program_gets_no_tables(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(CatalogError, match="another program"):
        open_catalog(Settings(home=tmp_path)).__enter__()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x.db?uri=true", "sqlite:///~nobody-here/x"]
)
def test_an_address_that_names_no_file_is_refused(url, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatabaseUnusable, match="names no SQLite file"):
        open_database(url)
    assert list(tmp_path.iterdir()) == []


def test_a_monitor_of_a_home_with_a_question_mark_sees_its_catalog(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "a?b")
    with open_catalog(settings):
        watch = MetricsPoller(settings)
        assert watch.see() is not None, watch.trouble
        watch.close()


@pytest.mark.parametrize("name", ["HOME", "MODELS", "MODELS_TABLE", "RELEASES", "S3_CA_FILE", "INBOX"])
def test_a_tilde_in_a_setting_is_the_home_folder(name, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(f"SONGLINE_{name}", "~/songs")
    assert Path(getattr(load_settings(), name.lower())) == tmp_path / "songs"


def test_a_tilde_in_the_database_address_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    open_database("sqlite:///~/songs.sqlite3").close()
    assert (tmp_path / "songs.sqlite3").is_file()
    assert not (tmp_path / "~").exists()


def test_a_tilde_of_nobody_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONGLINE_HOME", "~nobody-of-that-name/songs")
    with pytest.raises(InputError, match="SONGLINE_HOME: this machine has no home folder ~nobody-of-that-name"):
        load_settings()
