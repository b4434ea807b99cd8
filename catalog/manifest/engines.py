"""The engines of a song in a manifest: which, with which settings and seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pydantic import BaseModel, ValidationError

from catalog.album.album import EngineChoice
from catalog.common.digests import Json
from catalog.common.text import did_you_mean
from catalog.manifest.context import ManifestContext
from catalog.manifest.faults import FieldPath
from catalog.manifest.fields import MAX_SEED
from catalog.manifest.files import with_files
from catalog.manifest.schema import DEFAULT_SEEDS, DefaultsFile, ManifestFile, SeedRange, SongFile
from catalog.manifest.validation import check

_DEFAULTS: FieldPath = ("defaults",)


def engine_names(part: SongFile | DefaultsFile) -> tuple[str, ...]:
    """The engines that a part of the manifest names, in its order; none where it leaves them out."""
    if part.engines:
        return tuple(part.engines)
    return (part.engine,) if part.engine else ()


def engines_of_song(song: SongFile, manifest: ManifestFile, default_engine: str) -> tuple[str, ...]:
    """The engines of a song: its own, else the defaults', else the setting's."""
    return engine_names(song) or engine_names(manifest.defaults) or (default_engine,)


def seeds_for(song: SongFile, manifest: ManifestFile, engine: str) -> tuple[int, ...]:
    """The seeds with which an engine renders a song: the song's, else the defaults', else the usual four."""
    for part in (song, manifest.defaults):
        seeds = part.seeds.get(engine) if isinstance(part.seeds, Mapping) else part.seeds
        if isinstance(seeds, SeedRange):
            return tuple(range(seeds.start, seeds.start + seeds.count))
        if seeds is not None:
            return tuple(seeds)
    return DEFAULT_SEEDS


def seed_count(song: SongFile, manifest: ManifestFile, default_engine: str) -> int:
    """How many candidates a song asks for, without listing them."""
    return sum(len(seeds_for(song, manifest, engine)) for engine in engines_of_song(song, manifest, default_engine))


def engines_of(context: ManifestContext, path: FieldPath, song: SongFile) -> tuple[EngineChoice, ...]:
    """The engines of the song at ``path`` with all settings filled in; faults are added to the diagnostics."""
    _check_part(context, path, song)
    names = tuple(dict.fromkeys(engines_of_song(song, context.manifest, context.vocabulary.default_engine)))
    _check_names_of_parts(context, path, song, names)
    choices = tuple(
        EngineChoice(
            engine=name,
            settings=_settings(context, path, song, name, names),
            seeds=seeds_for(song, context.manifest, name),
            keeps_times=name not in context.vocabulary.untimed,
        )
        for name in names
    )
    _check_enough(context, path, song, choices)
    return choices


def check_defaults(context: ManifestContext) -> None:
    """Check the defaults' engines, seeds and settings, even where no song uses them."""
    defaults = context.manifest.defaults
    _check_part(context, _DEFAULTS, defaults)
    for index in range(len(context.manifest.songs)):
        _check_seeds(context, ("songs", index, "seeds"))
    names = engine_names(defaults) or (context.vocabulary.default_engine,)
    known = context.vocabulary.engines
    if not all(name in known for name in names):
        return
    _check_names_of_parts(context, _DEFAULTS, defaults, names)
    for name in (*names, *(other for other in known if other in defaults.settings and other not in names)):
        model = known[name]
        written = _written(defaults.settings, name, names, context)
        try:
            check(model, _read(context, model, written, {}))
        except ValidationError as error:
            errors = [detail for detail in error.errors(include_url=False) if detail["type"] != "missing"]
            for detail in errors:
                detail["loc"] = _place(_DEFAULTS, written, detail["loc"])
            context.diagnostics.add_errors(errors, known=model.model_fields)


def _check_part(context: ManifestContext, path: FieldPath, part: SongFile | DefaultsFile) -> None:
    """Check the engines that a part names, where it names them."""
    known = context.vocabulary.engines
    if part.engine and part.engines:
        context.diagnostics.add((*path, "engine"), "both `engine` and `engines` are given", "Remove one of them")
    if part is context.manifest.defaults:
        _check_seeds(context, (*path, "seeds"))
    named = [((*path, "engines", index), name) for index, name in enumerate(part.engines or ())]
    named += [((*path, "engine"), part.engine)] if part.engine and not part.engines else []
    if not named and path != _DEFAULTS and not engine_names(context.manifest.defaults):
        named = [((*_DEFAULTS, "engine"), context.vocabulary.default_engine)]
    for index, (place, name) in enumerate(named):
        if name not in known:
            context.diagnostics.add(place, f"there is no engine {name!r}", did_you_mean(name, known))
        elif name in [other for _, other in named[:index]]:
            context.diagnostics.add(place, f"{name} occurs twice", "Remove one of them")


def _check_names_of_parts(
    context: ManifestContext, path: FieldPath, part: SongFile | DefaultsFile, names: tuple[str, ...]
) -> None:
    """Check that seeds by engine name the song's engines, and settings that no engine has are told."""
    if isinstance(part.seeds, Mapping):
        for name in part.seeds:
            if name not in names:
                context.diagnostics.add((*path, "seeds", name), f"{name!r} is not an engine of it", _one_of(names))
    if not all(name in context.vocabulary.engines for name in names):
        return
    for name, value in part.settings.items():
        place = (*path, "settings", name)
        if name not in context.vocabulary.engines:
            _check_setting(context, place, name, names)
        elif name not in names and path != _DEFAULTS:
            problem = f"{name} is not an engine of the song, which has {' and '.join(names)}"
            context.diagnostics.add(place, problem, f"Remove it, or write `engines: [{', '.join((*names, name))}]`")
        elif not isinstance(value, Mapping):
            remedy = f"Write {name}: {{…}} with the settings of {name} in it"
            context.diagnostics.add(place, f"the settings of {name} are not a mapping", remedy)
        else:
            for setting in value:
                _check_setting(context, (*place, setting), setting, (name,))


