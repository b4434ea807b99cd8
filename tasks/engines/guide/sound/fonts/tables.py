"""The chunks of a SoundFont file: its tables of records, and where its samples lie. Nothing larger is read at once."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from catalog.common.errors import MachineError
from db.files.regular_file import open_regular

RECORDS = {
    b"phdr": "<20sHHHIII",
    b"pbag": "<HH",
    b"pgen": "<Hh",
    b"inst": "<20sH",
    b"ibag": "<HH",
    b"igen": "<Hh",
    b"shdr": "<20sIIIIIBbHH",
}
"""The tables and the form of their records (SoundFont 2.04, section 7)."""

MOST_RECORDS = 1 << 16
"""Records are numbered with 16 bits."""

MOST_CHUNKS = 64
REMEDY = "Install the package pretty_midi again, or point SONGLINE_SOUNDFONT to another .sf2 file"


@dataclass(frozen=True, slots=True)
class Tables:
    """The records of each table by name, and the span of the samples in the file, in bytes."""

    records: Mapping[bytes, tuple[tuple[Any, ...], ...]]
    samples_start: int
    samples_end: int


def read_tables(path: Path) -> Tables:
    """The tables of a file. Raises MachineError where it is no SoundFont, is damaged, or cannot be read."""
    try:
        with open_regular(path) as stream:
            return _tables(path, stream)
    except OSError as error:
        raise MachineError(f"The SoundFont {path} cannot be read: {error.strerror or error}", remedy=REMEDY) from error


def not_a_soundfont(path: Path, detail: str) -> MachineError:
    """The error for a file whose content is wrong."""
    return MachineError(f"{path.name} is not a SoundFont that can be played: {detail}", remedy=REMEDY)


def _tables(path: Path, stream: BinaryIO) -> Tables:
    head = stream.read(12)
    if head[:4] != b"RIFF" or head[8:12] != b"sfbk":
        raise not_a_soundfont(path, "it does not begin as one")
    size = stream.seek(0, 2)
    spans = {
        name: span
        for list_start, list_end in _lists(stream, size)
        for name, span in _chunks(stream, list_start, list_end).items()
    }
    missing = [name.decode() for name in (*RECORDS, b"smpl") if name not in spans]
    if missing:
        raise not_a_soundfont(path, f"it has no {', '.join(missing)}")
    records = {name: _records(path, stream, name, spans[name]) for name in RECORDS}
    return Tables(records, *spans[b"smpl"])


def _lists(stream: BinaryIO, size: int) -> list[tuple[int, int]]:
    """Start and end in bytes of the content of each list of the file."""
    spans = _spans(stream, 12, size)
    return [(start + 4, end) for name, (start, end) in spans if name == b"LIST"]


def _chunks(stream: BinaryIO, start: int, end: int) -> dict[bytes, tuple[int, int]]:
    return dict(_spans(stream, start, end))


def _spans(stream: BinaryIO, start: int, end: int) -> list[tuple[bytes, tuple[int, int]]]:
    """Names and spans of the chunks that follow each other in a span, cut at its end."""
    found: list[tuple[bytes, tuple[int, int]]] = []
    while start + 8 <= end and len(found) < MOST_CHUNKS:
        stream.seek(start)
        name, length = struct.unpack("<4sI", stream.read(8))
        found.append((name, (start + 8, min(end, start + 8 + length))))
        start += 8 + length + length % 2
    return found


def _records(path: Path, stream: BinaryIO, name: bytes, span: tuple[int, int]) -> tuple[tuple[Any, ...], ...]:
    form = struct.Struct(RECORDS[name])
    start, end = span
    count = (end - start) // form.size
    if not 1 <= count <= MOST_RECORDS or count * form.size != end - start:
        raise not_a_soundfont(path, f"its table {name.decode()} has {end - start} bytes")
    stream.seek(start)
    return tuple(form.iter_unpack(stream.read(count * form.size)))
