"""English numbers in words, in the style of the model's training texts."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from tasks.phonemes.symbols.packages import package

_GROUPED = re.compile(r"[0-9][0-9,]+[0-9]")
_POUNDS = re.compile(r"£([0-9,]*[0-9])")
_DOLLARS = re.compile(r"\$([0-9.,]*[0-9])")
_FRACTION = re.compile(r"([0-9]+)/([0-9]+)")
_DECIMAL = re.compile(r"([0-9]+)\.([0-9]+)")
_PERCENT = re.compile(r"([0-9.,]*[0-9])%")
_ORDINAL = re.compile(r"([0-9]+)(?:st|nd|rd|th)")
_INTEGER = re.compile(r"[0-9]+")
_LONGEST_NAMED = 36
"""Digits of the longest number that has a name; longer ones are read digit by digit."""


def numbers_in_words(text: str) -> str:
    """A text whose ASCII digits, amounts, fractions and ordinals are words."""
    if not _INTEGER.search(text):
        return text
    text = _GROUPED.sub(lambda found: found[0].replace(",", ""), text)
    text = _POUNDS.sub(r"\1 pounds", text)
    text = _DOLLARS.sub(_dollars, text)
    text = _FRACTION.sub(lambda found: f" {_fraction(found)} ", text)
    text = _DECIMAL.sub(r"\1 point \2", text)
    text = _PERCENT.sub(r"\1 percent ", text)
    text = _ORDINAL.sub(lambda found: f" {_ordinal(found[1])} ", text)
    return _INTEGER.sub(lambda found: f" {_integer(found[0])} ", text)


@cache
def _inflect() -> Any:
    return package("inflect").engine()


def _dollars(match: re.Match[str]) -> str:
    parts = match[1].replace(",", "").split(".")
    if len(parts) > 2:
        return f" {match[1]} dollars "
    dollars, cents = (int(part or "0") for part in (*parts, "0")[:2])
    amounts = [f"{dollars} dollar{'' if dollars == 1 else 's'}"] if dollars else []
    amounts += [f"{cents} cent{'' if cents == 1 else 's'}"] if cents else []
    return f" {', '.join(amounts) or 'zero dollars'} "


def _fraction(match: re.Match[str]) -> str:
    numerator, denominator = match[1], match[2]
    if max(len(numerator), len(denominator)) > _LONGEST_NAMED:
        return f"{numerator} over {denominator}"
    if (int(numerator), int(denominator)) in {(1, 2), (1, 4)}:
        return "one half" if int(denominator) == 2 else "one quarter"
    count = _inflect().number_to_words(int(numerator))
    if int(denominator) in {2, 4}:
        return f"{count} {'halves' if int(denominator) == 2 else 'quarters'}"
    return f"{count} {_ordinal(denominator)}"


def _ordinal(digits: str) -> str:
    if len(digits) > _LONGEST_NAMED:
        return digits
    return str(_inflect().number_to_words(_inflect().ordinal(int(digits))))


def _integer(digits: str) -> str:
    if len(digits) > _LONGEST_NAMED:
        return str(_inflect().number_to_words(digits, group=1)).replace(",", "")
    number = int(digits)
    if not 1000 < number < 3000:
        return str(_inflect().number_to_words(number, andword=""))
    if number == 2000:
        return "two thousand"
    if 2000 < number < 2010:
        return f"two thousand {_inflect().number_to_words(number % 100)}"
    if number % 100 == 0:
        return f"{_inflect().number_to_words(number // 100)} hundred"
    return str(_inflect().number_to_words(number, andword="", zero="oh", group=2)).replace(",", "")


def has_digits(text: str) -> bool:
    """Whether a text has numbers to convert."""
    return bool(_INTEGER.search(text))
