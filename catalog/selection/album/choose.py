"""Chooses one take of each song, so that the album fits together.

What is made small is the mean misfit of the takes, term by term with the shares of the manifest's weights, plus the
mean loss of song score. Tempo and key compare songs that follow each other, the other terms every two songs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np

from catalog.common.digests import Json
from catalog.common.text import counted, listed
from catalog.selection.album.misfit import MISFITS, Sound
from catalog.selection.album.search import Costs, Matrix, cheapest
from catalog.selection.album.settings import NEIGHBOURS_ONLY, AlbumChoice
from catalog.selection.decision import CandidateOutcome, Decision

SCORE_DIGITS = 1e-9
"""Scores that differ by less are equal: they are rounded before."""

WORDS = {"loudness": "loudness", "tone": "tone", "tempo": "tempo", "key": "key", "alike": "not sounding alike"}


@dataclass(frozen=True, slots=True)
class Take:
    """A take that may be chosen; ``loss`` is how much lower its score is than that of the song's own winner."""

    id: str
    name: str
    loss: float
    sound: Sound


@dataclass(frozen=True, slots=True)
class SongTakes:
    """A song's takes that may be chosen, its own winner first."""

    id: str
    takes: tuple[Take, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A song that gets another take for the album's sake, and why, in a sentence."""

    song: str
    before: str
    after: str
    loss: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Fit:
    """How badly a combination fits: the mean ``misfits`` by term, 0 to 1, and the mean ``loss`` of song score;
    ``objective`` is what is made small."""

    misfits: Mapping[str, float]
    loss: float
    objective: float

    def document(self) -> dict[str, Json]:
        """As JSON, rounded."""
        misfits = {term: round(value, 6) for term, value in self.misfits.items()}
        return {"misfits": misfits, "loss": round(self.loss, 6), "objective": round(self.objective, 6)}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The take of each song, the songs that changed, and how well the album fits by song and now. ``exact``: no
    combination fits better."""

    winners: Mapping[str, str]
    changes: tuple[Change, ...]
    before: Fit
    after: Fit
    exact: bool
    sentence: str

    def document(self) -> dict[str, Json]:
        """As JSON, as the step's result keeps it."""
        return {
            "winners": dict(self.winners),
            "changes": [asdict(change) for change in self.changes],
            "before": self.before.document(),
            "after": self.after.document(),
            "exact": self.exact,
            "sentence": self.sentence,
        }


def allowed(decision: Decision, max_loss: float) -> dict[str, float]:
    """The candidates that an album may take in place of a song's winner, the winner first, with their loss of score.

    Only ranked candidates that passed every gate and lose at most ``max_loss``. The winner alone where a user picked
    it, and where it failed a gate itself; empty without a winner.
    """
    winner = next((candidate for candidate in decision.candidates if candidate.id == decision.winner), None)
    if winner is None:
        return {}
    losses = {winner.id: 0.0}
    if decision.picked_by or not winner.passed or winner.score is None:
        return losses
    best = winner.score
    return losses | {
        candidate.id: max(0.0, round(best - candidate.score, 12))
        for candidate in decision.candidates
        if candidate.id != winner.id and _may_win(candidate) and candidate.score is not None
        if best - candidate.score <= max_loss + SCORE_DIGITS
    }


def _may_win(candidate: CandidateOutcome) -> bool:
    return candidate.rank is not None and candidate.passed and candidate.rejected_by is None


def choose(songs: Sequence[SongTakes], settings: AlbumChoice) -> Chosen:
    """The takes that fit together best of the ``songs`` in the order of the album. The same songs give the same."""
    album = _Album(songs, settings)
    found = cheapest(album.costs)
    own = (0,) * len(songs)
    before, after = album.fit(own), album.fit(found.choice)
    changes = tuple(_change(album, found.choice, place) for place in range(len(songs)) if found.choice[place])
    winners = {song.id: song.takes[take].id for song, take in zip(songs, found.choice, strict=True)}
    sentence = _sentence(songs, changes, before, after, exact=found.exact)
    return Chosen(winners, changes, before, after, found.exact, sentence)


class _Album:
    """The songs with the costs of their takes."""

    def __init__(self, songs: Sequence[SongTakes], settings: AlbumChoice) -> None:
        self.songs = songs
        self.max_loss = settings.max_loss
        self._shares = settings.shares
        every = list(combinations(range(len(songs)), 2))
        neighbours = [(i, j) for i, j in every if j == i + 1]
        self._compared = {term: neighbours if term in NEIGHBOURS_ONLY else every for term in self._shares}
        self._misfits = {
            term: {(i, j): _matrix(term, songs[i], songs[j]) for i, j in pairs}
            for term, pairs in self._compared.items()
        }
        pairs: dict[tuple[int, int], Matrix] = {}
        for term, matrices in self._misfits.items():
            for key, matrix in matrices.items():
                pairs[key] = pairs.get(key, 0) + self._shares[term] / len(matrices) * matrix
        own = [np.array([take.loss for take in song.takes]) / len(songs) for song in songs]
        self.costs = Costs(own, pairs)

    def fit(self, choice: Sequence[int]) -> Fit:
        """How well a combination fits."""
        misfits = {term: self._misfit(term, choice) for term in self._shares}
        loss = sum(song.takes[take].loss for song, take in zip(self.songs, choice, strict=True))
        return Fit(misfits, loss / max(1, len(self.songs)), self.costs.of(choice))

    def _misfit(self, term: str, choice: Sequence[int]) -> float:
        matrices = self._misfits[term]
        total = sum(float(matrix[choice[i], choice[j]]) for (i, j), matrix in matrices.items())
        return total / len(matrices) if matrices else 0.0

    def gains(self, choice: Sequence[int], place: int) -> dict[str, float]:
        """By how much each term is smaller than with the song's own winner beside the same others, by its share."""
        own = [*choice[:place], 0, *choice[place + 1 :]]
        return {
            term: share * (self._misfit(term, own) - self._misfit(term, choice)) for term, share in self._shares.items()
        }


def _matrix(term: str, one: SongTakes, other: SongTakes) -> Matrix:
    misfit = MISFITS[term]
    return np.array([[misfit(a.sound, b.sound) for b in other.takes] for a in one.takes], np.float64)


def _change(album: _Album, choice: Sequence[int], place: int) -> Change:
    song = album.songs[place]
    before, after = song.takes[0], song.takes[choice[place]]
    gains = album.gains(choice, place)
    best = sorted((term for term in gains if gains[term] > 0), key=lambda term: -gains[term])[:2]
    reason = f"for {listed([WORDS[term] for term in best])}" if best else "beside the takes of the other songs"
    loss = (
        f"its score is {after.loss:.3f} lower, of {album.max_loss:g} allowed" if after.loss else "at no loss of score"
    )
    sentence = f"Chosen for the album: {after.name} in place of {before.name}, {reason}; {loss}."
    return Change(song.id, before.id, after.id, after.loss, sentence)


def _sentence(songs: Sequence[SongTakes], changes: Sequence[Change], before: Fit, after: Fit, *, exact: bool) -> str:
    if not changes:
        reason = "no allowed combination" if exact else "no combination that was found"
        return f"The album keeps the take of every song: {reason} fits better (misfit {before.objective:.3f})."
    names = listed([change.song for change in changes])
    better = [term for term in after.misfits if after.misfits[term] < before.misfits[term] - 0.0005]
    terms = ", ".join(f"{term} {before.misfits[term]:.3f} to {after.misfits[term]:.3f}" for term in better)
    how = "no allowed combination is better" if exact else "the best that a search found"
    return (
        f"The album takes another take of {counted(len(changes), 'song')} of {len(songs)} ({names}): "
        f"misfit and loss {before.objective:.3f} to {after.objective:.3f}{f' ({terms})' if terms else ''}, {how}."
    )


def fitted(decision: Decision, winner: str, *, sentence: str, album_sentence: str, step_key: str | None) -> Decision:
    """A song's decision with the take that the album takes as its winner; ``sentence`` says why,
    ``step_key`` is the step that chose it, None where nothing is stored."""
    outcome = next(candidate for candidate in decision.candidates if candidate.id == winner)
    return decision.model_copy(
        update={
            "winner": winner,
            "sentence": f"{sentence} {outcome.sentence} {album_sentence}",
            "tie_with": (),
            "policy_winner": decision.winner,
            "album_sentence": album_sentence,
            "album_step": step_key,
        }
    )
