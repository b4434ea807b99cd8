"""Tone changes within a Mandarin word, as in the published model's training data."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.phonemes.chinese.bopomofo import DIPPING, FALLING, NEUTRAL, RISING, with_tone

_COUNTED = frozenset("零一二三四五六七八九十")
_FULL_ER = frozenset({"女儿", "老儿", "男儿", "少儿", "小儿"})
"""Words whose 儿 is a syllable of its own."""


def with_sandhi(word: str, syllables: Sequence[str]) -> list[str]:
    """The syllables of one word as sung: bopomofo with a tone mark at the end, none for the first tone."""
    sung_syllables = _third_tones(list(syllables))
    if len(sung_syllables) != len(word):
        return sung_syllables
    return _er(word, _yi(word, _bu(word, sung_syllables)))


def _third_tones(syllables: list[str]) -> list[str]:
    if not all(syllable.endswith(DIPPING) for syllable in syllables):
        return syllables
    if len(syllables) == 3:
        # the model's training data had a stray mark here without a symbol: three third tones stay unchanged
        return [syllables[0] + RISING, syllables[1] + RISING, syllables[2]]
    if len(syllables) == 2:
        return [with_tone(syllables[0], RISING), syllables[1]]
    return syllables


def _bu(word: str, syllables: list[str]) -> list[str]:
    if word in {"不", "不字"}:
        return syllables
    if len(word) == 3 and word[1] == "不":
        return [syllables[0], with_tone(syllables[1], NEUTRAL), syllables[2]]
    for index, character in enumerate(word[:-1]):
        if character == "不" and syllables[index + 1].endswith(FALLING):
            syllables[index] = with_tone(syllables[index], RISING)
    return syllables


def _yi(word: str, syllables: list[str]) -> list[str]:
    if "一" not in word:
        return syllables
    if any(character.isnumeric() for character in word if character != "一"):
        return [
            _counting_yi(word, syllables, index) if word[index] == "一" else syllables[index]
            for index in range(len(word))
        ]
    if len(word) == 3 and word[1] == "一" and word[0] == word[2]:
        return [syllables[0], with_tone(syllables[1], NEUTRAL), syllables[2]]
    if word.startswith("第一"):
        return [syllables[0], with_tone(syllables[1], ""), *syllables[2:]]
    if word.startswith(("一月", "一日", "一号")):
        return [with_tone(syllables[0], ""), *syllables[1:]]
    for index, character in enumerate(word[:-1]):
        if character == "一":
            syllables[index] = with_tone(
                syllables[index], RISING if syllables[index + 1].endswith(FALLING) else FALLING
            )
    return syllables


def _counting_yi(word: str, syllables: list[str], index: int) -> str:
    """一 within a number: changed at its beginning before a unit, else the first tone."""
    if index > 0 or word[1] in _COUNTED:
        return with_tone(syllables[index], "")
    return with_tone(syllables[index], RISING if syllables[1].endswith((FALLING, NEUTRAL)) else FALLING)


def _er(word: str, syllables: list[str]) -> list[str]:
    if len(word) > 1 and word.endswith("儿") and word not in _FULL_ER:
        syllables[-1] = with_tone(syllables[-1], NEUTRAL)
    return syllables
