"""PNG covers: checks every chunk's checksum, and inflates the pixels once to check that they are complete."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from catalog.album.cover.base import Colours, Cover, check_size, refused
from catalog.album.cover.colour_profile import cleaned_iccp

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_COLOURS: dict[int, Colours] = {0: "grey", 2: "rgb", 3: "palette", 4: "grey", 6: "rgb"}
_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_SHOWN = (b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"bKGD", b"pHYs")
"""The chunks that determine how the pixels are shown; every other chunk is dropped."""

_SIZES: dict[bytes, dict[int, int]] = {
    b"cHRM": dict.fromkeys(_CHANNELS, 32),
    b"gAMA": dict.fromkeys(_CHANNELS, 4),
    b"sRGB": dict.fromkeys(_CHANNELS, 1),
    b"cICP": dict.fromkeys(_CHANNELS, 4),
    b"pHYs": dict.fromkeys(_CHANNELS, 9),
    b"sBIT": {0: 1, 2: 3, 3: 3, 4: 2, 6: 4},
    b"bKGD": {0: 2, 2: 6, 3: 1, 4: 2, 6: 6},
    b"tRNS": {0: 2, 2: 6},
    b"IEND": dict.fromkeys(_CHANNELS, 0),
}
"""Allowed body sizes in bytes of a chunk, by colour type (W3C PNG, third edition, 11.3)."""

_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row, and steps, of the seven passes of an interlaced picture."""

_PIECE = 1 << 16
MAX_CHUNKS = 50_000
"""Ten megabytes in the smallest chunks that a program writes are a few thousand."""


def read_png(data: bytes, *, most_pixels: int) -> Cover:
    """The picture in a PNG. Raises InputError where a chunk or a pixel is missing, damaged or invalid."""
    chunks = [_SIGNATURE]
    pixels: list[bytes] = []
    header = None
    names: set[bytes] = set()
    previous_name = b""
    for name, body, chunk in _chunks(data):
        if header is None:
            header = _Header(name, body, most_pixels)
        elif name == b"IHDR":
            raise refused("is damaged: it has two headers")
        if name == b"IDAT":
            if pixels and previous_name != b"IDAT":
                raise refused("is damaged: there is other data between its pixels")
            pixels.append(body)
        if name in _CRITICAL or name in _SHOWN:
            chunks.append(_kept(name, body, chunk, header, names))
        elif not name[0] & 0x20:
            raise refused(f"has a part of an unknown kind ({name.decode('latin-1')!r})")
        names.add(name)
        previous_name = name
    if header is None or (header.kind == 3 and b"PLTE" not in names):
        raise refused("is damaged: it lacks its header or its palette")
    _check_pixels(pixels, header.size_bytes)
    return Cover(
        media_type="image/png",
        width_px=header.width_px,
        height_px=header.height_px,
        colours=_COLOURS[header.kind],
        picture=b"".join(chunks),
        transparent=header.kind in (4, 6) or b"tRNS" in names,
    )


def _kept(name: bytes, body: bytes, chunk: bytes, header: _Header, names: set[bytes]) -> bytes:
    """The chunk as it is delivered, empty where it is dropped."""
    if name in names and name != b"IDAT":
        raise refused(f"is damaged: it has two parts {name.decode()}")
    if name == b"iCCP":
        profile = cleaned_iccp(body)
        return b"" if profile is None else _chunk(name, profile)
    if name == b"PLTE":
        if header.kind in (0, 4) or len(body) % 3 or not 3 <= len(body) <= 3 << min(8, header.bits):
            raise refused("is damaged: its palette makes no sense")
        header.palette = len(body) // 3
        return chunk if header.kind == 3 else b""
    if name == b"tRNS" and header.kind == 3:
        has_valid_length = 1 <= len(body) <= header.palette
    else:
        has_valid_length = name not in _SIZES or _SIZES[name].get(header.kind) == len(body)
    if not has_valid_length:
        raise refused(f"is damaged: its part {name.decode()} has a wrong length")
    return chunk


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Name, body and all bytes of each chunk up to the last one; trailing data is ignored."""
    offset = len(_SIGNATURE)
    name = b""
    count = 0
    while name != b"IEND":
        count += 1
        if count > MAX_CHUNKS:
            raise refused(f"has more than {MAX_CHUNKS} parts")
        if offset + 12 > len(data):
            raise refused("is cut short", "Copy or save the picture again")
        size, name = struct.unpack_from(">I4s", data, offset)
        end = offset + 12 + size
        if end > len(data):
            raise refused("is cut short", "Copy or save the picture again")
        if not name.isalpha():
            raise refused("is damaged: a part has no name")
        body = data[offset + 8 : end - 4]
        if zlib.crc32(body, zlib.crc32(name)) != int.from_bytes(data[end - 4 : end], "big"):
            raise refused("is damaged: a checksum does not fit", "Copy or save the picture again")
        yield name, body, data[offset:end]
        offset = end


class _Header:
    """The first chunk: size in pixels, colour type, and the number of bytes that the pixels inflate to."""

    def __init__(self, name: bytes, body: bytes, most_pixels: int) -> None:
        if name != b"IHDR" or len(body) != 13:
            raise refused("is damaged: it does not begin with its header")
        self.palette = 0
        self.width_px, self.height_px, bits, self.kind, packing, filtering, interlaced = struct.unpack(">IIBBBBB", body)
        if bits not in _DEPTHS.get(self.kind, ()) or packing or filtering or interlaced > 1:
            raise refused("is damaged: its header makes no sense")
        self.bits = bits
        check_size(self.width_px, self.height_px, most_pixels=most_pixels)
        passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
        pixel_bits = bits * _CHANNELS[self.kind]
        self.size_bytes = sum(self._pass_bytes(interlace_pass, pixel_bits) for interlace_pass in passes)

    def _pass_bytes(self, each: tuple[int, int, int, int], pixel_bits: int) -> int:
        first_column, first_row, columns_step, rows_step = each
        columns = -(-(self.width_px - first_column) // columns_step)
        rows = -(-(self.height_px - first_row) // rows_step)
        return rows * (1 + (columns * pixel_bits + 7) // 8) if columns > 0 and rows > 0 else 0


def _check_pixels(pixels: list[bytes], expected_bytes: int) -> None:
    """Inflates the pixels in pieces and checks that they have exactly the size that the header states."""
    decompressor = zlib.decompressobj()
    size, has_trailing_data = 0, False
    try:
        for part in pixels:
            rest = part
            while rest and not decompressor.eof and size <= expected_bytes:
                size += len(decompressor.decompress(rest, _PIECE))
                rest = decompressor.unconsumed_tail
            has_trailing_data = has_trailing_data or bool(rest and decompressor.eof) or bool(decompressor.unused_data)
        while not decompressor.eof and size <= expected_bytes and (piece := decompressor.decompress(b"", _PIECE)):
            size += len(piece)
    except zlib.error as error:
        raise refused("is damaged: its pixels cannot be read", "Copy or save the picture again") from error
    if has_trailing_data:
        raise refused("is damaged: there is more data after its pixels")
    if size != expected_bytes or not decompressor.eof:
        raise refused("is damaged: its pixels are not as many as its header says", "Copy or save the picture again")
