"""From a manifest file to a stored plan: the names plug-ins bring, the recipes of every seed, what is missing."""

from __future__ import annotations

from pathlib import Path

from catalog.album import Album, Song
from catalog.albums import Candidate, PlannedAlbum, PlannedSong, expand, manifest_digest, policy_in_force, store_plan
from catalog.digests import digest_file
from catalog.house import House
from catalog.manifest import Vocabulary, load_manifest, manifest_document
from catalog.settings import Settings
from tasks.delivery.deliverables import deliverable_names
from tasks.delivery.track_tags import cover_media_type
from tasks.engines.registry import ENGINES, get_engine
from tasks.scoring.registry import metric_specs

NATIVE = "native"
NO_STEMS = "none"


def vocabulary(settings: Settings) -> Vocabulary:
    """The names a manifest may use on this installation."""
    return Vocabulary(
        engines={name: get_engine(name).settings_model for name in ENGINES},
        metrics=metric_specs(),
        deliverables=frozenset(deliverable_names()),
        stem_models=frozenset({NATIVE, NO_STEMS}),
        default_engine=settings.engine,
    )


def read_album(path: Path, settings: Settings) -> Album:
    """The checked album of a manifest. Raises ManifestError with every fault."""
    return load_manifest(path, vocabulary(settings))


def candidates_of(album: Album, song: Song) -> tuple[Candidate, ...]:
    """One candidate for each seed of a song."""
    engine = get_engine(song.engine)
    return expand(album, song, [engine.recipe(song, seed) for seed in song.seeds])


def plan_album(house: House, album: Album) -> PlannedAlbum:
    """The plan as the catalog holds it now, without storing anything."""
    songs = tuple(PlannedSong(0, song, candidates_of(album, song)) for song in album.songs)
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