def _check_setting(context: ManifestContext, place: FieldPath, setting: str, names: tuple[str, ...]) -> None:
    """Report a setting that none of the engines ``names`` has, and which other engine has it."""
    fields = sorted({field for name in names for field in _fields(context, name)})
    if setting in fields:
        return
    owners = [engine for engine in context.vocabulary.engines if setting in _fields(context, engine)]
    alone = names[0] if len(names) == 1 else ""
    what = (
        f"{alone} has no setting {setting!r}" if alone else f"neither {' nor '.join(names)} has a setting {setting!r}"
    )
    if owners:
        what = f"{what}; {' and '.join(owners)} {'has' if len(owners) == 1 else 'have'}"
    remedy = "Remove it" if owners else did_you_mean(setting, fields, otherwise="" if fields else "Remove it")
    context.diagnostics.add(place, what, remedy)


class _Setting(NamedTuple):
    """A setting as it is written, and the path to it under ``settings``."""

    value: Json
    path: tuple[str, ...]


def _settings(
    context: ManifestContext, path: FieldPath, song: SongFile, engine: str, names: tuple[str, ...]
) -> dict[str, Json]:
    """An engine's settings with all its defaults; the defaults' settings apply to songs that use the same engine, those
    under its name wherever a song has it."""
    model = context.vocabulary.engines.get(engine)
    if model is None:
        return {}
    defaults = context.manifest.defaults
    default_names = engine_names(defaults) or (context.vocabulary.default_engine,)
    shared = _written(defaults.settings, engine, default_names, context)
    own = _written(song.settings, engine, names, context)
    try:
        return check(model, _read(context, model, shared, own, path)).model_dump(mode="json")
    except ValidationError as error:
        errors = error.errors(include_url=False)
    for detail in errors:
        is_shared = bool(detail["loc"]) and detail["loc"][0] in shared and detail["loc"][0] not in own
        detail["loc"] = _place(_DEFAULTS if is_shared else path, shared if is_shared else own, detail["loc"])
    context.diagnostics.add_errors(errors, known=model.model_fields)
    return {}


def _read(
    context: ManifestContext,
    model: type[BaseModel],
    shared: Mapping[str, _Setting],
    own: Mapping[str, _Setting],
    path: FieldPath = _DEFAULTS,
) -> dict[str, Json]:
    """The values of the defaults' settings and of a song's own, with the content of the files that they name."""

    def place(name: str) -> FieldPath:
        return _place(path, own, (name,)) if name in own else _place(_DEFAULTS, shared, (name,))

    values = {name: setting.value for name, setting in {**shared, **own}.items()}
    return with_files(context, model, values, place)


def _written(
    settings: Mapping[str, Json], engine: str, names: tuple[str, ...], context: ManifestContext
) -> dict[str, _Setting]:
    """The settings that concern an engine: where it is one of ``names``, those of its fields; and those under its
    name, which count before the others."""
    fields = _fields(context, engine)
    shared = settings if engine in names else {}
    own = settings.get(engine)
    named = own if isinstance(own, Mapping) else {}
    written = {name: _Setting(value, (name,)) for name, value in shared.items() if name in fields}
    return written | {name: _Setting(value, (engine, name)) for name, value in named.items() if name in fields}


def _place(path: FieldPath, written: Mapping[str, _Setting], loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The path in the manifest of a location in an engine's settings."""
    setting = written.get(str(loc[0])) if loc else None
    return (*path, "settings", *(setting.path if setting else loc[:1]), *loc[1:])


def _fields(context: ManifestContext, engine: str) -> Mapping[str, object]:
    model = context.vocabulary.engines.get(engine)
    return model.model_fields if model else {}


def _check_enough(context: ManifestContext, path: FieldPath, song: SongFile, choices: tuple[EngineChoice, ...]) -> None:
    """Warn where there are too few seeds for the selection, and report seeds that grow too large."""
    at = (*path, "seeds") if song.seeds else (*_DEFAULTS, "seeds")
    for seeds in dict.fromkeys(choice.seeds for choice in choices):
        if seeds[-1] > MAX_SEED:
            context.diagnostics.add(at, f"the last seed would be {seeds[-1]}, above {MAX_SEED}", "Start lower")
    count, least = sum(len(choice.seeds) for choice in choices), context.manifest.selection.min_candidates
    if count < least:
        message = f"{count} seeds give fewer candidates than selection.min_candidates asks for ({least})."
        is_written = song.seeds or context.manifest.defaults.seeds
        context.diagnostics.warn(at if is_written else path, f"{message} Add seeds or lower it.")


def _check_seeds(context: ManifestContext, path: FieldPath) -> None:
    """Report repeated seeds, as written, even in a list with other faults."""
    source = context.diagnostics.source
    for place in (path, *((*path, name) for name in source.fields_at(path))):
        seen: set[int] = set()
        for index, seed in _integers(source.list_at(place)):
            if seed in seen:
                at = context.diagnostics.place((*place, index))
                context.diagnostics.add(place, f"{seed} occurs twice", "Remove one of them", at=at)
            seen.add(seed)


def _integers(values: list[Json]) -> Iterator[tuple[int, int]]:
    for index, value in enumerate(values):
        if isinstance(value, int) and not isinstance(value, bool):
            yield index, value


def _one_of(names: tuple[str, ...]) -> str:
    return f"Use {' or '.join(names)}"
