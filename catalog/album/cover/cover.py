"""Covers: a JPEG or PNG read whole by its structure, and the same picture without anything but the picture.

What a camera or an editor writes beside a picture (place and time, names, a thumbnail of what was cut away, further
pictures behind the end) is left out of what is delivered, without a change to the coded picture.
"""

from __future__ import annotations

from functools import lru_cache

from catalog.album.cover.base import Cover, refused
from catalog.common.errors import InputError

__all__ = ["MAX_COVER_BYTES", "Cover", "read_cover_picture"]

MAX_COVER_BYTES = 10 * 1024 * 1024
"""A FLAC picture block ends at 16 MiB, and no player needs more."""

MAX_PIXELS = 64_000_000
"""8,000 by 8,000. More is a picture made to fill the memory of whoever looks at it."""


@lru_cache(maxsize=1)  # one command reads an album's cover several times, and the pixels of a PNG take a while
def read_cover_picture(data: bytes) -> Cover:
    """The cover in the bytes of a file.

    Raises InputError where it is neither a JPEG nor a PNG, is damaged or cut short, has more than
    :data:`MAX_COVER_BYTES` or :data:`MAX_PIXELS`, or is of a kind that players do not show.
    """
    if len(data) > MAX_COVER_BYTES:
        raise InputError(f"the cover has {len(data)} bytes, more than {MAX_COVER_BYTES}", remedy="Make it smaller")
    # Most commands see no cover: the reader of a form is loaded when a picture of that form is there.
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        from catalog.album.cover.png import read_png

        return read_png(data, most_pixels=MAX_PIXELS)
    if data.startswith(b"\xff\xd8\xff"):
        from catalog.album.cover.jpeg import read_jpeg

        return read_jpeg(data, most_pixels=MAX_PIXELS)
    raise refused("is neither a JPEG nor a PNG", "Save the picture as one of them")
