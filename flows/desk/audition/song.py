"""Reads what the audition of one song needs: its candidates with their outcomes, reviews and sounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from catalog.album.album import Album, Song
from catalog.album.document import album_of
from catalog.catalog import Catalog
from catalog.common.text import did_you_mean
from catalog.ledger.results import products_of
from catalog.plan.plan import Candidate, candidate_of
from catalog.plan.status import CandidateRow, song_of_album
from catalog.recipe import Recipe
from catalog.selection.decision import CandidateOutcome, Decision
from catalog.selection.reviews import Review, Reviews
from catalog.selection.stored_reviews import reviews_of
from db.session import Database
from db.tables.album import Album as AlbumTable
from db.tables.album import Candidate as CandidateTable
from db.tables.album import Render
from db.tables.album import Song as SongTable
from flows.desk.audition.sounds import TakeSounds, sounds_of
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
    row_id: int
    takes: tuple[AuditionedTake, ...]
    decision: Decision | None
    winner: str | None
    standing: Reviews


def read_song(catalog: Catalog, album_id: str, song_id: str) -> AuditionedSong:
    """The song as it is now. Raises NotThere for an album or a song that the catalog does not have."""
    database = catalog.database
    album, song, row_id = _planned(database, album_id, song_id)
    row = song_of_album(database, album_id, song_id)
    if row is None:
        raise NotThere(f"{album_id} has no song {song_id[:80]!r} any more", remedy="Go back to the album")
    candidates, reviews = _candidates(database, row_id)
    products = products_of(database, [candidate.render_key for candidate in row.candidates])
    audio = {each.id: found for each in row.candidates if (found := products[each.render_key].get("audio"))}
    sounds = sounds_of(database, sorted(set(audio.values())))
    decision = Decision.from_document(row.decision) if row.decision else None
    outcomes = {outcome.id: outcome for outcome in decision.candidates} if decision else {}
    standing = Reviews()
    for review in reviews:
        standing = standing.after(review)

    def take(each: CandidateRow) -> AuditionedTake:
        candidate = candidates[each.id]
        return AuditionedTake(
            candidate,
            replace(candidate.of(song), language=song.language),
            each.state,
            str(each.error["what"]) if each.error and "what" in each.error else None,
            outcomes.get(each.id),
            products[each.render_key],
            sounds.get(audio.get(each.id, "")),
            tuple(review for review in reviews if review.candidate == each.id),
        )

    places = {candidate: place for place, candidate in enumerate(outcomes)}
    rows = sorted(row.candidates, key=lambda each: places.get(each.id, len(places)))
    takes = tuple(take(each) for each in rows)
    return AuditionedSong(album, song, row_id, takes, decision, row.winner, standing)


def _planned(database: Database, album_id: str, song_id: str) -> tuple[Album, Song, int]:
    """The album with this song alone, the song, and its row id."""
    with database.read() as session:
        album_row = session.get(AlbumTable, album_id)
        if album_row is None:
            raise NotThere(f"there is no album {album_id[:80]!r}", remedy="Go back to the list of albums")
        manifest = album_row.manifest
        condition = sa.and_(SongTable.album_id == album_id, SongTable.slug == song_id, SongTable.active)
        row_id = session.scalar(sa.select(SongTable.id).where(condition))
    songs = [entry for entry in manifest["songs"] if entry["id"] == song_id]
    if row_id is None or not songs:
        known = [entry["id"] for entry in manifest["songs"]]
        raise NotThere(f"{album_id} has no song {song_id[:80]!r}", remedy=did_you_mean(song_id, known))
    album = album_of({**manifest, "songs": songs})
    return album, album.songs[0], row_id


def _candidates(database: Database, row_id: int) -> tuple[dict[str, Candidate], list[Review]]:
    """The song's current candidates by id, and all that was said of them, oldest first."""
    query = (
        sa.select(CandidateTable, Render.recipe)
        .join(Render, Render.key == CandidateTable.render_key)
        .where(CandidateTable.song_id == row_id, CandidateTable.active)
    )
    with database.read() as session:
        rows = session.execute(query).tuples().all()
        found = {row.id: candidate_of(row, Recipe.from_document(recipe)) for row, recipe in rows}
        return found, reviews_of(session, row_id)
