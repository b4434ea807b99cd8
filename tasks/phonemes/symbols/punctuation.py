"""Punctuation of both languages, and the bars between phones."""

from __future__ import annotations

import re

from tasks.phonemes.symbols.vocabulary import MARKS

_PLAIN = (
    ("，", ","), ("。", "."), ("！", "!"), ("？", "?"), ("；", ";"), ("：", ":"), ("、", ","), ("‘", "'"), ("’", "'"),
    ("⋯", "…"), ("···", "…"), ("・・・", "…"), ("...", "…"),
)  # fmt: skip
_MARK = re.compile(f"([{re.escape(MARKS)}])")


def with_plain_marks(text: str) -> str:
    """Typographic and full-width marks in the eight forms of the model's table."""
    for mark, plain_mark in _PLAIN:
        text = text.replace(mark, plain_mark)
    return text


def split_phones(text: str) -> list[str]:
    """The phones of a ``|``-separated string, each mark a phone of its own."""
    return [phone for phone in _MARK.sub(r"|\1|", text).split("|") if phone]
