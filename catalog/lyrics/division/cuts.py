"""Where a word is cut into a given number of syllables.

Every way to cut it has a cost: of each cut (between which letters) and of each piece (how many vowels it has). The
cheapest way is found by dynamic programming; hyphenation patterns make their places cheaper.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from catalog.lyrics.division.letters import Kind, Letter, letters_of
from catalog.lyrics.languages import language_code
from catalog.lyrics.spelling import EVERY_VOWEL

if TYPE_CHECKING:
    from pyphen import Pyphen

WRITTEN_APART = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7a3\U00020000-\U0003ffff-]"
)
"""The last character of a piece after which no hyphen is written: scripts without hyphens, and the hyphen itself."""

WORDS_KEPT = 20_000
LONGEST = 40
"""Letters of a word that is divided by rules; longer ones are cut evenly."""

_IMPOSSIBLE, _EMPTY, _NO_VOWEL, _EXTRA_VOWEL, _INSIDE_VOWELS = 100.0, 5.0, 8.0, 5.0, 3.0
_PATTERN_BONUS = 1.5

_KEPT_TOGETHER = frozenset(("ch", "sh", "th", "ph", "wh", "gh", "ck", "sz", "cz", "rz"))
_ONSETS = re.compile(
    "[bcfgkp][lr]|[dtvw]r|[ct]hr?|phr?|[sw]h|shr|sch|[dst]w|[gk]n|sl|qu|[бвгкпфх][лр]|[дт]р|[дт]в|с[лмн]"
)
"""The groups of consonants that begin a syllable inside a word; all single ones do too."""

_SINGLE_ONSETS = frozenset(("tr", "az", "hu", "ka"))
_CONSONANTAL_Y = frozenset(("tr", "az", "id", "ms", "sw", "ja", "ko"))
_SPANISH_ONSETS = frozenset(("ll", "rr"))
_APART = frozenset(("ia", "io", "iu", "eo", "ua", "uo", "ea", "oa", "ae", "oe", "oi", "yi", "ao", "ue", "ui", "eu"))
_SILENT_ENDINGS = re.compile(r"(?:e|es|ed)$")
_SYLLABIC_N = re.compile(r"[bcdfgklmprstvz](n)['’]t\W*$")
"""The n of ``didn't`` and ``couldn't``, which is sung as a syllable of its own."""

_CONTRACTED = re.compile(
    r"\W*(?:ai(?=n['’]t\W*$)|(?:a|we)re(?=n['’]t\W*$)|(?:[cw]ould|should|might|must)(?=['’]ve\W*$))", re.IGNORECASE
)
"""What stands before the second syllable of English contractions that are sung as two: ``were-n't``, ``could-'ve``."""

_APOSTROPHE_SUFFIXES = frozenset(("tr", "az"))
"""Languages that set endings off from names: both are spoken as one word, ``Ah-me-t'e``, which no pattern knows."""

_LENGTHENING = frozenset("あいうえおっんーアイウエオッン")
"""Kana that lengthen or close the syllable before them where a word has fewer notes than kana."""

_ENDING_MARKS = frozenset("，。！？、；：’”）》」』】〉…～")
"""Marks that end a clause or a quotation in scripts without spaces between words."""

_MUTE_AFTER = frozenset("ьъ")


@lru_cache(maxsize=WORDS_KEPT)
def cut_word(word: str, count: int, language: str = "en") -> tuple[str, ...]:
    """``word`` as exactly ``count`` pieces that give it back when joined.

    Pieces are empty only where it has fewer letters than syllables, or letters that are not cut (digits, Arabic).
    """
    if count == 1:
        return (word,)
    code = language_code(language)
    if count == 2 and code == "en" and (stem := _CONTRACTED.match(word)):
        return (word[: stem.end()], word[stem.end() :])
    letters = letters_of(word, y_is_vowel=code not in _CONSONANTAL_Y)
    if len(letters) > LONGEST:
        return _evenly(letters, count)
    positions = _pattern_positions(word, letters, language)
    if len(positions) == count - 1 and _all_sung(letters, positions):
        cuts: Sequence[int] = sorted(positions)
    else:
        cuts = _cheapest(letters, count, code, positions)
    pieces = [
        "".join(letter.text for letter in letters[start:end]) for start, end in pairwise((0, *cuts, len(letters)))
    ]
    return (*pieces, *[""] * (count - len(pieces)))


def _evenly(letters: Sequence[Letter], count: int) -> tuple[str, ...]:
    pieces = min(count, len(letters))
    cuts = [round(index * len(letters) / pieces) for index in range(pieces + 1)]
    return (*_between(letters, cuts), *[""] * (count - pieces))


