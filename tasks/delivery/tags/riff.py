"""WAV files as their chunks: samples kept byte for byte, tags added after them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

from catalog.common.errors import InputError

Chunk = tuple[bytes, bytes]
"""The chunk's four-letter name, and its body."""

SAMPLES = (b"fmt ", b"fact", b"data")
"""The chunks that hold the audio; all others are metadata."""

BARE = (b"fmt ", b"data")
"""The required chunks of an integer PCM WAV (RIFF 1.0); ``fact`` is for other codings."""

MAX_RIFF_BYTES = 0xFFFF_FFFF


def read_chunks(path: Path) -> list[Chunk]:
    """The chunks of a WAV file. Raises InputError where it is none, or is cut short."""
    return chunks_of(path.read_bytes(), name=path.name)


def chunks_of(data: bytes, *, name: str) -> list[Chunk]:
    """The chunks of a WAV's bytes in order. Raises InputError, with ``name``, where they are none, or are cut short."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise InputError(f"{name} is not a WAV file", remedy="Give a RIFF WAVE file")
    chunks, offset = [], 12
    while offset + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, offset)
        body = data[offset + 8 : offset + 8 + size]
        if len(body) < size:
            raise InputError(f"{name} is cut short", remedy="Copy or make the file again")
        chunks.append((kind, body))
        offset += 8 + size + size % 2
    return chunks


def write_tagged(path: Path, chunks: list[Chunk], *, bext: bytes, info: Mapping[bytes, str], id3: bytes) -> None:
    """Write a WAV of the audio in ``chunks`` with a ``bext`` chunk before the samples, LIST INFO and ``id3`` after.

    Players disagree on which of the last two they read, so both are there. Raises InputError past 4 GiB.
    """
    sound = [(name, body) for name, body in chunks if name in SAMPLES]
    chunks_before = [chunk for chunk in sound if chunk[0] != b"data"]
    samples = [chunk for chunk in sound if chunk[0] == b"data"]
    info_list = b"INFO" + b"".join(_chunk(name, text.encode() + b"\0") for name, text in info.items() if text)
    _write(path, [*chunks_before, (b"bext", bext), *samples, (b"LIST", info_list), (b"id3 ", id3)])


def write_bare(path: Path, chunks: list[Chunk]) -> None:
    """Write a WAV of the format and the samples in ``chunks``, and nothing else. Raises InputError past 4 GiB."""
    _write(path, [(name, body) for name, body in chunks if name in BARE])


def _write(path: Path, chunks: list[Chunk]) -> None:
    parts = [_chunk(name, body) for name, body in chunks]
    size = 4 + sum(map(len, parts))
    if size > MAX_RIFF_BYTES:
        raise InputError(f"{path.name} would pass the 4 GiB that a WAV file can hold", remedy="Deliver flac24 instead")
    with path.open("wb") as stream:
        stream.write(b"RIFF" + struct.pack("<I", size) + b"WAVE")
        stream.writelines(parts)


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
