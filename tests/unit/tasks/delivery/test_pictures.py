"""Remarks on covers: size, shape and colours, from the first bytes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import InputError
from tasks.delivery.pictures import cover_remarks


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)


def jpeg(width: int, height: int, *, components: int = 3, marker: int = 0xC0, before: bytes = b"") -> bytes:
    frame = struct.pack(">BBHBHHB", 0xFF, marker, 8 + 3 * components, 8, height, width, components)
    return b"\xff\xd8" + before + frame + bytes(3 * components) + b"\xff\xda"


EXIF_WITH_A_THUMBNAIL = b"\xff\xe1" + struct.pack(">H", 2 + 40) + jpeg(160, 160).ljust(40, b"\0")
FILL = b"\xff\xff\xff\xdb\x00\x04ab"


@pytest.mark.parametrize(
    "cover",
    [
        png(3000, 3000),
        jpeg(3000, 3000, before=FILL),
        jpeg(4096, 4096, marker=0xC2, before=EXIF_WITH_A_THUMBNAIL),
    ],
)
def test_a_large_square_picture_is_fine(cover: bytes) -> None:
    assert cover_remarks(cover) == ()


@pytest.mark.parametrize(
    ("cover", "said"),
    [
        (png(2999, 2999), ["2999 x 2999 px; shops ask for 3000"]),
        (jpeg(3000, 3001, before=EXIF_WITH_A_THUMBNAIL), ["3000 x 3001 px, which is not square"]),
        (jpeg(1000, 800, before=FILL), ["1000 x 800 px; shops", "not square"]),
        (jpeg(3000, 3000, components=4, before=FILL), ["CMYK"]),
        (b"\x89PNG\r\n\x1a\n\0\0", ["cannot be read"]),
        (b"\xff\xd8\xff\xe0\x00\x10", ["cannot be read"]),
    ],
)
def test_what_a_shop_would_object_to(cover: bytes, said: list[str]) -> None:
    remarks = cover_remarks(cover)
    assert len(remarks) == len(said)
    assert all(part in remark for part, remark in zip(said, remarks, strict=True))


@given(st.binary(max_size=200))
def test_any_bytes_end_in_remarks(rest: bytes) -> None:
    assert all(remark.endswith(".") for remark in cover_remarks(b"\xff\xd8\xff" + rest))


def test_another_format_is_refused() -> None:
    with pytest.raises(InputError, match="neither a JPEG nor a PNG"):
        cover_remarks(b"GIF89a")
