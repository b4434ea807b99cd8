"""Reads the Range header of a request (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", re.ASCII)


class NotSatisfiable(Exception):
    """A range of which the file has no byte."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from ``first`` to ``last``, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """The number of bytes."""
        return self.last - self.first + 1


def range_of(header: str | None, size: int) -> ByteRange | None:
    """The one range that is asked for of ``size`` bytes; None where the whole file is to be sent: without a header,
    and, as the standard allows, for several ranges and for what is not understood. Raises NotSatisfiable."""
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first_text, last_text = match.groups()
    if not first_text:  # the last so many bytes
        return _checked(max(0, size - int(last_text)), size - 1, size)
    if last_text and int(last_text) < int(first_text):
        return None
    return _checked(int(first_text), min(int(last_text), size - 1) if last_text else size - 1, size)


def _checked(first: int, last: int, size: int) -> ByteRange:
    if first >= size or last < first:
        raise NotSatisfiable
    return ByteRange(first, last)
