"""The listening sessions of the desk: opaque names for what is heard, and whether it is still hidden what that is.

A session lives in this process only. What a page of a blind session is given (its source, its addresses, the order)
says nothing about which candidate is which until the session is revealed; then it takes no more votes.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal, TypeVar

from catalog.audition.sounds import Sound
from catalog.common.errors import RefusedError
from flows.desk.audition.pcm import Recent
from flows.desk.not_there import NotThere

Value = TypeVar("Value")
Mode = Literal["open", "all", "pairs"]
MOST_SESSIONS = 256
MOST_PAIRS = 60
ID_DIGITS = 24
MAX_SEED = 2**31


@dataclass(slots=True)
class Listening:
    """One session on a song. ``seed`` orders the candidates of a blind one, ``shown`` are those it began with, and
    ``person`` is the user who listens."""

    id: str
    album: str
    song: str
    mode: Mode
    seed: int
    person: str
    shown: tuple[str, ...] = ()
    revealed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _sounds: dict[str, Sound] = field(default_factory=dict, repr=False)
    _candidates: dict[str, str] = field(default_factory=dict, repr=False)
    _words: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_hidden(self) -> bool:
        """Whether it is still hidden which candidate is which."""
        return self.mode != "open" and not self.revealed

    def opaque_candidate(self, candidate: str) -> str:
        """The name of a candidate in the pages of this session."""
        name = self._opaque("candidate", candidate)
        self._candidates[name] = candidate
        return name

    def opaque_sound(self, candidate: str, part: str, sound: Sound) -> str:
        """The name of a sound in the addresses of this session."""
        name = self._opaque("sound", f"{candidate}\n{part}\n{sound.digest}")
        self._sounds[name] = sound
        return name

    def opaque_words(self, candidate: str, key: str) -> str:
        """The name of the words that a candidate sings; candidates with the same ``key`` have the same."""
        name = self._opaque("words", key)
        self._words.setdefault(name, candidate)
        return name

    def words(self, name: str) -> str:
        """A candidate that sings the words of an opaque name. Raises NotThere where there are no such words."""
        return _found(self._words, name, "words")

    def candidate(self, name: str) -> str:
        """The candidate of an opaque name. Raises NotThere where this session gave no such name."""
        return _found(self._candidates, name, "candidate")

    def sound(self, name: str) -> Sound:
        """The sound of an opaque name. Raises NotThere where this session gave no such name."""
        return _found(self._sounds, name, "sound")

    def _opaque(self, kind: str, value: str) -> str:
        return hmac.new(self._secret, f"{kind}\n{value}".encode(), hashlib.sha256).hexdigest()[:ID_DIGITS]

    def order(self, candidates: Sequence[str]) -> list[str]:
        """The candidates in the order in which this session shows them: by rank as given, or shuffled where blind."""
        return list(candidates) if self.mode == "open" else shuffled(candidates, self.seed)

    def reveal(self) -> None:
        """End the hiding, for good."""
        with self.lock:
            self.revealed = True

    def require_hidden(self) -> None:
        """Raise RefusedError where a vote of this session would not be blind."""
        if not self.is_hidden:
            raise RefusedError(
                "this listening was revealed, and takes no more votes", remedy="Begin a new one with the button Blind"
            )


def _found(values: dict[str, Value], name: str, what: str) -> Value:
    if name not in values:
        raise NotThere(f"this listening has no such {what}", remedy="Load the page again")
    return values[name]


def shuffled(candidates: Sequence[str], seed: int) -> list[str]:
    """The candidates in the order of a session's seed, whatever order they are given in."""
    ordered = sorted(candidates)
    random.Random(seed).shuffle(ordered)
    return ordered


def pairs_of(shown: Sequence[str], seed: int) -> list[tuple[str, str]]:
    """Every pair of candidates once, in the order of a session's seed, each in an order of its own; at most
    :data:`MOST_PAIRS`."""
    drawn = random.Random(seed + 1)
    pairs = [pair if drawn.random() < 0.5 else pair[::-1] for pair in combinations(shown, 2)]
    drawn.shuffle(pairs)
    return pairs[:MOST_PAIRS]


class Sessions:
    """The sessions of this process, the least recently used dropped first."""

    def __init__(self) -> None:
        self._sessions: Recent[str, Listening] = Recent(MOST_SESSIONS)

    def begin(self, album: str, song: str, mode: Mode, *, person: str) -> Listening:
        """A new session with a random seed."""
        seed = secrets.randbelow(MAX_SEED)
        listening = Listening(secrets.token_hex(12), album, song, mode, seed, person)
        return self._sessions.put(listening.id, listening)

    def find(self, session: str) -> Listening:
        """The session of this id. Raises NotThere where it is not known, as after a restart of the desk."""
        listening = self._sessions.get(session)
        if listening is None:
            raise NotThere("this listening is over", remedy="Load the page again")
        return listening
