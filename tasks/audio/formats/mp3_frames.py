"""The frames of an MPEG audio stream, counted one by one: its length, and whether it ends inside a frame.

Where no encoder's header states the length (see :mod:`tasks.audio.formats.gapless`), decoders estimate it from the
first frame, which is wrong wherever the bit rate varies. Layers and tables: ISO/IEC 11172-3, clause 2.4.2.3, and
ISO/IEC 13818-3, clause 2.4.2.3, for the lower sampling rates.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from tasks.audio.formats.gapless import SIDE_INFORMATION, after_id3

_MPEG_1, _LAYER_III, _LAYER_II = 3, 1, 2
"""Values of the header's version and layer fields; version 2 is MPEG-2, 0 is MPEG-2.5."""

_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KBITS = {
    (True, _LAYER_III): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (True, _LAYER_II): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (False, _LAYER_III): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, _LAYER_II): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates in kbit/s, by MPEG-1 or not, and layer."""

_BLOCK_BYTES = 1 << 20
_XING_BYTES = 12
MAX_FRAMES = 2_000_000
"""More than twelve hours of any kind."""

_BEHIND = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3")
"""First bytes of what taggers append after the last frame."""


@dataclass(frozen=True, slots=True)
class Mp3Frames:
    """``count`` whole frames from the byte ``start`` on; ``header`` is that of the first frame.

    ``varies`` where their bit rates differ.
    """

    start: int
    count: int
    varies: bool
    ends_inside_a_frame: bool
    header: bytes


@dataclass(frozen=True, slots=True)
class _Header:
    size_bytes: int
    bitrate: int


def count_frames(source: BinaryIO) -> Mp3Frames | None:
    """The frames of an MP3 (or MP2); None where they do not form one chain to the end, as in a damaged file.

    Reads the whole file in blocks and restores its position.
    """
    place = source.tell()
    try:
        return _counted(_Window(source))
    finally:
        source.seek(place)


def with_length(frames: Mp3Frames) -> bytes | None:
    """A first frame without audio that states the number of frames (a Xing header), to precede those of an MP3.

    None for layer II, which has no such header.
    """
    header = struct.unpack(">I", frames.header)[0]
    version, layer, mono = header >> 19 & 3, header >> 17 & 3, header >> 6 & 3 == 3
    if layer != _LAYER_III:
        return None
    needed_bytes = 4 + SIDE_INFORMATION[version, mono] + _XING_BYTES
    plain_header = header & ~(0xF << 12) & ~(1 << 9) | 1 << 16  # no bit rate yet, no padding, no checksum
    for index in range(1, 15):
        header_bytes = struct.pack(">I", plain_header | index << 12)
        frame_header = _header(header_bytes)
        if frame_header is not None and frame_header.size_bytes >= needed_bytes:
            frame_bytes = (
                header_bytes + b"\0" * SIDE_INFORMATION[version, mono] + b"Xing" + struct.pack(">II", 1, frames.count)
            )
            return frame_bytes.ljust(frame_header.size_bytes, b"\0")
    return None


class _Window:
    """A file that is read forwards, a block at a time."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.size = source.seek(0, os.SEEK_END)
        self._start, self._data = 0, b""

    def at(self, offset: int, size: int) -> bytes:
        if not self._start <= offset <= offset + size <= self._start + len(self._data):
            self._source.seek(offset)
            self._start, self._data = offset, self._source.read(max(size, _BLOCK_BYTES))
        return self._data[offset - self._start : offset - self._start + size]


def _counted(window: _Window) -> Mp3Frames | None:
    offset = start = after_id3(window.at(0, 10))
    first_header = window.at(start, 4)
    parsed_header = _header(first_header)
    if parsed_header is None:
        return None
    count, has_varying_rate = 0, False
    while len(head := window.at(offset, 4)) == 4 and count < MAX_FRAMES:
        header = _header(head)
        if header is None or _kind(head) != _kind(first_header):
            return (
                Mp3Frames(start, count, has_varying_rate, False, first_header)
                if _is_behind(window.at(offset, 16))
                else None
            )
        if offset + header.size_bytes > window.size:
            return Mp3Frames(start, count, has_varying_rate, True, first_header)
        has_varying_rate |= header.bitrate != parsed_header.bitrate
        offset, count = offset + header.size_bytes, count + 1
    return Mp3Frames(start, count, has_varying_rate, head[:1] == b"\xff", first_header) if count < MAX_FRAMES else None


def _is_behind(data: bytes) -> bool:
    return data.startswith(_BEHIND) or not data.strip(b"\0")


def _kind(head: bytes) -> tuple[int, int]:
    """The fields that are equal in every frame of a stream: version with layer, and the sampling rate."""
    return head[1] & 0xFE, head[2] & 0x0C


def _header(head: bytes) -> _Header | None:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    kbits = _KBITS.get((version == _MPEG_1, layer))
    if version == 1 or kbits is None or not 1 <= bitrate <= 14 or rate == 3:
        return None
    samples = 576 if layer == _LAYER_III and version != _MPEG_1 else 1152
    bits = kbits[bitrate - 1] * 1000
    return _Header(samples // 8 * bits // _RATES_HZ[version][rate] + (head[2] >> 1 & 1), bitrate)
