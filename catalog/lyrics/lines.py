"""The numbered lines of a lyrics text, decoded and checked one by one, and the faults of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from catalog.common.errors import InputError
from catalog.common.text import has_control
from catalog.lyrics.stamps import visible

MAX_LYRICS_BYTES = 64 * 1024
MAX_LINES = 1000
MAX_LINE_CHARACTERS = 300
MAX_MARK_CHARACTERS = 100
"""What stamps and a section mark may take of a line beside its words."""

_BYTE_ORDER_MARK = "\ufeff"
_BREAKS = re.compile("[\x0b\x0c\x85\u2028\u2029]")
"""Characters other than the usual line ends that break a line (Unicode Standard Annex 14, BK and NL), as word
processors write them."""


class LyricsFault(NamedTuple):
    """One fault of a lyrics text; ``line`` counts from 1."""

    line: int
    what: str
    remedy: str


class LyricsError(InputError):
    """All faults of one lyrics text, in line order."""

    kind = "lyrics"

    def __init__(self, faults: Sequence[LyricsFault]) -> None:
        super().__init__("\n".join(f"line {fault.line}: {fault.what}. {fault.remedy}." for fault in faults))
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return self.what


class TextLine(NamedTuple):
    """One line as it is written, without white space at its ends, and what is visible of it."""

    number: int
    text: str
    visible: str


def read_lines(data: bytes | str, faults: list[LyricsFault]) -> Iterator[TextLine]:
    """The readable lines of a text, empty ones included; ``faults`` gets those of the others."""
    for number, line in _decoded(data, faults):
        for part in _BREAKS.split(line):
            text = part.strip(" \t")
            visible_text = visible(text)
            if not visible_text:
                yield TextLine(number, "", "")
            elif has_control(text.replace("\t", " ")):
                faults.append(LyricsFault(number, "the line holds a control character", "Remove it"))
            elif len(text) > MAX_LINE_CHARACTERS + (MAX_MARK_CHARACTERS if visible_text.startswith("[") else 0):
                faults.append(too_long(number, text))
            else:
                # Invisible characters after words stay: lyrics rendered with them keep their digest.
                is_bracket = visible_text.startswith("[")
                yield TextLine(number, text[text.index("[") :] if is_bracket else text, visible_text)


def too_long(number: int, text: str) -> LyricsFault:
    """The fault of a line, or of the words in it, with more than :data:`MAX_LINE_CHARACTERS`."""
    what = f"the line has {len(text)} characters, more than {MAX_LINE_CHARACTERS}"
    return LyricsFault(number, what, "Break it into lines")


def _decoded(data: bytes | str, faults: list[LyricsFault]) -> list[tuple[int, str]]:
    size = len(data)
    if size > MAX_LYRICS_BYTES:
        faults.append(LyricsFault(1, f"the lyrics have {size} bytes, more than {MAX_LYRICS_BYTES}", "Shorten them"))
        return []
    if isinstance(data, str):
        pieces = re.split(r"\r\n|\n|\r", data.removeprefix(_BYTE_ORDER_MARK))
        return list(enumerate(pieces, start=1))
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        faults.append(LyricsFault(1, "the file is UTF-16, not UTF-8", "Save it as UTF-8"))
        return []
    if b"\0" in data:
        faults.append(LyricsFault(1, "the file is not text", "Save the words as plain text in UTF-8"))
        return []
    lines = []
    for number, piece in enumerate(re.split(rb"\r\n|\n|\r", data.removeprefix(b"\xef\xbb\xbf")), start=1):
        try:
            lines.append((number, piece.decode("utf-8")))
        except UnicodeDecodeError:
            faults.append(LyricsFault(number, "the bytes are not UTF-8", "Save the file as UTF-8"))
    return lines