def _between(letters: Sequence[Letter], cuts: Sequence[int]) -> tuple[str, ...]:
    """The texts between cuts, ends included."""
    return tuple("".join(letter.text for letter in letters[start:end]) for start, end in pairwise(cuts))


def _pattern_positions(word: str, letters: Sequence[Letter], language: str) -> frozenset[int]:
    """The indices of letters before which the language's patterns allow a hyphen."""
    hyphenator = _hyphenator(language)
    has_suffix = language_code(language) in _APOSTROPHE_SUFFIXES and ("'" in word or "’" in word)
    if hyphenator is None or has_suffix or not any(letter.is_alphabetic for letter in letters):
        return frozenset()
    first = next(index for index, letter in enumerate(letters) if letter.is_alphabetic)
    last = max(index for index, letter in enumerate(letters) if letter.is_alphabetic)
    core = "".join(letter.text for letter in letters[first : last + 1])
    offsets, offset = {}, 0
    for index in range(first, last + 1):
        offsets[offset] = index
        offset += len(letters[index].text)
    found = {offsets[int(position)] for position in hyphenator.positions(core) if int(position) in offsets}
    return frozenset(index for index in found if index > first)


@cache
def _hyphenator(language: str) -> Pyphen | None:
    from pyphen import Pyphen, language_fallback  # imported here: its dictionaries are read on first use

    tag = language.replace("-", "_")
    name = language_fallback("en_US" if tag == "en" else tag)
    return Pyphen(lang=name, left=1, right=1) if name else None


def _all_sung(letters: Sequence[Letter], positions: Sequence[int] | frozenset[int]) -> bool:
    """Whether each piece has a vowel."""
    return all(
        any(letter.kind is not Kind.CONSONANT and letter.kind is not Kind.SIGN for letter in letters[start:end])
        for start, end in pairwise((0, *sorted(positions), len(letters)))
    )


def _cheapest(letters: Sequence[Letter], count: int, code: str, positions: frozenset[int]) -> list[int]:
    """The cuts of the cheapest division into ``count`` pieces; fewer cuts where the last pieces are empty."""
    size = len(letters)
    cut_costs = [_IMPOSSIBLE, *(_cut_cost(letters, at, code, at in positions) for at in range(1, size))]
    nuclei = _nuclei(letters, code)
    mean = size / count
    costs = {0: 0.0}
    came_from: list[dict[int, int]] = []
    best: tuple[float, int] | None = None
    for pieces in range(1, min(count, size) + 1):
        reached: dict[int, float] = {}
        origin: dict[int, int] = {}
        for start, cost in costs.items():
            for end in range(start + 1, size + 1):
                total = cost + (cut_costs[start] if start else 0.0) + _piece_cost(letters, nuclei, start, end, mean)
                if end not in reached or total < reached[end] - 1e-9:
                    reached[end], origin[end] = total, start
        came_from.append(origin)
        costs = reached
        if size in costs:
            total = costs.pop(size) + _EMPTY * (count - pieces)
            best = min(best, (total, pieces)) if best else (total, pieces)
    cuts, end = [], size
    for origin in reversed(came_from[: best[1] if best else 1]):
        end = origin[end]
        cuts.append(end)
    return cuts[-2::-1]


def _nuclei(letters: Sequence[Letter], code: str) -> list[float]:
    """For each letter how much of a syllable begins with it: 1 the first vowel of a group, 0.3 one that may be mute."""
    nuclei: list[float] = []
    for index, letter in enumerate(letters):
        follows_vowel = index > 0 and letters[index - 1].kind is Kind.VOWEL and code not in EVERY_VOWEL
        if letter.kind is Kind.VOWEL:
            nuclei.append(0.0 if follows_vowel else 1.0)
        else:
            nuclei.append({Kind.CHARACTER: 1.0, Kind.SPELLED: 1.0, Kind.INHERENT: 0.3}.get(letter.kind, 0.0))
    if code == "en" and letters[-1].base == "m" and len(letters) > 1 and letters[-2].kind is Kind.CONSONANT:
        nuclei[-1] = 0.5  # rhythm, prism
    if code == "en" and (contracted := _SYLLABIC_N.search("".join(letter.base for letter in letters))):
        nuclei[contracted.start(1)] = 1.0
    if code in ("en", "fr"):
        _quieten_ending(letters, nuclei)
    return nuclei


def _quieten_ending(letters: Sequence[Letter], nuclei: list[float]) -> None:
    """The e at the end of ``late`` and ``walked`` may be mute; that of ``table`` is sung."""
    alphabetic = [index for index, letter in enumerate(letters) if letter.is_alphabetic]
    ending = _SILENT_ENDINGS.search("".join(letters[index].base for index in alphabetic))
    if ending and sum(nuclei) > 1:
        index = alphabetic[ending.start()]
        is_syllabic_l = letters[index - 1].base == "l" and index > 1 and letters[index - 2].kind is Kind.CONSONANT
        if nuclei[index] and not is_syllabic_l:
            nuclei[index] = 0.3


