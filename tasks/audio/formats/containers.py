"""Container checks that libsndfile does not make: files for ffmpeg, the end of an Ogg, and wrong WAV headers."""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from tasks.audio.formats.gapless import after_id3

UNKNOWN_BYTES = 0xFFFF_FFF0
"""A size from here up in a WAV header means "not known": it was written to a pipe."""

HEAD_BYTES = 64
_TAIL_BYTES = 128 * 1024
"""An Ogg page has 65,307 bytes at most."""

_DEMUXERS = {
    b"wvpk": "wv",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": "asf",
    b"TTA1": "tta",
    b"MAC ": "ape",
    b"DSD ": "dsf",
    b"\x0b\x77": "ac3",
}
"""First bytes of WavPack, Windows Media, True Audio, Monkey's Audio, DSF and AC-3."""

MAX_CHUNKS = 10_000
_COMMON_CHUNKS = frozenset(
    {
        b"data",
        b"LIST",
        b"fact",
        b"bext",
        b"PEAK",
        b"cue ",
        b"id3 ",
        b"ID3 ",
        b"iXML",
        b"JUNK",
        b"smpl",
        b"inst",
        b"axml",
    }
)


def demuxer_of(source: BinaryIO) -> str | None:
    """The ffmpeg demuxer for a file that libsndfile does not read, by its first bytes; None for all others."""
    head = _at(source, 0, HEAD_BYTES)
    if start := after_id3(head):
        head = _at(source, start, HEAD_BYTES)
    if head[4:8] in (b"ftyp", b"moov") or (head[4:8] in (b"wide", b"free", b"mdat") and head[:2] == b"\0\0"):
        return "mov"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    if head.startswith(b"OggS"):
        return "ogg" if b"\x7fFLAC" in head else None
    for magic_bytes, demuxer in _DEMUXERS.items():
        if head.startswith(magic_bytes):
            return demuxer
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:  # ADTS: the layer bits are 0, unlike in MP3
        return "aac"
    return None


def ogg_is_cut_short(source: BinaryIO) -> bool:
    """Whether an Ogg file ends inside a page, or before the page that is marked as its last (RFC 3533, 6)."""
    if _at(source, 0, 4) != b"OggS":
        return False
    size = source.seek(0, os.SEEK_END)
    tail = _at(source, max(0, size - _TAIL_BYTES), _TAIL_BYTES)
    page = tail.rfind(b"OggS")
    while page >= 0:
        lacing = tail[page + 27 : page + 27 + tail[page + 26]] if page + 26 < len(tail) else b""
        if page + 26 < len(tail) and tail[page + 4] == 0:
            end = page + 27 + tail[page + 26] + sum(lacing)
            return end > len(tail) or not tail[page + 5] & 4
        page = tail.rfind(b"OggS", 0, page)
    return True


def au_is_cut_short(source: BinaryIO) -> bool:
    """Whether an AU file, which libsndfile reads up to its end, has fewer bytes than its header promises."""
    head = _at(source, 0, 12)
    start, promised_bytes = (int.from_bytes(head[place : place + 4], "big") for place in (4, 8))
    return (
        head[:4] == b".snd" and promised_bytes < UNKNOWN_BYTES and start + promised_bytes > source.seek(0, os.SEEK_END)
    )


@dataclass(frozen=True, slots=True)
class Repair:
    """A file with a wrong or incomplete header: how to read it, and a finished sentence about the fault."""

    file: io.RawIOBase
    note: str = ""


def repaired_wav(source: BinaryIO) -> Repair | None:
    """A WAV with a corrected header; None for a file that is sound, no WAV, or beyond this repair.

    Repairs a chunk of odd length without its padding byte, and samples whose stated length is 0 or unknown though they
    continue to the end of the file.
    """
    head = _at(source, 0, 12)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return None
    size = source.seek(0, os.SEEK_END)
    offset, layout, is_unpadded = 12, b"", False
    for _ in range(MAX_CHUNKS):
        header = _at(source, offset, 8)
        if len(header) < 8:
            return None
        name, length = header[:4], int.from_bytes(header[4:], "little")
        if name == b"fmt ":
            layout = _at(source, offset + 8, min(length, 64))
        if name == b"data":
            return _repair(source, layout, offset + 8, length, size, unpadded=is_unpadded)
        end = offset + 8 + length
        if length % 2 and _at(source, end, 4) in _COMMON_CHUNKS and _at(source, end + 1, 4) not in _COMMON_CHUNKS:
            is_unpadded = True
            offset = end
        else:
            offset = end + length % 2
    return None


def _repair(source: BinaryIO, layout: bytes, start: int, length: int, size: int, *, unpadded: bool) -> Repair | None:
    if len(layout) < 16:
        return None
    present_bytes = size - start
    lacks_length = present_bytes > 0 and (
        length >= UNKNOWN_BYTES or (length == 0 and not _is_chunk(source, start, size))
    )
    if not lacks_length and not unpadded:
        return None
    frame = max(1, int.from_bytes(layout[12:14], "little"))
    held_bytes = min(present_bytes, length) if not lacks_length else present_bytes // frame * frame
    if held_bytes >= UNKNOWN_BYTES:
        return None
    if not lacks_length and length > present_bytes:
        held_bytes = length  # so that it is reported as cut short, like any other
    header = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", held_bytes)
    riff_header = b"RIFF" + struct.pack("<I", min(0xFFFF_FFFF, len(header) + held_bytes)) + header
    reason = "does not say how long it is" if lacks_length else "lacks a filling byte behind a part of odd length"
    return Repair(
        _Joined(riff_header, source, start, min(held_bytes, present_bytes)),
        f"Its header {reason}; it was read as far as it goes.",
    )


def _is_chunk(source: BinaryIO, offset: int, size: int) -> bool:
    """Whether the bytes after an empty ``data`` chunk are another chunk, not samples."""
    header = _at(source, offset, 8)
    return (
        len(header) == 8 and header[:4] in _COMMON_CHUNKS and offset + 8 + int.from_bytes(header[4:], "little") <= size
    )


def _at(source: BinaryIO, offset: int, size: int) -> bytes:
    source.seek(offset)
    return source.read(size)


def joined(header: bytes, source: BinaryIO, start: int, length: int) -> io.RawIOBase:
    """``header`` followed by ``length`` bytes of another file, from ``start`` on, as one file."""
    return _Joined(header, source, start, length)


class _Joined(io.RawIOBase):
    """A header followed by a part of another file."""

    def __init__(self, header: bytes, source: BinaryIO, start: int, length: int) -> None:
        super().__init__()
        self._front, self._source, self._start = header, source, start
        self._size = len(header) + length
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, origin: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[origin]
        self._place = max(0, base + offset)
        return self._place

    def read(self, size: int = -1) -> bytes:
        remaining_bytes = max(0, self._size - self._place)
        wanted_bytes = remaining_bytes if size < 0 else min(size, remaining_bytes)
        data = self._front[self._place : self._place + wanted_bytes]
        if len(data) < wanted_bytes:
            offset = self._start + self._place + len(data) - len(self._front)
            data += _at(self._source, offset, wanted_bytes - len(data))
        self._place += len(data)
        return data

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
