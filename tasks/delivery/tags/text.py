"""Clean text of a manifest for file names, tags and cue sheets."""

from __future__ import annotations

import unicodedata

_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
"""Characters that change the direction of neighbouring text; letters have their own direction."""

_NEVER_SHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})


def one_line(text: str) -> str:
    """``text`` in NFC on one line: white space as single spaces, no control, direction or broken characters."""
    characters = (_kept(character) for character in unicodedata.normalize("NFC", text))
    return unicodedata.normalize("NFC", " ".join("".join(characters).split()))


def some_lines(text: str) -> str:
    """``text`` with each line cleaned by :func:`one_line`, LF between them, no blank line at either end."""
    return "\n".join(one_line(line) for line in text.splitlines()).strip("\n")


def cut_to_bytes(text: str, limit: int) -> str:
    """The longest beginning of ``text`` that has at most ``limit`` bytes in UTF-8 and ends with a whole letter.

    A cut never falls between a letter and its combining marks, nor inside a joined emoji.
    """
    if len(text.encode()) <= limit:
        return text
    length = len(text.encode()[:limit].decode(errors="ignore"))
    while length and (_joins(text[length]) or text[length - 1] == "\u200d"):
        length -= 1
    return text[:length]


def _kept(character: str) -> str:
    if character.isspace():
        return " "
    if character in _REORDERING or unicodedata.category(character) in _NEVER_SHOWN or _is_noncharacter(character):
        return ""
    return character


def _is_noncharacter(character: str) -> bool:
    code_point = ord(character)
    return code_point & 0xFFFE == 0xFFFE or 0xFDD0 <= code_point <= 0xFDEF


def _joins(character: str) -> bool:
    """Whether a character belongs to the one before it: marks, joiners, selectors, skin tones."""
    return (
        unicodedata.category(character)[0] == "M" or character == "\u200d" or "\U0001f3fb" <= character <= "\U0001f3ff"
    )
