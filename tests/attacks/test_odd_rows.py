"""Rows, dumps, files and names that no Songline wrote: each ends in a sentence, at once, and without its memory."""

from __future__ import annotations

import gzip
import io
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from catalog.backup.rows import MAX_LINE_BYTES, bounded_lines, load, read_lines, require_empty
from catalog.catalog import Catalog
from catalog.common.digests import digest_file
from catalog.common.errors import CatalogError, InputError
from catalog.files.confined import path_fault
from catalog.models.record import Record
from catalog.models.table import read_table
from catalog.release.document import ReleaseDocument
from tests.attacks.damaged_home import catalog
from tests.attacks.small_album import Run, run, small
from tests.attacks.test_lost_catalog import told

__all__ = ["run", "small"]

ODD = {
    "parameters as a list": "UPDATE activity SET parameters = '[]'",
    "parameters as a string": "UPDATE activity SET parameters = '\"x\"'",
    "parameters as null": "UPDATE activity SET parameters = 'null'",
    "parameters without names": "UPDATE activity SET parameters = '{}'",
    "an empty work key": "UPDATE activity SET work_key = ''",
    "a recipe as a number": "UPDATE render SET recipe = '7'",
    "a decision without candidates": "UPDATE decision SET document = '{}'",
    "a manifest as a list": "UPDATE album SET manifest = '[]'",
    "a manifest without songs": "UPDATE album SET manifest = '{}'",
    "results as null": "UPDATE step SET result = 'null'",
}


@pytest.mark.parametrize("attack", ODD.values(), ids=ODD)
def test_rows_that_no_songline_writes_are_told(
    small: Path, run: Run, attack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # for the reports
    with closing(sqlite3.connect(catalog(small), isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(attack)
    mp3 = small / "out" / "small" / "mp3_320" / "01 - Song One.mp3"
    looks = (("lineage", mp3), ("lineage", mp3, "--prov"), ("status", "small"), ("scores", "small"), ("du",))
    for look in (*looks, ("albums",), ("remove", "small", "--dry-run")):
        said = run(*look, home=small / "home")
        assert said.code in (0, 2, 4), (look, said)
        assert "unexpected error" not in said.err + said.out, (look, said)


def test_a_fault_of_songline_is_not_called_damage(small: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise KeyError("a slip of the code")

    monkeypatch.setattr("flows.cli.inspect.lookup.songs_of", wrong)
    said = run("scores", "small", home=small / "home")
    assert said.code == 4
    assert "damaged" not in said.err
    assert "Songline itself is wrong" in said.err
    assert "songline restore" not in said.err
    report = Path(said.err.split("with the file ")[1].strip().rstrip("."))
    assert "a slip of the code" in report.read_text()
    report.unlink()


def dump_of(*lines: object) -> list[str]:
    return [json.dumps(line) + "\n" for line in ({"schema": "0001"}, *lines)]


def test_a_dump_that_is_nested_without_end_is_no_dump(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="not whole"):
        load(catalog.database, read_lines([*dump_of(), "[" * 200_000 + "\n"]))
    require_empty(catalog.database)


def test_a_number_that_no_database_holds_is_no_row(catalog: Catalog) -> None:
    columns = ["digest", "size", "media_type", "pruned_at"]
    rows = [{"table": "artifact", "columns": columns}, ["a" * 64, 10**32, "text/plain", None]]
    with pytest.raises(CatalogError, match="too large"):
        load(catalog.database, read_lines(dump_of(*rows, {"end": {"artifact": 1}})))
    require_empty(catalog.database)


def backup_of(folder: Path, dump: bytes) -> Path:
    folder.mkdir()
    path = folder / "catalog-0123456789abcdef.jsonl.gz"
    path.write_bytes(dump)
    said = {"catalog": path.name, "catalog_digest": digest_file(path), "written_at": 1.0, "artifacts": 1, "bytes": 1}
    (folder / "backup.json").write_text(json.dumps(said | {"lost": [], "format": 1}))
    return folder


def test_a_dump_of_one_line_without_end_does_not_fill_the_memory(tmp_path: Path, run: Run) -> None:
    line = gzip.compress(b" " * (1 << 20))
    folder = backup_of(tmp_path / "bomb", line * (MAX_LINE_BYTES // (1 << 20) + 2))
    told(run("restore", folder, home=tmp_path / "home"), "not whole")


def test_a_dump_of_endless_short_lines_takes_little_time(tmp_path: Path) -> None:
    lines = gzip.compress(b"[]\n" * 5_000_000)
    read: list[str] = []
    with gzip.GzipFile(fileobj=io.BytesIO(lines)) as dump, pytest.raises(ValueError, match="more lines"):
        read.extend(bounded_lines(dump, len(lines)))
    assert 0 < len(read) <= 10_000 + len(lines) < 50_000


def test_a_dump_that_names_a_table_again_and_again_is_no_dump() -> None:
    table = {"table": "artifact", "columns": ["digest"]}
    with pytest.raises(CatalogError, match="not whole"):
        list(read_lines(dump_of(table, table, {"end": {"artifact": 0}})))


def test_a_hostile_size_or_depth_in_a_backup_ends_in_a_sentence(tmp_path: Path, run: Run) -> None:
    columns = ["digest", "size", "media_type", "pruned_at"]
    rows = [{"table": "artifact", "columns": columns}, ["a" * 64, 10**32, "text/plain", None]]
    for number, lines in enumerate((dump_of(*rows), [*dump_of(), "[" * 200_000])):
        folder = backup_of(tmp_path / f"hostile-{number}", gzip.compress("".join(lines).encode()))
        told(run("restore", folder, home=tmp_path / "home"), "not whole")


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_a_pipe_in_the_place_of_a_named_file_keeps_nobody_waiting(pipe: Path, run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pipe"):
        read_table(pipe)
    with pytest.raises(InputError, match="pipe"):
        ReleaseDocument.read(pipe)
    assert Record.read(pipe) is None
    (tmp_path / "backup").mkdir()
    os.mkfifo(tmp_path / "backup" / "backup.json")
    told(run("restore", tmp_path / "backup", home=tmp_path / "home"), "is a pipe")


@pytest.mark.parametrize("name", ["wav24/\u202evaw.exe", "\u2066a.wav"])
def test_a_hidden_stream_or_a_turned_name_is_no_path(name: str) -> None:
    assert path_fault(name)
