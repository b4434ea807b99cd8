"""English words to phones: spelled out, read by espeak-ng, then mapped to the phones of the model's training."""

from __future__ import annotations

import re

from tasks.phonemes.espeak import phonemised
from tasks.phonemes.numerals import numbers_in_words
from tasks.phonemes.symbols.punctuation import split_phones, with_plain_marks
from tasks.phonemes.symbols.vocabulary import MARKS, WORD_GAP

_ABBREVIATIONS = tuple(
    (re.compile(rf"\b{short}\b", re.IGNORECASE), words)
    for short, words in (
        ("mrs", "misess"), ("mr", "mister"), ("dr", "doctor"), ("st", "saint"), ("co", "company"), ("jr", "junior"),
        ("maj", "major"), ("gen", "general"), ("drs", "doctors"), ("rev", "reverend"), ("lt", "lieutenant"),
        ("hon", "honorable"), ("sgt", "sergeant"), ("capt", "captain"), ("esq", "esquire"), ("ltd", "limited"),
        ("col", "colonel"), ("ft", "fort"), ("etc", "et cetera"), ("btw", "by the way"),
    )
)  # fmt: skip
_UNSPOKEN = re.compile(rf"[^\w\s{re.escape(MARKS)}]")
_AROUND_MARK = re.compile(rf"\s*([{re.escape(MARKS)}])\s*")
_SPACES = re.compile(r"\s+")

_OPEN_ENDINGS = frozenset("p⁼ʰmftnlkxʃs`ɹaoəɛɪeɑʊŋiuɥwæjː")
"""A text that ends in one of these is followed by a word gap; after the others the training data had none."""
_REWRITES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("t", "ɹ"), "tɹ"), (("d", "ɹ"), "dɹ"), (("t", "s"), "ts"), (("d", "z"), "dz"), (("ɪ", "ɹ"), "ɪɹ"), (("ɐ",), "ɚ"),
    (("ᵻ",), "ɪ"), (("əl",), "l"), (("x",), "k"), (("ɬ",), "l"), (("ʔ",), "t"), (("n̩",), "n"), (("oː", "ɹ"), "oːɹ"),
)  # fmt: skip
"""From espeak-ng's phones to those of the model's table, in this order."""


def english_phones(text: str) -> list[str]:
    """The phones of an English run, ``_`` between words and, after an open ending, at its end.

    The apostrophe is a mark of its own, so contractions are read in pieces ("don't" is d ɑː n ' t iː): the published
    model was trained so.
    """
    barred_text = phonemised(spelled_out(text)).strip("|")
    phones = split_phones(barred_text)
    if phones and phones[-1][-1] in _OPEN_ENDINGS:
        phones.append(WORD_GAP)
    for sequence, phone in _REWRITES:
        phones = _rewritten(phones, sequence, phone)
    return phones


def spelled_out(text: str) -> str:
    """The text with abbreviations and numbers in words, plain marks without spaces around them, and nothing else."""
    for abbreviation, words in _ABBREVIATIONS:
        text = abbreviation.sub(words, text)
    text = with_plain_marks(numbers_in_words(text).strip())
    text = _AROUND_MARK.sub(r"\1", _UNSPOKEN.sub("", text))
    return _SPACES.sub(" ", text)


def _rewritten(phones: list[str], sequence: tuple[str, ...], phone: str) -> list[str]:
    """The phones with every occurrence of one sequence replaced."""
    result: list[str] = []
    for old_phone in phones:
        result.append(old_phone)
        if tuple(result[-len(sequence) :]) == sequence:
            result[-len(sequence) :] = [phone]
    return result
