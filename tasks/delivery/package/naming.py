"""File names from position and title that every file system, archive and player accepts."""

from __future__ import annotations

import unicodedata

from tasks.delivery.tags.text import cut_to_bytes, one_line

MAX_NAME_BYTES = 150
"""Limit of a name without its suffix, in UTF-8. File systems accept 255; the rest is for suffixes and partial files."""

_REPLACED = str.maketrans(
    {"/": "-", "\\": "-", ":": "-", "|": "-", '"': "'", "<": "(", ">": ")", "?": None, "*": None, "\ufeff": None}
)
"""Characters that Windows reserves, or that have a meaning in paths, and their replacements."""


def position_digits(highest: int) -> int:
    """The number of digits in the positions of an album."""
    return max(2, len(str(highest)))


def safe_file_name(position: int, title: str, *, highest: int = 99) -> str:
    """A file's name without suffix, such as ``01 - Last Bus Home``.

    The position has two digits, or as many as the ``highest`` of the album needs, so that names sort as the songs do.

    NFC, at most :data:`MAX_NAME_BYTES` bytes, without path separators, reserved, control or direction characters, and
    neither beginning nor ending in a space or dot. The position in front keeps names distinct that would be equal
    otherwise, and prevents Windows' device names (``CON``, ``NUL``) from being the whole name.
    """
    start = f"{position:0{position_digits(highest)}d} - "
    words = unicodedata.normalize("NFC", one_line(title).translate(_REPLACED))
    words = " ".join(words.split()).strip(". ") or "Untitled"
    words = cut_to_bytes(words, MAX_NAME_BYTES - len(start)).rstrip(". ")
    return start + (words or "Untitled")
