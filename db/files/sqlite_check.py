"""Whether the bytes of a SQLite file can be a catalog, checked before SQLite opens and changes it.

Offsets and the checksum are those of sqlite.org/fileformat2.html, sections 1.3 (header) and 4 (write-ahead log).
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from db.errors import DatabaseDamaged, DatabaseUnusable
from db.files.regular_file import kind_of, open_regular, stat_if_exists

MAGIC = b"SQLite format 3\0"
HEADER_BYTES = 100
LOG_MAGIC = frozenset({0x377F0682, 0x377F0683})
LOG_HEADER = struct.Struct(">8I")
FRAME_HEADER = struct.Struct(">6I")
LOST_COMMITS = 2
"""Number of commits after a bad frame that prove a loss: a single one may belong to a transaction that was cut off."""
END_BYTES = 2 << 20
"""Number of bytes checked at either end of a log: SQLite restarts a log at 4 MiB, where there are no readers."""


def check_file(path: Path) -> None:
    """Raise DatabaseDamaged where ``path`` or its write-ahead log is not what SQLite wrote, DatabaseUnusable where a
    folder or a pipe has the name of one of its files. A file that is missing or empty is valid where it has no log:
    SQLite would delete the log of an empty file, and with it the changes in it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        _require_regular(path.with_name(f"{path.name}{suffix}"))
    log = path.with_name(f"{path.name}-wal")
    facts = stat_if_exists(log)
    log_bytes = facts.st_size if facts is not None else 0
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
    if log_bytes > LOG_HEADER.size and not _is_in_use(path):
        check_log(log, everything=False)


def _require_regular(path: Path) -> None:
    facts = stat_if_exists(path)
    if facts is not None and (kind := kind_of(facts.st_mode)):
        raise DatabaseUnusable(f"{path} is {kind}, where a file of the catalog should be", "Move it away")


def _check_header(path: Path, header: bytes, *, is_alone: bool) -> None:
    if not header.startswith(MAGIC):
        raise DatabaseDamaged("its first bytes are not those of a SQLite database")
    if len(header) < HEADER_BYTES:
        raise DatabaseDamaged(f"only {len(header)} bytes of it are left")
    page_bytes = struct.unpack_from(">H", header, 16)[0]
    pages, change_count, valid_for = (struct.unpack_from(">I", header, offset)[0] for offset in (28, 24, 92))
    page_bytes = 65536 if page_bytes == 1 else page_bytes
    expected_bytes, actual_bytes = page_bytes * pages, path.stat().st_size
    if is_alone and change_count == valid_for and actual_bytes < expected_bytes:
        raise DatabaseDamaged(f"it is cut off: {actual_bytes} of {expected_bytes} bytes are left")