def _piece_cost(letters: Sequence[Letter], nuclei: Sequence[float], start: int, end: int, mean: float) -> float:
    """What is wrong with a piece: too many vowels, or none; a little for its length, so that ties are even."""
    uneven = 0.01 * (end - start - mean) ** 2
    kinds = {letter.kind for letter in letters[start:end]}
    if kinds <= {Kind.DIGIT, Kind.WHOLE, Kind.SIGN}:
        return uneven + (_NO_VOWEL if kinds == {Kind.SIGN} else 0.0)
    found = sum(nuclei[start:end])
    if letters[start].kind is Kind.INHERENT and end - start > 1:
        uneven += 1.0  # a consonant whose vowel is mute ends the syllable before it
    if not found and letters[start].kind is Kind.VOWEL:
        found = 1.0  # the second part of a group of vowels that was cut
    if not found:
        return uneven + (_NO_VOWEL if kinds & {Kind.CONSONANT} else 0.0)
    return uneven + (_EXTRA_VOWEL * (found - 1) if found > 1 else 2.0 * (1 - found))


def _cut_cost(letters: Sequence[Letter], at: int, code: str, in_patterns: bool) -> float:
    """The cost of a cut before the letter at ``at``."""
    before, after = letters[at - 1], letters[at]
    bonus = _PATTERN_BONUS if in_patterns else 0.0
    if Kind.SIGN in (before.kind, after.kind):
        return _cost_beside_sign(letters, at, code)
    if Kind.WHOLE in (before.kind, after.kind):
        return 6.0
    if before.kind is Kind.DIGIT and after.kind is Kind.DIGIT:
        return 6.0
    if after.text in _LENGTHENING:
        return 0.5
    if not (before.is_alphabetic and after.is_alphabetic):
        return -1.0 if before.is_alphabetic != after.is_alphabetic else 0.0
    if before.kind is Kind.VOWEL and after.kind is Kind.VOWEL:
        return _cost_inside_vowels(before, after, code) - bonus
    if after.kind is Kind.VOWEL or after.base in _MUTE_AFTER:
        return (2.0 if after.kind is Kind.VOWEL else 6.0) - bonus
    return _cost_in_consonants(letters, at, code) - bonus


def _cost_beside_sign(letters: Sequence[Letter], at: int, code: str) -> float:
    """A hyphen in a word is where it is cut; punctuation stays with what it ends, where the script is written without
    spaces, and at either end of a word; an apostrophe keeps its letters, but for that before a Turkish ending."""
    if code in _APOSTROPHE_SUFFIXES and letters[at - 1].text in "'’" and letters[at].kind is Kind.CONSONANT:
        return -1.0
    is_apostrophe = letters[at - 1].text == "’" and letters[at].kind in (Kind.VOWEL, Kind.CONSONANT)
    if letters[at - 1].text in _ENDING_MARKS and letters[at].text not in _ENDING_MARKS and not is_apostrophe:
        return -1.0
    if letters[at - 1].text in "-‐‑/–—" and letters[at].kind is not Kind.SIGN:
        return -1.0 if at > 1 else 6.0
    return 3.0 if letters[at - 1].text in "'’" else 6.0


def _cost_inside_vowels(before: Letter, after: Letter, code: str) -> float:
    if code in EVERY_VOWEL:
        return 0.0
    is_marked = after.text.lower() != after.base and after.base in "iueao"
    if is_marked:
        return 0.8
    return 1.2 if before.base + after.base in _APART else _INSIDE_VOWELS


def _cost_in_consonants(letters: Sequence[Letter], at: int, code: str) -> float:
    """A cut among the consonants between two vowels: best before the longest group that may begin a syllable."""
    start = at
    while start > 0 and letters[start - 1].kind is Kind.CONSONANT:
        start -= 1
    end = at
    while end < len(letters) and letters[end].kind is Kind.CONSONANT:
        end += 1
    bases = "".join(letter.base for letter in letters[start:end])
    best = next(offset for offset in range(len(bases)) if _begins_syllable(bases[offset:], code))
    is_split_pair = at > start and bases[at - start - 1 : at - start + 1] in _KEPT_TOGETHER
    return abs(at - start - best) * 1.0 + 3.0 * is_split_pair


def _begins_syllable(consonants: str, code: str) -> bool:
    if code in _SINGLE_ONSETS:
        return len(consonants) == 1
    known = _ONSETS.fullmatch(consonants) is not None or (code == "es" and consonants in _SPANISH_ONSETS)
    return len(consonants) == 1 or known
