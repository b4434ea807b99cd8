"""Time stamps of LRC: reads and writes them, and explains what is wrong with an invalid one."""

from __future__ import annotations

import re

from catalog.common.text import INVISIBLE

WORD_STAMP = re.compile(r"<[0-9]+:[0-9]+(?:\.[0-9]+)?>")
"""A time before a single word, as enhanced LRC has it."""

_STAMP = re.compile(r"([0-9]{1,3}):([0-9]{1,2})(?:\.([0-9]{1,9}))?")
_STAMP_MEANT = re.compile(r"\[\s*[+-]?[0-9.]+\s*:")
_STAMP_LIKE = re.compile(r"[+-]?\s*[0-9.]")
_NOT_FINITE = re.compile(r"(?:nan|inf(?:inity)?)\b", re.IGNORECASE)
_THREE_PARTS = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,3})")
_AT_ENDS = " \t" + INVISIBLE
_ANYWHERE = {ord(character): None for character in INVISIBLE}
_FORM = "Write minutes, seconds and hundredths as [mm:ss.xx]"


def stamp(start_s: float) -> str:
    """A time as LRC writes it: ``[mm:ss.xx]``."""
    minutes, remainder = divmod(hundredths(start_s), 6000)
    return f"[{minutes:02d}:{remainder // 100:02d}.{remainder % 100:02d}]"


def hundredths(start_s: float) -> int:
    """A time in hundredths of a second, the resolution of LRC."""
    return round(start_s * 100)


def read_stamp(inside: str) -> int | None:
    """The time in milliseconds that a bracket's contents state, None where they are not a valid stamp.

    Digits after the thousandths are truncated: a value that is rounded to hundredths later must not be rounded twice.
    """
    time = _STAMP.fullmatch(_drawn(inside))
    if time is None or int(time[2]) >= 60:
        return None
    minutes, seconds, fraction = time.groups()
    return (int(minutes) * 60 + int(seconds)) * 1000 + int((fraction or "0")[:3].ljust(3, "0"))


def begins_with_stamp(text: str) -> bool:
    """Whether a text begins with a stamp in brackets, or with what is meant as one."""
    return bool(_STAMP_MEANT.match(text))


def visible(text: str) -> str:
    """The text without white space and invisible characters at its ends."""
    return text.strip(_AT_ENDS)


def _drawn(inside: str) -> str:
    """A bracket's contents without invisible characters. Spaces inside stay: they make a stamp invalid."""
    return inside.strip(" \t").translate(_ANYWHERE)


def is_not_finite(text: str) -> bool:
    """Whether a word is a NaN or an infinity."""
    return bool(_NOT_FINITE.fullmatch(text))


def bad_stamp(inside: str, *, closed: bool, has_stamp: bool) -> tuple[str, str]:
    """The fault of a bracket that should be a stamp, and the remedy."""
    bracket = f"[{inside[:40]}]"
    if not closed:
        return "a bracket is opened and never closed", _FORM
    if parts := _THREE_PARTS.fullmatch(inside):
        return f"{bracket} has two colons", f"Write [{parts[1]}:{parts[2]}.{parts[3]}]"
    if _NOT_FINITE.search(inside):
        return f"{bracket} is not a finite time", _FORM
    if inside.lstrip().startswith("-"):
        return f"{bracket} is negative", _FORM
    if _STAMP.fullmatch(_drawn(inside)):
        return f"{bracket} has 60 seconds or more", "Count them as a minute"
    if _STAMP_LIKE.match(inside):
        return f"{bracket} is no stamp", _FORM
    if has_stamp:
        return f"{bracket} is between the stamp and the words", "Remove the brackets, they would be sung"
    return f"{shown(bracket)} has no stamp", "Remove it, or put its time in front, for example [00:12.50]"


def shown(text: str) -> str:
    """A piece of lyrics as it is quoted in a message."""
    return repr(text if len(text) <= 40 else text[:39] + "…")