def check_log(log: Path, *, everything: bool) -> None:
    """Raise DatabaseDamaged where the log has committed changes that cannot be read.

    SQLite reads a log up to its first bad frame and does not report what follows it. For a log longer than killed
    processes usually leave, only both ends are checked, unless ``everything`` is set.
    """
    try:
        log_file = log.open("rb")
    except FileNotFoundError:  # another process checkpointed it into the file and removed it
        return
    with log_file as file:
        head = file.read(LOG_HEADER.size)
        if len(head) < LOG_HEADER.size:
            return
        magic, _, page_bytes, *_ = fields = LOG_HEADER.unpack(head)
        if magic not in LOG_MAGIC or fields[6:] != _checksum(head[:24], (0, 0), magic):
            if _is_unchanged(log, head):
                raise DatabaseDamaged(f"the header of its write-ahead log {log.name} was overwritten")
            return
        frame_bytes = FRAME_HEADER.size + page_bytes
        frames = (os.fstat(file.fileno()).st_size - LOG_HEADER.size) // frame_bytes
        ends = max(1, END_BYTES // frame_bytes)
        is_whole = everything or frames <= 2 * ends
        parts = [range(frames)] if is_whole else [range(ends), range(frames - ends, frames)]
        lost_count = _commits_after_bad_frame(file, fields, parts)
    if lost_count >= LOST_COMMITS and _is_unchanged(log, head):
        raise DatabaseDamaged(
            f"its write-ahead log {log.name} was overwritten: about {lost_count} changes in it are lost"
        )


def _commits_after_bad_frame(file: BinaryIO, fields: tuple[int, ...], parts: Sequence[range]) -> int:
    """Number of commits after the first bad frame. Every frame has the checksum of all frames before it, so that a
    part of the log can be checked by itself."""
    magic, page_bytes, salts = fields[0], fields[2], fields[4:6]
    is_whole, commits = True, 0
    for part in parts:
        total = fields[6:]
        if part.start:
            file.seek(LOG_HEADER.size + (part.start - 1) * (FRAME_HEADER.size + page_bytes))
            previous_header = FRAME_HEADER.unpack(file.read(FRAME_HEADER.size))
            is_whole = is_whole and previous_header[2:4] == salts
            total = previous_header[4:]
        file.seek(LOG_HEADER.size + part.start * (FRAME_HEADER.size + page_bytes))
        for _ in part:
            frame = file.read(FRAME_HEADER.size + page_bytes)
            if len(frame) < FRAME_HEADER.size + page_bytes:  # restarted meanwhile
                return commits
            _, commit, *values = FRAME_HEADER.unpack_from(frame)
            is_ours = tuple(values[:2]) == salts
            if is_whole:
                total = _checksum(frame[24:], _checksum(frame[:8], total, magic), magic)
                is_whole = is_ours and tuple(values[2:]) == total
            commits += bool(not is_whole and is_ours and commit)
    return commits


def with_log(path: Path, log: Path) -> bytes:
    """The database merged with its log, as a file without a log; changes no file. Raises OSError."""
    database = bytearray(path.read_bytes())
    with log.open("rb") as file:
        head = file.read(LOG_HEADER.size)
        fields = LOG_HEADER.unpack(head) if len(head) == LOG_HEADER.size else (0,) * 8
        magic, page_bytes, salts, total = fields[0], fields[2], fields[4:6], fields[6:]
        pages: dict[int, bytes] = {}
        size = FRAME_HEADER.size + page_bytes
        while magic in LOG_MAGIC and len(frame := file.read(size)) == size:
            number, commit, *values = FRAME_HEADER.unpack_from(frame)
            total = _checksum(frame[24:], _checksum(frame[:8], total, magic), magic)
            if tuple(values) != (*salts, *total):
                break
            pages[number] = frame[24:]
            if commit:
                _put_pages(database, pages, page_bytes)
                del database[commit * page_bytes :]
                pages = {}
    database[18:20] = b"\1\1"[: len(database[18:20])]  # the format of files without a log
    return bytes(database)


def _put_pages(database: bytearray, pages: Mapping[int, bytes], page_bytes: int) -> None:
    database.extend(bytes(max(0, max(pages) * page_bytes - len(database))))
    for number, page in pages.items():
        database[(number - 1) * page_bytes : number * page_bytes] = page


def _checksum(data: bytes, start: tuple[int, ...], magic: int) -> tuple[int, int]:
    """The log's running checksum; the lowest bit of ``magic`` gives its byte order."""
    words = array("I", data)
    if (magic & 1) != (struct.pack("=I", 1) == struct.pack(">I", 1)):
        words.byteswap()
    first_sum, second_sum = start
    for even_word, odd_word in zip(words[::2], words[1::2], strict=True):
        first_sum = (first_sum + even_word + second_sum) & 0xFFFFFFFF
        second_sum = (second_sum + odd_word + first_sum) & 0xFFFFFFFF
    return first_sum, second_sum


def _is_in_use(path: Path) -> bool:
    """Whether a process uses the database now: then that process read the log at its start, and is writing it.

    Every connection holds a lock on the log's index. The lock is looked up, not tried: closing a file that this
    process had opened before would release all of its locks. False where the system does not list locks.
    """
    try:
        status = path.with_name(f"{path.name}-shm").stat()
        locks = Path("/proc/locks").read_text("ascii", "replace")
    except OSError:
        return False
    name = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    return any(name in line.split() for line in locks.splitlines())


def _is_unchanged(log: Path, head: bytes) -> bool:
    """Whether the log was not restarted while it was read."""
    try:
        with log.open("rb") as file:
            return file.read(LOG_HEADER.size) == head
    except FileNotFoundError:
        return False
