"""Chinese text to phones: numerals, words, readings, tones."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from tasks.phonemes.chinese.bopomofo import marked, phones_of
from tasks.phonemes.chinese.readings import Reading, Readings
from tasks.phonemes.chinese.sandhi import with_sandhi
from tasks.phonemes.symbols.packages import package
from tasks.phonemes.symbols.punctuation import with_plain_marks
from tasks.phonemes.symbols.vocabulary import MARKS, WORD_GAP

_UNSPOKEN = re.compile(f"[^\u4e00-\u9fff{WORD_GAP}{re.escape(MARKS)}]")
_DIGIT_NAMES = str.maketrans("0123456789", "零一二三四五六七八九")
_DIGIT = re.compile(r"\d")


def chinese_phones(text: str, readings: Readings, *, is_complete: bool) -> tuple[list[str], list[Reading]]:
    """The phones of a Chinese run, and its words with the readings they came from.

    ``is_complete`` keeps parts that the original loses: a 不 that stands alone at the end, and numbers too long to have
    a name.
    """
    sentence = plain_chinese(text, is_complete=is_complete)
    words = merged(segmented(sentence), keep_last_bu=is_complete)
    word_readings = readings.of(words, sentence=sentence)
    return phones_of([_sung(reading) for reading in word_readings]), word_readings


def has_numerals(text: str) -> bool:
    """Whether a text has numbers for cn2an to convert."""
    return bool(_DIGIT.search(text))


def plain_chinese(text: str, *, is_complete: bool) -> str:
    """The text with its numbers in Chinese numerals, and nothing but ideographs and plain marks.

    Numbers without a name are read digit by digit where the text is to be kept ``is_complete``.
    """
    text = text.strip()
    if has_numerals(text):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # cn2an warns of numbers without a name and keeps them
            text = package("cn2an").transform(text, "an2cn")
    if is_complete:
        text = text.translate(_DIGIT_NAMES)
    return _UNSPOKEN.sub("", with_plain_marks(text))


def segmented(text: str) -> list[str]:
    """The words of a text, which has no spaces."""
    return list(_tokenizer().lcut(text))


@cache
def _tokenizer() -> Any:
    """jieba with its own dictionary, initialised here so that it neither logs nor leaves a cache file."""
    tokenizer = package("jieba").Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return tokenizer


def merged(words: Sequence[str], *, keep_last_bu: bool) -> list[str]:
    """Words joined as they are sung: A一A, 一 with its successor, 不 with its successor, 儿 with its predecessor."""
    return _with_er(_with_bu(_with_yi(_with_repeats(words)), keep_last=keep_last_bu))


def _with_repeats(words: Sequence[str]) -> list[str]:
    result: list[str] = []
    index = 0
    while index < len(words):
        if index + 2 < len(words) and words[index + 1] == "一" and words[index] == words[index + 2]:
            result.append("".join(words[index : index + 3]))
            index += 3
        else:
            result.append(words[index])
            index += 1
    return result


def _with_yi(words: Iterable[str]) -> list[str]:
    result: list[str] = []
    for word in words:
        if result and result[-1] == "一":
            result[-1] += word
        else:
            result.append(word)
    return result


def _with_bu(words: Iterable[str], *, keep_last: bool) -> list[str]:
    result: list[str] = []
    prefix = ""
    for word in words:
        if word == "不" and not prefix:
            prefix = word
        else:
            result.append(prefix + word)
            prefix = ""
    return [*result, prefix] if prefix and keep_last else result


def _with_er(words: Iterable[str]) -> list[str]:
    result: list[str] = []
    for word in words:
        if word == "儿" and result:
            result[-1] += word
        else:
            result.append(word)
    return result


def _sung(reading: Reading) -> list[str]:
    if reading.pinyin is None:
        return list(reading.syllables)
    return [marked(syllable) for syllable in with_sandhi(reading.word, reading.syllables)]
