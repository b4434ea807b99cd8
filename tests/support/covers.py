"""Picture files for tests: valid JPEG and PNG files of a few bytes, with any given metadata."""

from __future__ import annotations

import struct
import zlib


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))


def png(
    width: int = 1, height: int = 1, *, kind: int = 2, bits: int = 8, interlaced: int = 0, beside: bytes = b""
) -> bytes:
    """A black PNG with the chunks ``beside`` between its header and its pixels."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    rows = height * (1 + (width * channels * bits + 7) // 8)
    palette = chunk(b"PLTE", b"\0\0\0") if kind == 3 else b""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlaced))
    pixels = chunk(b"IDAT", zlib.compress(bytes(rows)))
    return b"\x89PNG\r\n\x1a\n" + header + beside + palette + pixels + chunk(b"IEND", b"")


PROFILE = struct.pack(">I", 140) + bytes(32) + b"acsp" + bytes(100)
"""A minimal colour profile."""


def segment(marker: int, body: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body


def jpeg(width: int = 8, height: int = 8, *, components: int = 3, marker: int = 0xC0, before: bytes = b"") -> bytes:
    """A JPEG with ``before`` in front of its frame header; its coded data are arbitrary."""
    parts = b"".join(bytes([number, 0x11, 0]) for number in range(components))
    frame = segment(marker, struct.pack(">BHHB", 8, height, width, components) + parts)
    scan = segment(0xDA, bytes([components]) + b"\1\0" * components + b"\0\x3f\0") + b"\x12\xff\x00\x34"
    return b"\xff\xd8" + before + frame + scan + b"\xff\xd9"
