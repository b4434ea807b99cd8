"""Whether the bytes of a SQLite file can be a catalog, asked before SQLite opens it and changes something.

Offsets and the checksum are those of sqlite.org/fileformat2.html, sections 1.3 (header) and 4 (write-ahead log).
"""

from __future__ import annotations

import struct
from array import array
from pathlib import Path

from db.regular_file import kind_of, open_regular
from db.trouble import DatabaseDamaged, DatabaseUnusable

MAGIC = b"SQLite format 3\0"
HEADER_BYTES = 100
LOG_MAGIC = frozenset({0x377F0682, 0x377F0683})
LOG_HEADER = struct.Struct(">8I")
FRAME_HEADER = struct.Struct(">6I")
LOST_COMMITS = 2
"""Commits behind a bad frame that prove a loss: one may be of a transaction that was cut off before its end."""


def check_file(path: Path) -> None:
    """Raise DatabaseDamaged where ``path`` or its write-ahead log is not what SQLite wrote, DatabaseUnusable where a
    folder or a pipe stands in the place of one of its files. A file that is not there, or has no bytes yet, is fine
    where it has no log: SQLite would remove the log of a file without a byte, and the changes in it with that."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        _require_regular(path.with_name(f"{path.name}{suffix}"))
    log = path.with_name(f"{path.name}-wal")
    log_bytes = log.stat().st_size if log.is_file() else 0
    if not path.exists():
        if log_bytes:
            raise DatabaseDamaged(f"it is missing, and {log.name} beside it holds changes of it")
        return
    with open_regular(path) as file:
        header = file.read(HEADER_BYTES)
    if header:
        _check_header(path, header, is_alone=log_bytes == 0)
    elif log_bytes:
        raise DatabaseDamaged(f"it is empty, 0 bytes, and {log.name} beside it holds changes of it")
    if log_bytes > LOG_HEADER.size:
        _check_log(log)


def _require_regular(path: Path) -> None:
    if path.exists() and (kind := kind_of(path.stat().st_mode)):
        raise DatabaseUnusable(f"{path} is {kind}, where a file of the catalog should be", "Move it away")


def _check_header(path: Path, header: bytes, *, is_alone: bool) -> None:
    if not header.startswith(MAGIC):
        raise DatabaseDamaged("its first bytes are not those of a SQLite database")
    if len(header) < HEADER_BYTES:
        raise DatabaseDamaged(f"only {len(header)} bytes of it are left")
    page_bytes = struct.unpack_from(">H", header, 16)[0]
    pages, changed, valid_for = (struct.unpack_from(">I", header, at)[0] for at in (28, 24, 92))
    page_bytes = 65536 if page_bytes == 1 else page_bytes
    wanted, found = page_bytes * pages, path.stat().st_size
    if is_alone and changed == valid_for and found < wanted:
        raise DatabaseDamaged(f"it is cut off: {found} of {wanted} bytes are left")


def _check_log(log: Path) -> None:
    """Raise DatabaseDamaged where committed changes stand in the log and cannot be read.

    SQLite reads a log up to its first bad frame and says nothing of what stands behind it.
    """
    data = log.read_bytes()
    magic, _, page_bytes, _, *salts = LOG_HEADER.unpack_from(data)[:6]
    if magic not in LOG_MAGIC or LOG_HEADER.unpack_from(data)[6:] != _summed(data[:24], (0, 0), magic):
        if _is_unchanged(log, data):
            raise DatabaseDamaged(f"the header of its write-ahead log {log.name} was overwritten")
        return
    lost = _commits_behind_the_break(data, page_bytes, tuple(salts), magic)
    if lost >= LOST_COMMITS and _is_unchanged(log, data):
        raise DatabaseDamaged(f"its write-ahead log {log.name} was overwritten: about {lost} changes in it are lost")


def _commits_behind_the_break(data: bytes, page_bytes: int, salts: tuple[int, ...], magic: int) -> int:
    total = LOG_HEADER.unpack_from(data)[6:]
    is_whole, commits = True, 0
    for at in range(LOG_HEADER.size, len(data) - FRAME_HEADER.size - page_bytes + 1, FRAME_HEADER.size + page_bytes):
        _, commit, *rest = FRAME_HEADER.unpack_from(data, at)
        is_ours = tuple(rest[:2]) == salts
        if is_whole:
            total = _summed(data[at : at + 8], total, magic)
            total = _summed(data[at + 24 : at + 24 + page_bytes], total, magic)
            is_whole = is_ours and tuple(rest[2:]) == total
        commits += bool(not is_whole and is_ours and commit)
    return commits


def _summed(data: bytes, start: tuple[int, ...], magic: int) -> tuple[int, int]:
    """The log's running checksum; the lowest bit of ``magic`` tells its byte order."""
    words = array("I", data)
    if (magic & 1) != (struct.pack("=I", 1) == struct.pack(">I", 1)):
        words.byteswap()
    first, second = start
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def _is_unchanged(log: Path, data: bytes) -> bool:
    """Whether nobody began the log anew while it was read."""
    try:
        with log.open("rb") as file:
            return file.read(LOG_HEADER.size) == data[: LOG_HEADER.size]
    except FileNotFoundError:
        return False
