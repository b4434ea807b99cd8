"""Japanese kana to the phones that the model has for English: the original cannot sing kana at all."""

from __future__ import annotations

import unicodedata

from tasks.phonemes.symbols.punctuation import with_plain_marks
from tasks.phonemes.symbols.vocabulary import MARKS

_VOWELS = {"a": "ɑː", "i": "iː", "u": "uː", "e": "ɛ", "o": "oʊ"}
_ROWS: tuple[tuple[str, str, str], ...] = (
    ("", "あいうえお", "aiueo"), ("k", "かきくけこ", "aiueo"), ("ɡ", "がぎぐげご", "aiueo"), ("s", "さすせそ", "aueo"),
    ("ʃ", "し", "i"), ("z", "ざずぜぞ", "aueo"), ("dʒ", "じぢ", "ii"), ("t", "たてと", "aeo"), ("tʃ", "ち", "i"),
    ("ts", "つ", "u"), ("d", "だでど", "aeo"), ("dz", "づ", "u"), ("n", "なにぬねの", "aiueo"),
    ("h", "はひへほ", "aieo"), ("f", "ふ", "u"), ("b", "ばびぶべぼ", "aiueo"), ("p", "ぱぴぷぺぽ", "aiueo"),
    ("m", "まみむめも", "aiueo"), ("j", "やゆよ", "auo"), ("ɾ", "らりるれろ", "aiueo"), ("w", "わゐゑ", "aie"),
    ("", "を", "o"), ("v", "ゔ", "u"),
)  # fmt: skip
_MORAS = {
    kana: ([consonant] if consonant else [], vowel)
    for consonant, row, vowels in _ROWS
    for kana, vowel in zip(row, vowels, strict=True)
}
_GLIDES = dict(zip("ゃゅょゎ", "auoa", strict=True))
_SMALL_VOWELS = dict(zip("ぁぃぅぇぉ", "aiueo", strict=True))
_SMALL_KA = {"ゕ": "か", "ゖ": "け"}
_BARE = frozenset({"ʃ", "tʃ", "dʒ", "ts", "dz", "j"})
"""Consonants that take a small ゃ, ゅ or ょ without a glide: し and ゃ are ʃ ɑː, but き and ゃ are k j ɑː."""


def is_kana(character: str) -> bool:
    """Whether a character is a syllable of hiragana or katakana, half width too, or one of their signs."""
    return (
        "\u3041" <= character <= "\u3096"
        or "\u30a1" <= character <= "\u30f6"
        or character == "\u30fc"
        or "\uff66" <= character <= "\uff9f"
    )


def kana_phones(text: str) -> list[str]:
    """The phones of kana and marks, mora by mora; doubled consonants and long vowels are sung as single ones."""
    moras: list[tuple[list[str], str]] = []
    for character in with_plain_marks(_as_hiragana(text)):
        if character in MARKS:
            moras.append(([character], ""))
        elif character == "ん":
            moras.append((["n"], ""))
        elif character in _GLIDES or character in _SMALL_VOWELS:
            moras.append(_joined(moras.pop() if moras else ([], ""), character))
        elif mora := _MORAS.get(_SMALL_KA.get(character, character)):
            moras.append(mora)
    return [phone for onset, vowel in moras for phone in (*onset, *([_VOWELS[vowel]] if vowel else []))]


def _joined(mora: tuple[list[str], str], small: str) -> tuple[list[str], str]:
    """A mora joined with the small kana after it: kya of ki and ya, fa of fu and a, wi of u and i."""
    onset, vowel = mora
    if small in _SMALL_VOWELS:
        onset = ["w"] if not onset and vowel == "u" else onset
        return onset, _SMALL_VOWELS[small]
    glide = "w" if small == "ゎ" else "j"
    return (onset if onset and onset[-1] in _BARE else [*onset, glide]), _GLIDES[small]


def _as_hiragana(text: str) -> str:
    full_width_text = unicodedata.normalize("NFKC", text)
    return "".join(
        chr(ord(character) - 0x60) if "\u30a1" <= character <= "\u30f6" else character for character in full_width_text
    )
