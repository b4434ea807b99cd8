"""Plans a checked album: a recipe for every seed, and the catalog rows that refer to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from catalog.album.album import Album, Song
from catalog.album.document import manifest_document
from catalog.catalog import Catalog
from catalog.common.digests import Json, digest_bytes
from catalog.common.errors import LicenceRefused, MachineError
from catalog.common.settings import Settings
from catalog.common.takes import IMPORTED
from catalog.manifest.files import delivered_cover
from catalog.models.store import ModelStore
from catalog.plan.imports import with_imports
from catalog.plan.plan import (
    Candidate,
    PlannedAlbum,
    PlannedSong,
    expand,
    manifest_digest,
    policy_in_force,
    song_row_ids,
    store_plan,
)
from catalog.plan.retakes import with_retakes
from catalog.recipe import Recipe
from catalog.selection.decide import Policy
from catalog.selection.stored_reviews import standing_reviews
from flows.planning.earlier import with_earlier
from flows.planning.required_models import (
    check_licences,
    identities_of,
    judges_of,
    model_uses,
    models_of_judges,
    models_of_stems,
)
from tasks.delivery.deliverables import available
from tasks.engines.registry import get_engine
from tasks.scoring.registry import require_packages
from tasks.separation.demucs.models import STEM_MODELS, require_stem_packages
from tasks.style.mulan.names import MUQ_MULAN, require_mulan_packages

AUDIO_TYPES = {".wav": "audio/wav", ".flac": "audio/flac", ".mp3": "audio/mpeg", ".ogg": "audio/ogg"} | {
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".webm": "audio/webm",
    ".wv": "audio/x-wavpack",
}
UNKNOWN_TYPE = "application/octet-stream"
VECTOR_TYPE = "application/x-npy"


def require_models(album: Album, policy: Policy, settings: Settings, models: ModelStore) -> None:
    """Raise ModelMissing with the one command that installs every model that the album needs and this machine does not
    have.

    Raises LicenceRefused before that where the policy in force is not the manifest's; the manifest's own was checked
    against the licences when it was read. Raises MachineError where a deliverable needs a tool that is not installed.
    """
    if policy != album.selection:
        check_licences(album, policy, settings)
    model_names = [use.model for use in model_uses(album, policy, settings)]
    models.need_all(model_names)
    if MUQ_MULAN in model_names:
        require_mulan_packages()
    require_packages(judges_of(policy, album.songs))
    if album.stems in STEM_MODELS:
        require_stem_packages()
    for kind in dict.fromkeys(kind for song in album.songs for kind in album.deliverables_of(song)):
        if reason := available(kind):
            raise MachineError(reason, remedy="Install it, or take this kind out of `deliverables`")


def plan_album(catalog: Catalog, album: Album) -> PlannedAlbum:
    """The plan by the catalog's current state; stores nothing. Raises ModelMissing."""
    policy, applied_policy = policy_in_force(catalog.database, album)
    rows = song_row_ids(catalog.database, album.id)
    candidates = _candidates(catalog, album, policy)
    songs = tuple(PlannedSong(rows.get(song.id, 0), song, candidates[song.id]) for song in album.songs)
    digest = manifest_digest(manifest_document(album))
    cover_digest = digest_bytes(delivered_cover(album.cover).picture) if album.cover else None
    return PlannedAlbum(album, digest, policy, cover_digest, songs, _identities(catalog, album, policy), applied_policy)


def reused_id_warning(catalog: Catalog, album: Album) -> str | None:
    """A warning where the catalog knows the album's id with entirely different songs: two manifests may share an id."""
    row_ids = song_row_ids(catalog.database, album.id)
    if not row_ids or row_ids.keys() & {song.id for song in album.songs}:
        return None
    song_list = ", ".join([*list(row_ids)[:2], "…"] if len(row_ids) > 2 else row_ids)
    return (
        f"Until now the album {album.id!r} had other songs ({song_list}), and this manifest takes their place. "
        "If it is another album, give it another `id`."
    )


def declare_album(catalog: Catalog, album: Album) -> PlannedAlbum:
    """Plan an album and store the plan: :func:`declare_plan` of :func:`plan_album`."""
    return declare_plan(catalog, plan_album(catalog, album))


def declare_plan(catalog: Catalog, planned: PlannedAlbum) -> PlannedAlbum:
    """Store the plan, declare its renders and store the user's files; returns the plan as stored."""
    album = planned.album
    catalog.ledger.declare_renders([candidate.recipe for song in planned.songs for candidate in song.candidates])
    cover_digest = None
    if album.cover:
        cover = delivered_cover(album.cover)
        cover_digest = catalog.add_bytes(cover.picture, media_type=cover.media_type)
    for song in album.songs:
        _store_inputs(catalog, song)
    if album.mastering_reference:
        _store_audio(catalog, album.mastering_reference)
    return store_plan(
        catalog.database,
        album,
        document=manifest_document(album),
        candidates={song.song.id: song.candidates for song in planned.songs},
        cover_digest=cover_digest,
        identities=planned.identities,
    )


def _identities(catalog: Catalog, album: Album, policy: Policy) -> dict[str, Json]:
    return identities_of([*models_of_judges(policy, album.songs), *models_of_stems(album)], catalog.models)


def _candidates(catalog: Catalog, album: Album, policy: Policy) -> dict[str, tuple[Candidate, ...]]:
    """One candidate for each seed of each song, and the existing retakes of them."""
    require_models(album, policy, catalog.settings, catalog.models)
    recipes = with_earlier(
        catalog, album, {song.id: _candidates_of_song(catalog.settings, song) for song in album.songs}
    )
    candidates = {song.id: expand(album, song, recipes[song.id]) for song in album.songs}
    candidates = with_imports(catalog.database, album.id, with_retakes(catalog.database, album.id, candidates))
    if album.commercial:
        _check_imports(catalog, album, candidates)
    return candidates


def _check_imports(catalog: Catalog, album: Album, candidates: Mapping[str, Sequence[Candidate]]) -> None:
    """Raise LicenceRefused where a take made elsewhere may not be sold, unless it is rejected."""
    takes = [take for song in candidates.values() for take in song if take.recipe.engine == IMPORTED]
    barred = [take for take in takes if not take.recipe.inputs["commercial"]]
    if not barred:
        return
    rows = list(song_row_ids(catalog.database, album.id).values())
    reviews = standing_reviews(catalog.database, rows).values()
    rejected = {review.candidate for standing in reviews for review in standing.rejected}
    if names := [f"{take.id} ({take.recipe.inputs['licence']})" for take in barred if take.id not in rejected]:
        raise LicenceRefused(
            f"the album is commercial, and takes made elsewhere may not be sold: {', '.join(names)}",
            remedy="Run `songline reject` on them, or set `commercial: false`",
        )


def _candidates_of_song(settings: Settings, song: Song) -> Sequence[Recipe]:
    return [
        get_engine(variant.engine, settings).recipe(variant, seed)
        for variant in song.for_engines()
        for seed in variant.seeds
    ]


def _store_inputs(catalog: Catalog, song: Song) -> None:
    """Store a song's reference and style vector, which steps on other machines need."""
    if song.reference:
        _store_audio(catalog, song.reference)
    if song.style:
        catalog.add_file(song.style, media_type=VECTOR_TYPE)


def _store_audio(catalog: Catalog, path: Path) -> None:
    catalog.add_file(path, media_type=AUDIO_TYPES.get(path.suffix.lower(), UNKNOWN_TYPE))
