"""The embedded catalog: a SQLite file that several processes of one machine write to."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import URL, Connection, Engine, event

from db.errors import DatabaseUnusable, NetworkFileSystem
from db.files.private_file import make_private
from db.tables.documents import read_document

BUSY_TIMEOUT_S = 30
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smbfs", "smb3", "9p", "afs", "fuse.sshfs", "ceph", "lustre"})


def sqlite_url(path: Path) -> URL:
    """The URL of the file at ``path``; no character of its name is interpreted as a part of a URL."""
    return URL.create("sqlite", database=str(path))


def sqlite_engine(url: URL) -> Engine:
    """An engine on the file of ``url``. Raises NetworkFileSystem where locks do not work."""
    path = Path(url.database or "")
    _refuse_network_file_system(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Parameters are hidden: lyrics and prompts must not appear in error reports that users send.
    engine = sa.create_engine(url, json_deserializer=read_document, hide_parameters=True)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_S * 1000}",
        "journal_mode = WAL",
        "foreign_keys = ON",
        "synchronous = FULL",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A transaction that began as a read cannot wait for the write lock: SQLite answers "locked" at once.
    is_writing = connection.get_execution_options().get("songline_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def back_up(path: Path, copy: Path) -> None:
    """Copy a SQLite database as a reader sees it: the newest rows may still be in the write-ahead log."""
    partial = copy.with_name(f"{copy.name}.part")
    partial.unlink(missing_ok=True)
    make_private(partial)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as target:
        source.backup(target)
    partial.replace(copy)


def _refuse_network_file_system(path: Path) -> None:
    kind = file_system_of(path)
    if kind in NETWORK_FILE_SYSTEMS:
        raise NetworkFileSystem(kind)


def file_system_of(path: Path) -> str:
    """Type of the file system that holds ``path`` ("ext4", "nfs4"), "" where the system does not report it."""
    import psutil

    real_path = path.resolve()
    partitions = [p for p in psutil.disk_partitions(all=True) if real_path.is_relative_to(p.mountpoint)]
    return max(partitions, key=lambda p: len(p.mountpoint)).fstype if partitions else ""


def url_of_file(url: URL) -> URL:
    """The URL of a SQLite file with ``~`` expanded. Raises DatabaseUnusable where it names no file."""
    path = Path(os.path.expanduser(url.database or ""))
    if not path.name or path.name == ":memory:" or str(path).startswith(("~", "file:")):
        raise DatabaseUnusable(
            "SONGLINE_DATABASE_URL names no SQLite file", "Write sqlite:////PATH with the whole path, from / on"
        )
    return url.set(database=str(path))
