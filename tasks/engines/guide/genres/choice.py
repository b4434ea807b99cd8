"""Chooses a genre by the words of a prompt, always the same one for the same prompt and tempo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tasks.engines.guide.genres.library import GENRES, genre

GENRE_WEIGHT, INSTRUMENT_WEIGHT, MOOD_WEIGHT = 3.0, 1.0, 0.5
NO_WORDS = "pop"
"""The genre where neither words nor a tempo tell one."""

_APART = re.compile(r"[-_\s]+")
_PHRASES = re.compile(r"[,;.\n、，。]")


@dataclass(frozen=True, slots=True)
class Found:
    """A word of a prompt that speaks for a genre: its weight, its phrase's index and its place in the prompt."""

    word: str
    weight: float
    phrase: int
    place: int


@dataclass(frozen=True, slots=True)
class Choice:
    """A genre, the words of the prompt that speak for it, and the other genres with their weights, heaviest first."""

    name: str
    words: tuple[Found, ...]
    others: tuple[tuple[str, float], ...] = ()

    @property
    def weight(self) -> float:
        """The sum of its words' weights."""
        return sum(found.weight for found in self.words)


def choose_genre(prompt: str | None, bpm: float | None) -> Choice:
    """The genre whose words weigh most in ``prompt``; without any, the first whose tempos include ``bpm``.

    Of two with the same weight the one named in an earlier phrase counts, and of two in one phrase the later word, as
    in "soul ballad", which is a ballad.
    """
    scores: dict[str, list[Found]] = {name: [] for name in GENRES}
    for name, found in _found(prompt or ""):
        scores[name].append(found)
    weights = {name: sum(found.weight for found in words) for name, words in scores.items()}
    if not any(weights.values()):
        return Choice(_by_tempo(bpm), ())
    ranked = sorted(GENRES, key=lambda name: (-weights[name], *_order(scores[name])))
    others = tuple((name, weights[name]) for name in ranked[1:] if weights[name])
    return Choice(ranked[0], tuple(scores[ranked[0]]), others)


def _order(words: list[Found]) -> tuple[int, int]:
    """The order of equally heavy genres: by the first phrase, then from the end of the phrase."""
    if not words:
        return (1 << 30, 0)
    heaviest = max(found.weight for found in words)
    phrase = min(found.phrase for found in words if found.weight == heaviest)
    return phrase, -max(found.place for found in words if found.phrase == phrase)


def _by_tempo(bpm: float | None) -> str:
    if bpm is None:
        return NO_WORDS
    return min(GENRES, key=lambda name: max(0.0, genre(name).tempo_bpm[0] - bpm, bpm - genre(name).tempo_bpm[1]))


def _found(prompt: str) -> Iterator[tuple[str, Found]]:
    for phrase, text in enumerate(_PHRASES.split(prompt.casefold())):
        for match in _pattern().finditer(_APART.sub(" ", text)):
            word = match["latin"] or match["other"]
            for name, weight in _index()[word]:
                yield name, Found(word, weight, phrase, match.start())


@cache
def _index() -> dict[str, tuple[tuple[str, float], ...]]:
    """Every word with the genres that it speaks for."""
    index: dict[str, list[tuple[str, float]]] = {}
    for name in GENRES:
        words = genre(name).words
        for kind, weight in (
            (words.genre, GENRE_WEIGHT),
            (words.instruments, INSTRUMENT_WEIGHT),
            (words.moods, MOOD_WEIGHT),
        ):
            for word in dict.fromkeys(_APART.sub(" ", each.casefold()) for each in kind):
                index.setdefault(word, []).append((name, weight))
    return {word: tuple(entries) for word, entries in index.items()}


@cache
def _pattern() -> re.Pattern[str]:
    """Matches the longest known word at each place; words of Latin letters stand alone, or in the plural."""
    words = sorted(_index(), key=len, reverse=True)
    latin = "|".join(re.escape(word) for word in words if word.isascii())
    other = "|".join(re.escape(word) for word in words if not word.isascii())
    return re.compile(rf"(?<!\w)(?P<latin>{latin})s?(?!\w)" + f"|(?P<other>{other})")
