"""Runs of one script within a line, each read by its own language's rules."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from tasks.phonemes.kana import is_kana


class Segment(NamedTuple):
    """A run of a line and its reading: ``en``, ``zh``, ``kana``; ``other`` or empty where it cannot be read."""

    text: str
    language: str


_LANGUAGE_NAMES = {"en": "English", "zh": "Chinese", "kana": "Japanese"}


def published_segments(text: str) -> list[Segment]:
    """The runs as the original splits them: ASCII letters are English, U+4E00 to U+9FA5 Chinese, the rest joins its
    run.

    A text with neither is one run of the language ``other``, an empty one has no language.
    """
    return _runs(text, _published_kind) or [Segment(text, "other" if text else "")]


def segments(text: str, language: str) -> list[Segment]:
    """The runs with more of Unicode: accented letters are English, kana a language of its own.

    Digits without adjacent letters are read in the song's language. Empty where there is nothing to read.
    """
    numbers = reading_language(language)
    runs = _runs(text, _kind)
    if not runs and _NUMBER.search(text):
        return [Segment(text, numbers)]
    return [piece for run in runs for piece in _without_numbers(run, numbers)]


def reading_language(language: str) -> str:
    """``zh`` for a Chinese song, else ``en``: the languages of the model's training."""
    return "zh" if language.lower().replace("_", "-").partition("-")[0] in {"zh", "cmn", "yue"} else "en"


def language_name(language: str) -> str:
    """A segment's language in words."""
    return _LANGUAGE_NAMES[language]


_NUMBER = re.compile(r"([0-9][0-9.,:/%]*)")
_FULL_WIDTH = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]+")


def plain(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with full-width letters and foreign digits as ASCII and 〇 as 零, and its unreadable letters.

    Those letters (hangul, Cyrillic, rare ideographs …) are removed, so that they are never read as something else.
    """
    text = unicodedata.normalize("NFC", text).replace("〇", "零")
    text = _FULL_WIDTH.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    characters, unread_letters = [], []
    for character in text:
        if character.isdecimal():
            characters.append(str(unicodedata.decimal(character)))
        elif _is_unreadable(character):
            unread_letters.append(character)
        else:
            characters.append(character)
    return "".join(characters), tuple(unread_letters)


def _runs(text: str, kind: Callable[[str], str]) -> list[Segment]:
    """Runs of one kind; a character without a kind joins the run before it, at the beginning the first."""
    runs: list[Segment] = []
    start, run_kind = 0, ""
    for index, character in enumerate(text):
        character_kind = kind(character)
        if character_kind and run_kind and character_kind != run_kind:
            runs.append(Segment(text[start:index], run_kind))
            start = index
        run_kind = character_kind or run_kind
    return [*runs, Segment(text[start:], run_kind)] if run_kind else runs


def _without_numbers(run: Segment, numbers: str) -> list[Segment]:
    """A run of kana with its digits separated, since kana has no rules for them; other runs unchanged."""
    if run.language != "kana":
        return [run]
    pieces = [piece for piece in _NUMBER.split(run.text) if piece]
    return [Segment(piece, numbers if _NUMBER.fullmatch(piece) else "kana") for piece in pieces]


def _published_kind(character: str) -> str:
    if "\u4e00" <= character <= "\u9fa5":
        return "zh"
    return "en" if character.isascii() and character.isalpha() else ""


def _kind(character: str) -> str:
    if published_kind := _published_kind(character):
        return published_kind
    if is_kana(character):
        return "kana"
    return "en" if _is_latin(character) else ""


def _is_latin(character: str) -> bool:
    return character.isalpha() and "LATIN" in unicodedata.name(character, "")


def _is_unreadable(character: str) -> bool:
    """Whether a character is a letter of an unsupported script; signs that only modify letters do not count."""
    if not character.isalpha() or _kind(character):
        return False
    return not unicodedata.name(character, "").startswith("MODIFIER LETTER")
