"""Reads what the audition of one song needs: its candidates with their outcomes, reviews and sounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from catalog.album.album import Album, Song
from catalog.audition.offered import offered_candidates
from catalog.audition.sounds import TakeSounds, sounds_of
from catalog.catalog import Catalog
from catalog.ledger.results import products_of
from catalog.plan.plan import Candidate
from catalog.plan.status import CandidateRow, song_of_album
from catalog.selection.decision import CandidateOutcome, Decision
from catalog.selection.reviews import Review, Reviews
from flows.desk.not_there import NotThere


@dataclass(frozen=True, slots=True)
class AuditionedTake:
    """A candidate with its state, its outcome in the newest decision, its artifacts, and what can be heard of it.

    ``song`` is the song as its engine rendered it, with the candidate's own words. ``outcome`` is None while it is not
    decided, ``sounds`` while it is not rendered or once its audio was pruned.
    """

    candidate: Candidate
    song: Song
    state: str
    failure: str | None = None
    outcome: CandidateOutcome | None = None
    products: Mapping[str, str] = field(default_factory=dict)
    sounds: TakeSounds | None = None
    reviews: tuple[Review, ...] = ()

    @property
    def id(self) -> str:
        """Its id in the catalog."""
        return self.candidate.id


@dataclass(frozen=True, slots=True)
class AuditionedSong:
    """A song with its candidates by rank; those that were not ranked follow in the order of their seeds."""

    album: Album
    song: Song
    takes: tuple[AuditionedTake, ...]
    decision: Decision | None
    winner: str | None
    standing: Reviews


def read_song(catalog: Catalog, album_id: str, song_id: str) -> AuditionedSong:
    """The song as it is now. Raises NotThere for an album or a song that the catalog does not have."""
    database = catalog.database
    offered = offered_candidates(database, album_id, song_id)
    row = song_of_album(database, album_id, song_id) if offered else None
    if offered is None or row is None:
        raise NotThere(f"{album_id[:80]} has no song {song_id[:80]!r}", remedy="Go back to the album")
    song = offered.album.songs[0]
    products = products_of(database, [candidate.render_key for candidate in row.candidates])
    audio = {each.id: found for each in row.candidates if (found := products[each.render_key].get("audio"))}
    sounds = sounds_of(database, sorted(set(audio.values())))
    decision = Decision.from_document(row.decision) if row.decision else None
    outcomes = {outcome.id: outcome for outcome in decision.candidates} if decision else {}

    def take(each: CandidateRow) -> AuditionedTake:
        candidate = offered.candidates[each.id]
        return AuditionedTake(
            candidate,
            candidate.of(song),
            each.state,
            str(each.error["error"]) if each.error and "error" in each.error else None,
            outcomes.get(each.id),
            products[each.render_key],
            sounds.get(audio.get(each.id, "")),
            tuple(review for review in offered.reviews if review.candidate == each.id),
        )

    places = {candidate: place for place, candidate in enumerate(outcomes)}
    rows = sorted(row.candidates, key=lambda each: places.get(each.id, len(places)))
    takes = tuple(take(each) for each in rows if each.id in offered.candidates)
    return AuditionedSong(offered.album, song, takes, decision, row.winner, _standing(offered.reviews))


def _standing(reviews: Sequence[Review]) -> Reviews:
    standing = Reviews()
    for review in reviews:
        standing = standing.after(review)
    return standing
