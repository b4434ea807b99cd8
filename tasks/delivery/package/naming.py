"""File names from position and title that every file system, archive and player takes."""

from __future__ import annotations

import unicodedata

from tasks.delivery.tags.text import cut_to_bytes, one_line

MAX_NAME_BYTES = 150
"""Of a name without its suffix, in UTF-8. File systems take 255; the rest is for suffixes and partial files."""

_REPLACED = str.maketrans(
    {"/": "-", "\\": "-", ":": "-", "|": "-", '"': "'", "<": "(", ">": ")", "?": None, "*": None, "\ufeff": None}
)
"""What Windows reserves, or a path means something by, and what stands in its place."""


def position_digits(highest: int) -> int:
    """How many digits the positions of an album are written with."""
    return max(2, len(str(highest)))


def safe_file_name(position: int, title: str, *, highest: int = 99) -> str:
    """A file's name without suffix, such as ``01 - Last Bus Home``.

    The position has two digits, or as many as the ``highest`` of the album needs, so that names sort as the songs do.

    NFC, at most :data:`MAX_NAME_BYTES` bytes, without path separators, reserved, control or direction characters,
    and neither beginning nor ending in a space or dot. The position in front keeps names apart that would be
    one otherwise, and keeps Windows' device names (``CON``, ``NUL``) from being the whole name.
    """
    start = f"{position:0{position_digits(highest)}d} - "
    words = unicodedata.normalize("NFC", one_line(title).translate(_REPLACED))
    words = " ".join(words.split()).strip(". ") or "Untitled"
    words = cut_to_bytes(words, MAX_NAME_BYTES - len(start)).rstrip(". ")
    return start + (words or "Untitled")
