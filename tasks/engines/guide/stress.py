"""Guesses which syllables of a line are stressed, from spelling: enough to place a tune, without a dictionary."""

from __future__ import annotations

import re
from functools import lru_cache

from catalog.lyrics.division.lines import shares_of, words_of

WORDS_KEPT = 20_000

_WEAK_WORDS = (
    "a an the and or but nor so if as at by for from in into of off on onto out over per than that to up upon via with "
    "i me my mine you your he him his she her it its we us our they them their this these those is am are was were be "
    "been being do does did has have had will would shall should can could may might must not no there then when while "
    "who whom whose which what where how all some any i'm i'll i've i'd you're you'll you've you'd he's she's it's "
    "we're we'll we've they're they'll don't didn't can't won't let's ain't oh ooh just like too"
)
_WEAK = frozenset(_WEAK_WORDS.split(" "))
_ENDINGS_BEFORE_STRESS = re.compile(r"(?:tion|sion|cian|ic|ics|ical|ity|ify|ial|ian|ious|eous|graphy|logy)s?$")
_STRESSED_ENDINGS = re.compile(r"(?:ee|eer|ese|esque|ette|oo|oon|self|selves)$")
_UNSTRESSED_BEGINNINGS = re.compile(
    r"(?:a(?=b(?:o|an)|cr|ga|gr|he|l(?:i|on|ar)|m(?:on|a|u)|no|p(?:a|pe)|r(?:ri|ou|is)|s(?:h|l|i)|tt|vo|w(?:a|o))|"
    r"be(?!st|tt|ll|au|nd)|re(?=[^aeiou])(?!al|ad|st|d)|de(?=[^aeiou])|dis|mis|un|ex|"
    r"in(?=[sv])|con|com|pre|pro|for(?=g|e)|to(?=[dn])|with|al(?=o)|sur|per)[a-z]{2,}"
)
_FINAL_STRESS = frozenset(["fr", "fa", "tr", "he"])
_FIRST_STRESS = frozenset(["de", "nl", "sv", "da", "no", "nb", "fi", "cs", "sk", "hu", "is", "et", "lv"])
_PENULTIMATE = frozenset(["es", "it", "pt", "pl", "ro", "id", "ms", "sw", "el", "uk", "ru", "bg"])


def stress_of(text: str, syllables: int, language: str) -> tuple[int, ...]:
    """A mark for each of a line's syllables: 0 unstressed, 1 stressed, 2 with secondary stress.

    English goes by endings, beginnings and a list of weak words; other languages by the syllable that most of their
    words stress; without words every second syllable is stressed.
    """
    words = words_of(text)
    if syllables <= 0:
        return ()
    if not words or len(words) > syllables:
        return _in_turn(syllables)
    marks: list[int] = []
    for word, count in zip(words, shares_of(words, syllables, language), strict=True):
        marks.extend(_word(word.casefold().strip('.,;:!?"()[]…—-– ').replace("’", "'"), count, language))
    if 1 not in marks:
        marks[0] = 1
    return tuple(marks)


def _in_turn(count: int) -> tuple[int, ...]:
    return tuple(1 - index % 2 for index in range(count))


@lru_cache(maxsize=WORDS_KEPT)
def _word(word: str, count: int, language: str) -> tuple[int, ...]:
    primary = language.lower().partition("-")[0]
    if primary == "en":
        place = _english(word, count)
    elif primary in _FINAL_STRESS:
        place = count - 1
    elif primary in _PENULTIMATE:
        place = max(0, count - 2)
    elif primary in _FIRST_STRESS:
        place = 0
    else:
        return _in_turn(count)
    if count == 1:
        return (0,) if primary == "en" and word in _WEAK else (1,)
    return tuple(_mark(index - place) for index in range(count))


def _mark(distance: int) -> int:
    """Primary stress, and a secondary one two syllables away."""
    return 1 if distance == 0 else 2 if distance % 2 == 0 else 0


def _english(word: str, count: int) -> int:
    """The index of the stressed syllable of an English word."""
    if count == 1:
        return 0
    if _ENDINGS_BEFORE_STRESS.search(word):
        return max(0, count - 2 - (1 if re.search(r"(?:ity|ify|ical|graphy|logy)s?$", word) else 0))
    if _STRESSED_ENDINGS.search(word):
        return count - 1
    if _UNSTRESSED_BEGINNINGS.match(word):
        return 1
    return 0
