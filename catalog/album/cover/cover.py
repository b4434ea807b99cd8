"""Covers: parses a whole JPEG or PNG and returns the same picture without metadata.

Data that a camera or an editor adds (place and time, names, a thumbnail of a cropped area, further pictures after the
end) is not delivered; the coded picture is unchanged.
"""

from __future__ import annotations

from functools import lru_cache

from catalog.album.cover.base import Cover, refused
from catalog.common.errors import InputError

__all__ = ["MAX_COVER_BYTES", "Cover", "read_cover_picture"]

MAX_COVER_BYTES = 10 * 1024 * 1024
"""A FLAC picture block is limited to 16 MiB, and no player needs more."""

MAX_PIXELS = 64_000_000
"""8,000 by 8,000 pixels. A larger picture is likely made to exhaust the memory of a viewer."""


@lru_cache(maxsize=1)  # one command reads an album's cover several times, and checking the pixels of a PNG is slow
def read_cover_picture(data: bytes) -> Cover:
    """The cover in the bytes of a file.

    Raises InputError where it is neither JPEG nor PNG, is damaged or truncated, exceeds :data:`MAX_COVER_BYTES` or
    :data:`MAX_PIXELS`, or is of a kind that players do not show.
    """
    if len(data) > MAX_COVER_BYTES:
        raise InputError(f"the cover has {len(data)} bytes, more than {MAX_COVER_BYTES}", remedy="Make it smaller")
    # Most commands read no cover: the reader of a format is imported only for a picture of that format.
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        from catalog.album.cover.png import read_png

        return read_png(data, most_pixels=MAX_PIXELS)
    if data.startswith(b"\xff\xd8\xff"):
        from catalog.album.cover.jpeg import read_jpeg

        return read_jpeg(data, most_pixels=MAX_PIXELS)
    raise refused("is neither a JPEG nor a PNG", "Save the picture as one of them")
