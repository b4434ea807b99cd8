"""The gapless header of an MP3: how many samples of its first and last frames are not part of the song.

An encoder's first frame holds no audio but a ``Xing`` or ``Info`` header (G. Bouvigne, "MP3 Info Tag revision 1
specifications", LAME project): frames, bytes, a table for seeking, and in LAME's extension the encoder's delay and the
padding at the end, 12 bits each.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER_BYTES = 4
DELAY_AT = 21
FRAME_SAMPLES = {3: 1152, 2: 576, 0: 576}
"""Samples in a frame of layer III by version field: MPEG-1, 2 and 2.5."""

SIDE_INFORMATION = {(3, False): 32, (3, True): 17, (2, False): 17, (2, True): 9, (0, False): 17, (0, True): 9}
"""Bytes between header and tag, by version field and mono."""

FIELDS = ((1, 4), (2, 4), (4, 100), (8, 4))
"""Bit and size of the optional fields: frames, bytes, table, quality."""


@dataclass(frozen=True, slots=True)
class Gapless:
    """The values of the header: samples to skip at both ends, and how many remain."""

    encoder: str
    delay: int
    padding: int
    samples: int


def gapless_header(data: bytes) -> Gapless | None:
    """The header of an MP3 given by (at least the first frame of) its bytes; None where it has none."""
    tag = _tag_at(data)
    if tag is None:
        return None
    version = data[after_id3(data) + 1] >> 3 & 3
    (flags,) = struct.unpack(">I", data[tag + 4 : tag + 8])
    extension = tag + 8 + sum(size for bit, size in FIELDS if flags & bit)
    if not flags & 1 or len(data) < extension + DELAY_AT + 3:
        return None
    (frames,) = struct.unpack(">I", data[tag + 8 : tag + 12])
    packed_bits = int.from_bytes(data[extension + DELAY_AT : extension + DELAY_AT + 3], "big")
    delay, padding = packed_bits >> 12, packed_bits & 0xFFF
    encoder = data[extension : extension + 9].rstrip(b"\0 ").decode("latin-1")
    return Gapless(encoder, delay, padding, frames * FRAME_SAMPLES[version] - delay - padding) if encoder else None


def states_frames(data: bytes) -> bool:
    """Whether an MP3 begins with any encoder's header that states its number of frames: Xing, Info or VBRI."""
    tag_offset, tag = after_id3(data) + HEADER_BYTES + 32, _tag_at(data)
    return data[tag_offset : tag_offset + 4] == b"VBRI" or (tag is not None and bool(data[tag + 7] & 1))


def _tag_at(data: bytes) -> int | None:
    """The offset of the ``Xing`` or ``Info`` tag in the first frame; None where there is none."""
    frame_offset = after_id3(data)
    if len(data) < frame_offset + HEADER_BYTES or data[frame_offset] != 0xFF or data[frame_offset + 1] & 0xE0 != 0xE0:
        return None
    side_bytes = SIDE_INFORMATION.get((data[frame_offset + 1] >> 3 & 3, data[frame_offset + 3] >> 6 == 3))
    if side_bytes is None:
        return None
    tag = frame_offset + HEADER_BYTES + side_bytes
    return tag if data[tag : tag + 4] in (b"Xing", b"Info") and len(data) >= tag + 8 else None


def after_id3(data: bytes) -> int:
    """The offset of the first frame after an ID3v2 tag, whose size is written with 7 bits per byte."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size + (10 if data[5] & 0x10 else 0)
