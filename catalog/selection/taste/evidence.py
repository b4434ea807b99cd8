"""What the catalog knows of a studio's taste: its picks and its votes, and the readings of the takes they compare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.digests import Json
from catalog.selection.stored_reviews import standing_in
from catalog.selection.taste.taste import Preference
from catalog.selection.votes import Vote, votes_of
from db.in_values import in_values
from db.session import Database
from db.tables.album import Candidate, Song
from db.tables.selection import Decision, Review
from db.tables.selection import Vote as VoteRow

Readings = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The ``preferences`` of ``picks`` and of ``votes``, both counted, and the ``readings`` of their takes by metric.

    ``left_out`` counts the votes that say nothing of whole takes: on a single stem, or on takes without readings.
    """

    preferences: tuple[Preference, ...]
    readings: Readings
    picks: int
    votes: int
    left_out: int


def evidence_of(database: Database) -> Evidence:
    """Every standing pick and every vote on takes that were decided.

    A pick is one vote, shared among the other takes of its song that were decided with it. Each place that a vote
    gives is one vote too, shared among the takes behind it.
    """
    votes = votes_of(database)
    with database.read() as session:
        picks = _picks(session)
        voted = session.scalars(sa.select(VoteRow.song_id).distinct()).all()
        songs = sorted(picks.keys() | set(voted))
        decided = {
            name: {candidate["id"]: _readings(candidate["metrics"]) for candidate in candidates}
            for name, candidates in _decided(session, songs)
        }
        picked = {name: picks[song] for name, song in _names(session, sorted(picks)) if name in decided}
    picked = {name: take for name, take in picked.items() if take in decided[name] and len(decided[name]) > 1}
    counted = [vote for vote in votes if _counts(vote, decided.get(_name(vote), {}))]
    preferences = [preference for name, take in picked.items() for preference in _shared(take, decided[name], name)] + [
        preference for vote in counted for preference in _of_vote(vote)
    ]
    used = {take for preference in preferences for take in (preference.better, preference.worse)}
    readings = {take: own for takes in decided.values() for take, own in takes.items() if take in used}
    return Evidence(tuple(preferences), readings, len(picked), len(counted), len(votes) - len(counted))


def _picks(session: Session) -> dict[int, str]:
    """The picked take of each song that has a standing pick, by the song's row id."""
    songs = session.scalars(
        sa.select(Candidate.song_id).join(Review, Review.candidate_id == Candidate.id).distinct()
    ).all()
    standing = standing_in(session, songs)
    return {song: reviews.picked.candidate for song, reviews in standing.items() if reviews.picked}


def _counts(vote: Vote, takes: Mapping[str, Mapping[str, float]]) -> bool:
    return vote.conditions.stem is None and takes.keys() >= set(vote.shown)


def _of_vote(vote: Vote) -> Iterator[Preference]:
    behind = list(vote.shown)
    for take in vote.preferred:
        behind.remove(take)
        yield from _shared(take, behind, _name(vote))


def _shared(better: str, takes: Iterable[str], song: str) -> list[Preference]:
    """One vote for a take, shared among the others of ``takes``."""
    others = [take for take in takes if take != better]
    return [Preference(better, other, song, 1 / len(others)) for other in others]


def _name(vote: Vote) -> str:
    return f"{vote.album}/{vote.song}"


def _names(session: Session, songs: Sequence[int]) -> list[tuple[str, int]]:
    """A name of each song across albums, with its row id, in order of the names."""
    query = sa.select(Song.album_id, Song.slug, Song.id).where(in_values(Song.id, songs))
    return sorted((f"{album}/{slug}", song) for album, slug, song in session.execute(query).tuples())


def _decided(session: Session, songs: Sequence[int]) -> Iterator[tuple[str, list[dict[str, Json]]]]:
    """The name of each decided song, and the candidates of its newest decision."""
    newest = sa.select(sa.func.max(Decision.id)).where(in_values(Decision.song_id, songs))
    rows = session.execute(
        sa.select(Decision.song_id, Decision.document).where(Decision.id.in_(newest.group_by(Decision.song_id)))
    )
    documents = dict(rows.tuples().all())
    for name, song in _names(session, songs):
        if song in documents:
            yield name, documents[song]["candidates"]


def _readings(metrics: Mapping[str, Mapping[str, Json]]) -> dict[str, float]:
    return {name: float(reading["value"]) for name, reading in metrics.items() if "value" in reading}
