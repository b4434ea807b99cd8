"""The context of phones in a line: syllables, words and their classes, as the bank's trees ask about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from tasks.engines.guide.words.phonemes import PAUSE, Phone

_CLUSTERS = {
    "p": "lry", "b": "lry", "t": "rwy", "d": "rwy", "k": "lrwy", "g": "lrw", "f": "lry", "v": "ry", "th": "rw",
    "sh": "rlmnw", "s": "ptkflmnwy", "hh": "yw", "m": "y", "n": "y",
}  # fmt: skip
_SINGLE = [*_CLUSTERS, "ch", "jh", "dh", "z", "zh", "l", "r", "w", "y"]
_TRIPLE = [f"s {second} {third}" for second, thirds in (("p", "rly"), ("t", "ry"), ("k", "rlwy")) for third in thirds]
_ONSETS = frozenset(
    [*_SINGLE, *_TRIPLE, *(f"{first} {second}" for first, seconds in _CLUSTERS.items() for second in seconds)]
)
"""The consonants that may begin a syllable of English."""

_CLASSES = {
    "det": ("dh ax", "dh iy", "ax", "ax n", "dh ih s", "dh ae t", "iy ch"),
    "in": ("ah v", "ax v", "ih n", "ae t", "ax t", "f ao r", "f er", "aa n", "ao n", "w ih dh", "f r ah m", "b ay"),
    "to": ("t uw", "t ax"),
    "cc": ("ae n d", "ax n d", "ax n", "ao r", "b ah t"),
    "pps": ("ay", "y uw", "hh iy", "sh iy", "w iy", "dh ey", "ih t", "m ay", "hh er", "hh ih z", "y ao r", "dh eh r"),
    "aux": ("ih z", "w aa z", "aa r", "ae m", "hh ae v", "hh ae z", "hh ae d", "d uw", "w er", "b iy", "b ih n"),
}
_WORD_CLASSES = {word: name for name, words in _CLASSES.items() for word in words}


@dataclass(frozen=True, slots=True)
class Place:
    """A phone's context: its place in the syllable from 0, whether it ends it, its side (``onset``, ``coda``), stress
    and accent (``0``, ``1``), the syllable's position and the break after it, its word's class; a pause has none."""

    symbol: str
    place: float = -1.0
    ends_syllable: str = "0"
    side: str = "0"
    stress: str = "0"
    accented: str = "0"
    position: str = "single"
    break_after: str = "0"
    last_break: str = "0"
    word: int = -1
    word_class: str = "0"


def places(phones: Sequence[Phone]) -> tuple[Place, ...]:
    """The context of every phone of a line; pauses may stand between words."""
    found: list[Place] = []
    last_break = "0"
    runs = [list(run) for _, run in groupby(phones, key=lambda phone: (phone.symbol == PAUSE, phone.word))]
    for index, run in enumerate(runs):
        if run[0].symbol == PAUSE:
            found += [Place(PAUSE)] * len(run)
            continue
        is_last = index + 1 == len(runs) or runs[index + 1][0].symbol == PAUSE
        word_class = _word_class(run)
        syllables = _syllables(run)
        for number, syllable in enumerate(syllables):
            ends_word = number + 1 == len(syllables)
            break_after = "0" if not ends_word else "4" if is_last else "1"
            found += _syllable(syllable, word_class, _position(number, len(syllables)), break_after, last_break)
            last_break = break_after
    return tuple(found)


def _syllable(
    phones: Sequence[Phone], word_class: str, position: str, break_after: str, last_break: str
) -> list[Place]:
    nucleus = next((index for index, phone in enumerate(phones) if phone.is_nucleus), 0)
    stress = "1" if phones[nucleus].stress else "0"
    return [
        Place(
            symbol=phone.symbol,
            place=float(index),
            ends_syllable="1" if index + 1 == len(phones) else "0",
            side="onset" if index < nucleus else "coda",
            stress=stress,
            accented="1" if phones[nucleus].stress == 1 and word_class == "content" else "0",
            position=position,
            break_after=break_after,
            last_break=last_break,
            word=phone.word,
            word_class=word_class,
        )
        for index, phone in enumerate(phones)
    ]


def _word_class(phones: Sequence[Phone]) -> str:
    """Function words are told by their sound where they bear no stress."""
    if any(phone.stress == 1 for phone in phones):
        return "content"
    return _WORD_CLASSES.get(" ".join(phone.symbol for phone in phones), "content")


def _position(number: int, count: int) -> str:
    if count == 1:
        return "single"
    return "initial" if number == 0 else "final" if number + 1 == count else "mid"


def _syllables(word: Sequence[Phone]) -> list[list[Phone]]:
    """A word cut before the longest sequence that may begin a syllable."""
    nuclei = [index for index, phone in enumerate(word) if phone.is_nucleus]
    cuts = [0]
    for before, after in pairwise(nuclei):
        cuts.append(onset_start(word, before + 1, after))
    return [list(word[start:end]) for start, end in zip(cuts, [*cuts[1:], len(word)], strict=True)]


def onset_start(phones: Sequence[Phone], first: int, nucleus: int) -> int:
    """Where the onset of a nucleus begins, not before ``first``."""
    for start in range(first, nucleus):
        if " ".join(phone.symbol for phone in phones[start:nucleus]) in _ONSETS:
            return start
    return nucleus
