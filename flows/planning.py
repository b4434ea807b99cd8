"""From a checked album to a plan: a recipe for every seed, and the catalog's rows that ask for them."""

from __future__ import annotations

from catalog.album import Album, Song
from catalog.albums import (
    Candidate,
    PlannedAlbum,
    PlannedSong,
    expand,
    manifest_digest,
    policy_in_force,
    song_row_ids,
    store_plan,
)
from catalog.digests import digest_file
from catalog.house import House
from catalog.manifest import manifest_document
from tasks.delivery.track_tags import cover_media_type
from tasks.engines.registry import get_engine


def candidates_of(album: Album, song: Song) -> tuple[Candidate, ...]:
    """One candidate for each seed of a song."""
    engine = get_engine(song.engine)
    return expand(album, song, [engine.recipe(song, seed) for seed in song.seeds])


def plan_album(house: House, album: Album) -> PlannedAlbum:
    """The plan as the catalog holds it now, without storing anything."""
    rows = song_row_ids(house.database, album.id)
    songs = tuple(PlannedSong(rows.get(song.id, 0), song, candidates_of(album, song)) for song in album.songs)
    digest = manifest_digest(manifest_document(album))
    cover_digest = digest_file(album.cover) if album.cover else None
    return PlannedAlbum(album, digest, policy_in_force(house.database, album), cover_digest, songs)


def declare_album(house: House, album: Album) -> PlannedAlbum:
    """Store the plan, declare its renders, and keep the files the user gave."""
    candidates = {song.id: candidates_of(album, song) for song in album.songs}
    house.ledger.declare_renders([c.recipe for offered in candidates.values() for c in offered])
    cover_digest = None
    if album.cover:
        cover_digest = house.take_in(album.cover, media_type=cover_media_type(album.cover.read_bytes()))
    return store_plan(
        house.database,
        album,
        document=manifest_document(album),
        candidates=candidates,
        cover_digest=cover_digest,
    )
