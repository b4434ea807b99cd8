"""Plain scalars by the core schema of YAML 1.2, and those that are rejected because tools read them differently."""

from __future__ import annotations

import re

from catalog.common.digests import Json

MAX_DIGITS = 18

_QUOTE = "Put it in quotes if it is text"
_DIGITS_TOO_MANY = re.compile(
    rf"[-+]?(?:[0-9]{{{MAX_DIGITS + 1},}}(?:\.[0-9]*)?(?:[eE].*)?|0[ox][0-9a-fA-F]{{{MAX_DIGITS - 3},}})"
)
AMBIGUOUS = (
    (
        re.compile(r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF"),
        "means true or false to some tools and text to others",
        "Write true or false, or put it in quotes if it is text",
    ),
    (
        re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"),
        "is a number in base 60 to some tools",
        "Write a plain number (a length in seconds), or put it in quotes if it is text",
    ),
    (re.compile(r"[-+]?0[0-9_]+"), "is an octal number to some tools", f"Drop the leading zero. {_QUOTE}"),
    (_DIGITS_TOO_MANY, f"has more than {MAX_DIGITS} digits", f"Write a smaller number. {_QUOTE}"),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"), "is not a finite number", f"Write a number. {_QUOTE}"),
    (
        re.compile(r"[-+]?[0-9.]+[eE][-+]?[0-9]{3,}"),
        "is out of the range of numbers",
        f"Write a smaller number. {_QUOTE}",
    ),
)
"""Plain scalars that are rejected, with the reason and the remedy."""

_WORDS: dict[str, Json] = {"": None, "~": None} | {
    form: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for form in (word, word.capitalize(), word.upper())
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def resolved(text: str) -> Json:
    """The value of a plain scalar by the core schema (YAML 1.2.2, section 10.3.2)."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, base=0)
    return float(text) if _FLOAT.fullmatch(text) else text
