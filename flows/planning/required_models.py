"""The models that an album needs, and the exact files of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from catalog.album.album import Album, Song
from catalog.common.digests import Json
from catalog.common.errors import InputError
from catalog.common.settings import Settings
from catalog.models.licences import Refusal, Use, refusals, refused
from catalog.models.store import ModelStore
from catalog.selection.decide import Policy
from tasks.engines.registry import ENGINES, get_engine
from tasks.scoring.registry import Judge, judges_for
from tasks.separation.demucs.models import STEM_MODELS


def check_licences(album: Album, policy: Policy, settings: Settings) -> None:
    """Raise LicenceRefused where the album is commercial and the licence of a model that it needs forbids that."""
    if not album.commercial:
        return
    models = ModelStore(settings.models_path, table=settings.models_table)
    uses = model_uses(album, policy, settings)
    specs = {use.model: models.spec(use.model) for use in uses}
    if refused_uses := refusals(uses, specs, commercial=True, agreements=album.licences):
        raise refused(refused_uses, other_engines=_engines_without(refused_uses, album, settings, models))


def _engines_without(
    refused_uses: Sequence[Refusal], album: Album, settings: Settings, models: ModelStore
) -> tuple[str, ...]:
    """The engines of this installation that could take the place of those that need the refused models; none where a
    judge or the separation of stems needs one of them too."""
    needed: dict[str, list[Song]] = {}
    of_engines: set[tuple[str, str]] = set()
    for song in (variant for each in album.songs for variant in each.for_engines()):
        own = {(use.model, use.role) for use in get_engine(song.engine, settings).uses(song)}
        if used := own & {(refusal.model, refusal.role) for refusal in refused_uses}:
            of_engines |= used
            needed.setdefault(song.engine, []).append(song)
    if any((refusal.model, refusal.role) not in of_engines for refusal in refused_uses):
        return ()
    songs = [song for songs in needed.values() for song in songs]
    free = tuple(name for name in sorted(ENGINES) if _may_be_sold(name, songs, album, settings, models))
    return () if any(name in needed for name in free) else free  # then a setting is in the way, not the engine


def _may_be_sold(name: str, songs: Sequence[Song], album: Album, settings: Settings, models: ModelStore) -> bool:
    """Whether what an engine makes of the songs, with its usual settings, may be sold; not where it cannot make one."""
    engine = get_engine(name, settings)
    try:
        uses = [use for song in songs for use in engine.uses(replace(song, engine=name, settings={}))]
    except InputError:
        return False
    specs = {use.model: models.spec(use.model) for use in uses}
    return not refusals(uses, specs, commercial=True, agreements=album.licences)


def model_uses(album: Album, policy: Policy, settings: Settings) -> tuple[Use, ...]:
    """The registry models that an album needs, each once, with their use."""
    variants = [variant for song in album.songs for variant in song.for_engines()]
    uses = [use for song in variants for use in get_engine(song.engine, settings).uses(song)]
    uses += [Use(model, "judges") for model in models_of_judges(policy, album.songs)]
    if album.stems in STEM_MODELS:
        uses.append(Use(album.stems, "separates"))
    return tuple(dict.fromkeys(uses))


def judges_of(policy: Policy, songs: Iterable[Song]) -> tuple[Judge, ...]:
    """The judges that a policy needs for any of these songs, each once; see :func:`judges_for`."""
    kinds = dict.fromkeys(not song.instrumental for song in songs)
    return tuple(dict.fromkeys(judge for is_sung in kinds for judge in judges_for(policy.named, is_sung=is_sung)))


def models_of_judges(policy: Policy, songs: Iterable[Song]) -> tuple[str, ...]:
    """The models that these judges load, each once."""
    return tuple(dict.fromkeys(model for judge in judges_of(policy, songs) for model in judge.models))


def models_of_stems(album: Album) -> tuple[str, ...]:
    """The model that separates an album's winners into stems, if any."""
    return (album.stems,) if album.stems in STEM_MODELS else ()


def identities_of(
    names: Iterable[str], models: ModelStore, *, planned: Mapping[str, Json] | None = None
) -> dict[str, Json]:
    """The file digests of each model: those that the album was ``planned`` with, so that all machines request the same
    steps.

    Plans stored before digests were recorded use the local files; raises ModelMissing where they are not installed.
    """
    planned_identities = planned or {}
    model_names = tuple(dict.fromkeys(names))
    unplanned_names = [name for name in model_names if name not in planned_identities]
    local_models = dict(zip(unplanned_names, models.need_all(unplanned_names), strict=True))
    return {
        name: planned_identities[name] if name in planned_identities else local_models[name].identity
        for name in model_names
    }
