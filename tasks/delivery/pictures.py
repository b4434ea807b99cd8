"""What shops and players would object to in a cover: its size and shape, read from the first bytes of the picture."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tasks.delivery.track_tags import cover_media_type

LEAST_PX = 3000
"""What labels ask for (AUDIO §2.7)."""

_PNG_SIZE_AT = 16  # signature, then the IHDR chunk's length and name (PNG specification, 5.2 and 11.2.2)
_WITHOUT_BODY = frozenset({0x01, *range(0xD0, 0xD9)})  # ITU-T T.81, B.1.1.3: markers that stand alone
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOFn; the others are DHT, JPG and DAC
_INKS = 4


@dataclass(frozen=True, slots=True)
class _Size:
    width_px: int
    height_px: int
    components: int


def cover_remarks(cover: bytes) -> tuple[str, ...]:
    """Warnings about a cover, as plain sentences; none where it is square, of 3000 px or more, and in RGB.

    Raises InputError where it is neither a JPEG nor a PNG.
    """
    size = _png(cover) if cover_media_type(cover) == "image/png" else _jpeg(cover)
    if size is None:
        return ("The cover's size cannot be read, the file may be damaged.",)
    shape = f"{size.width_px} x {size.height_px} px"
    remarks = []
    if min(size.width_px, size.height_px) < LEAST_PX:
        remarks.append(f"The cover has {shape}; shops ask for {LEAST_PX} x {LEAST_PX} px or more.")
    if size.width_px != size.height_px:
        remarks.append(f"The cover has {shape}, which is not square; players will crop or pad it.")
    if size.components == _INKS:
        remarks.append("The cover is a JPEG in CMYK, which many players show in wrong colours; save it as RGB.")
    return tuple(remarks)


def _png(data: bytes) -> _Size | None:
    if len(data) < _PNG_SIZE_AT + 8:
        return None
    width, height = struct.unpack_from(">II", data, _PNG_SIZE_AT)
    return _Size(width, height, components=3)


def _jpeg(data: bytes) -> _Size | None:
    """The first frame header; segments before it are stepped over by their lengths."""
    at = 2
    while at + 10 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker in _FRAME_HEADERS:
            height, width, components = struct.unpack_from(">HHB", data, at + 5)
            return _Size(width, height, components)
        if marker == 0xFF or marker in _WITHOUT_BODY:  # fill bytes may stand before a marker
            at += 1 if marker == 0xFF else 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
