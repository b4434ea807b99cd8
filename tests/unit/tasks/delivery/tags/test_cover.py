"""Remarks on covers: size, shape and colours."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.album.cover.cover import read_cover_picture
from catalog.common.errors import InputError
from tasks.delivery.tags.cover import cover_notices
from tests.support.covers import chunk, jpeg, png, segment

EXIF_WITH_A_THUMBNAIL = segment(0xE1, b"Exif\0\0" + jpeg(160, 160))
FILL = b"\xff\xff" + segment(0xDB, bytes(65))
TURNED = segment(0xE1, b"Exif\0\0" + struct.pack(">4sIHHHIHHI", b"MM\0*", 8, 1, 0x0112, 3, 1, 6, 0, 0))


@pytest.mark.parametrize(
    "cover",
    [
        png(3000, 3000),
        jpeg(3000, 3000, before=FILL),
        jpeg(4096, 4096, marker=0xC2, before=EXIF_WITH_A_THUMBNAIL),
    ],
)
def test_a_large_square_picture_is_fine(cover: bytes) -> None:
    assert cover_notices(read_cover_picture(cover)) == ()


@pytest.mark.parametrize(
    ("cover", "said"),
    [
        (png(2999, 2999), ["2999 x 2999 px; shops ask for 3000"]),
        (jpeg(3000, 3001, before=EXIF_WITH_A_THUMBNAIL), ["3000 x 3001 px, which is not square"]),
        (jpeg(1000, 800, before=FILL), ["1000 x 800 px; shops", "not square"]),
        (jpeg(3000, 3000, components=4, before=FILL), ["CMYK"]),
        (jpeg(3000, 3000, components=1), ["shades of grey"]),
        (png(3000, 3000, kind=3), ["palette"]),
        (png(3000, 3000, kind=6), ["transparent"]),
        (png(3000, 3000, beside=chunk(b"tRNS", bytes(6))), ["transparent"]),
        (jpeg(3000, 3000, before=TURNED), ["save it upright"]),
    ],
)
def test_what_a_shop_would_object_to(cover: bytes, said: list[str]) -> None:
    notices = cover_notices(read_cover_picture(cover))
    assert len(notices) == len(said)
    assert all(part in notice for part, notice in zip(said, notices, strict=True))


@given(st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"]), st.binary(max_size=200))
def test_any_bytes_end_in_a_refusal_or_in_remarks(start: bytes, rest: bytes) -> None:
    try:
        cover = read_cover_picture(start + rest)
    except InputError:
        return
    assert all(notice.endswith(".") for notice in cover_notices(cover))
