"""What the catalog knows of a studio's taste: its picks, and the readings of the takes that they were chosen among."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.digests import Json
from catalog.selection.stored_reviews import standing_in
from catalog.selection.taste.taste import Preference
from db.in_values import in_values
from db.session import Database
from db.tables.album import Candidate, Song
from db.tables.selection import Decision, Review

Evidence = tuple[list[Preference], dict[str, dict[str, float]]]
"""The votes, and the readings of their takes by metric."""


def evidence_of(database: Database) -> Evidence:
    """Every standing pick as one vote, shared among the other takes of its song that were decided with it."""
    with database.read() as session:
        songs = session.scalars(
            sa.select(Candidate.song_id).join(Review, Review.candidate_id == Candidate.id).distinct()
        ).all()
        picks = {
            song: standing.picked.candidate for song, standing in standing_in(session, songs).items() if standing.picked
        }
        preferences: list[Preference] = []
        readings: dict[str, dict[str, float]] = {}
        for name, picked, candidates in _decided(session, picks):
            known = {candidate["id"]: _readings(candidate["metrics"]) for candidate in candidates}
            if picked not in known or len(known) < 2:
                continue
            readings |= known
            share = 1 / (len(known) - 1)
            preferences += [Preference(picked, other, name, share) for other in known if other != picked]
    return preferences, readings


def _decided(session: Session, picks: Mapping[int, str]) -> Iterator[tuple[str, str, list[dict[str, Json]]]]:
    """A name of each song, its pick, and the candidates of its newest decision."""
    newest = sa.select(sa.func.max(Decision.id)).where(in_values(Decision.song_id, list(picks)))
    rows = session.execute(
        sa.select(Song.id, Song.album_id, Song.slug, Decision.document)
        .join(Decision, Decision.song_id == Song.id)
        .where(Decision.id.in_(newest.group_by(Decision.song_id)))
        .order_by(Song.album_id, Song.slug)
    )
    for song, album, slug, document in rows.tuples():
        yield f"{album}/{slug}", picks[song], document["candidates"]


def _readings(metrics: Mapping[str, Mapping[str, Json]]) -> dict[str, float]:
    return {name: float(reading["value"]) for name, reading in metrics.items() if "value" in reading}
