"""Reads an album's manifest: returns the album with all defaults filled in, or raises every fault with its line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from catalog.album.album import NATIVE_STEMS, NONE, Album, Song
from catalog.album.document import manifest_document
from catalog.common.digests import Json
from catalog.common.errors import InputError, ManifestError, SonglineError
from catalog.common.slugs import slug
from catalog.common.text import did_you_mean, is_reserved
from catalog.manifest.context import ManifestContext, Vocabulary
from catalog.manifest.deliverables import check_deliverables, check_voiced
from catalog.manifest.faults import Fault, FieldPath, SourceLocation, manifest_error
from catalog.manifest.files import find_cover, find_reference, manifest_at, read_file, regular_file
from catalog.manifest.schema import ManifestFile
from catalog.manifest.songs import read_songs
from catalog.manifest.validation import Diagnostics, read_shape
from catalog.manifest.yaml.reader import MAX_MANIFEST_BYTES, read_source
from catalog.selection.decide import DEFAULT_FAMILIES

_NOBODY = frozenset(
    {"artist", "artist name", "your name", "your artist name", "unknown", "unknown artist", "various", "n/a", "na"}
    | {"none", "null", "tba", "tbd", "todo", "test", "untitled", "no artist", "name", "someone", "xxx", "-", "?"}
    | {"insert artist", "insert artist name", "insert name", "enter artist name", "band name", "your band", "my artist"}
    | {"example artist", "unnamed", "no name", "n.n.", "singer", "the artist", "artist here", "your artist"}
)
"""Placeholder names that are no artist. "Various Artists" is a valid name for a compilation."""

__all__ = ["Vocabulary", "load_manifest", "manifest_document", "manifest_json_schema"]


def load_manifest(path: Path, vocabulary: Vocabulary) -> Album:
    """The album that the manifest at ``path`` declares (YAML, or JSON where the name ends in .json).

    Warnings are finished lines in ``album.warnings``. Raises ManifestError with all faults in the order of lines.
    """
    path = manifest_at(path)
    source = read_source(path.name, _manifest_bytes(path))
    diagnostics = Diagnostics(source)
    manifest = read_shape(diagnostics)
    if manifest is None:
        raise manifest_error(diagnostics.faults, _titles(source.data), omitted=diagnostics.unworded)
    setting = ManifestContext(manifest=manifest, vocabulary=vocabulary, folder=path.parent, diagnostics=diagnostics)
    songs = read_songs(setting)
    cover = _cover(setting)
    reference = _mastering_reference(setting)
    _check_id(setting)
    _check_artist(setting)
    _check_selection(setting)
    _check_delivery(setting)
    _check_native_stems(setting, songs)
    _check_licences(setting)
    if diagnostics.faults:
        raise manifest_error(diagnostics.faults, _titles(source.data), omitted=diagnostics.unworded)
    return replace(
        _album(manifest, songs=songs, cover=cover, diagnostics=diagnostics),
        mastering_reference=reference[0],
        mastering_reference_digest=reference[1],
    )


def _titles(data: Json) -> dict[str, str]:
    """The titles of the songs by their path, from a manifest that may be invalid."""
    songs = data.get("songs") if isinstance(data, dict) else None
    numbered_songs = enumerate(songs if isinstance(songs, list) else [])
    titles = {f"songs[{number}]": song.get("title") for number, song in numbered_songs if isinstance(song, dict)}
    return {path: title[:200] for path, title in titles.items() if isinstance(title, str) and title.strip()}


def _manifest_bytes(path: Path) -> bytes:
    try:
        return read_file(regular_file(path, path.name, max_bytes=MAX_MANIFEST_BYTES), path.name)
    except InputError as error:
        raise ManifestError(
            [str(Fault(SourceLocation(path.name or str(path), None), "", error.what, error.remedy))]
        ) from error


def _cover(context: ManifestContext) -> Path | None:
    name = context.manifest.album.cover
    if name is None:
        return None
    try:
        path, cover = find_cover(context.folder, name)
        for remark in context.vocabulary.cover_remarks(cover):
            context.diagnostics.warn(("album", "cover"), remark)
        return path
    except InputError as error:
        context.diagnostics.add(("album", "cover"), error.what, error.remedy)
        return None


def _mastering_reference(context: ManifestContext) -> tuple[Path, str] | tuple[None, None]:
    """The reference track for mastering, and its digest."""
    name = context.manifest.mastering.reference
    if name is None:
        return None, None
    try:
        path, digest = find_reference(context.folder, name)
        context.vocabulary.hear_reference(path, digest)
        return path, digest
    except SonglineError as error:
        context.diagnostics.add(("mastering", "reference"), error.what, error.remedy)
        return None, None


def _check_id(context: ManifestContext) -> None:
    """Checks that an id made from the title is valid on every system: it also names the release's folder."""
    album = context.manifest.album
    album_id = slug(album.title, fallback="album")
    if album.id is None and is_reserved(album_id):
        problem = f"the id {album_id!r}, made from the title, is the name of a device on Windows"
        context.diagnostics.add(("album", "title"), problem, "Write an id, such as `id: the-album`")


def _check_artist(context: ManifestContext) -> None:
    """Checks the artist: shops reject placeholder names."""
    artist = context.manifest.album.artist
    if " ".join(artist.casefold().strip("<>[]{}() ").split()) in _NOBODY:
        context.diagnostics.warn(("album", "artist"), f"{artist!r} names no artist; shops refuse such names.")


def _check_selection(context: ManifestContext) -> None:
    """Checks that the written gates and weights name known metrics; the policy's own defaults are not checked."""
    metrics = context.vocabulary.metrics
    for index, name in enumerate(context.diagnostics.source.list_at(("selection", "metrics"))):
        if isinstance(name, str):
            _check_ranked(context, index, name)
    for block in ("gates", "weights"):
        for name in context.diagnostics.source.fields_at(("selection", block)):
            path = ("selection", block, name)
            if name not in metrics:
                context.diagnostics.add(path, f"there is no metric {name!r}", did_you_mean(name, metrics))
            elif block == "weights" and metrics[name].direction == "none":
                problem = f"neither more nor less {name} is better, so it cannot be weighted"
                context.diagnostics.add(path, problem, "Remove it, or make it a gate")


def _check_ranked(context: ManifestContext, index: int, name: str) -> None:
    """Checks a metric that a family is made of."""
    path: FieldPath = ("selection", "metrics", index)
    metrics = context.vocabulary.metrics
    if name not in metrics:
        context.diagnostics.add(path, f"there is no metric {name!r}", did_you_mean(name, metrics))
    elif metrics[name].direction == "none" or metrics[name].family not in DEFAULT_FAMILIES:
        problem = f"{name} gates but does not rank"
        context.diagnostics.add(path, problem, "Remove it, or make it a gate")
    elif name in context.diagnostics.source.list_at(path[:-1])[:index]:
        context.diagnostics.add(path, f"{name} occurs twice", "Remove one of them")


def _check_licences(context: ManifestContext) -> None:
    """Checks that each model has one licence agreement."""
    models = [licence.model for licence in context.manifest.licences]
    for index, model in enumerate(models):
        if model in models[:index]:
            context.diagnostics.add(("licences", index), f"{model} occurs twice", "Remove one of them")


def _check_delivery(context: ManifestContext) -> None:
    manifest, vocabulary, diagnostics = context.manifest, context.vocabulary, context.diagnostics
    if manifest.stems not in vocabulary.stems:
        problem = f"there is no separation model {manifest.stems!r}"
        diagnostics.add(("stems",), problem, did_you_mean(manifest.stems, vocabulary.stems))
    for index, name in enumerate(manifest.mastering.waive):
        if vocabulary.checks and name not in vocabulary.waivable:
            problem = f"there is no check {name!r}"
            known_names = vocabulary.waivable if "." in name else sorted(vocabulary.checks)
            diagnostics.add(("mastering", "waive", index), problem, did_you_mean(name, known_names))
    if manifest.enhance not in (NONE, *vocabulary.enhancers):
        problem = f"there is no enhancement {manifest.enhance!r}"
        diagnostics.add(("enhance",), problem, did_you_mean(manifest.enhance, [NONE, *sorted(vocabulary.enhancers)]))
    if manifest.two_stems and manifest.stems in (NONE, NATIVE_STEMS):
        problem = f"`two_stems` is for a separation model, and `stems` is {manifest.stems}"
        diagnostics.add(("two_stems",), problem, "Name a model under `stems`, or leave `two_stems` out")
    if "deliverables" in manifest.model_fields_set:
        check_deliverables(diagnostics, (), manifest.deliverables, vocabulary)
    check_voiced(diagnostics, (), manifest.deliverables, manifest, vocabulary)


def _check_native_stems(context: ManifestContext, songs: Sequence[Song]) -> None:
    """Reports one fault for all songs, since one line fixes it."""
    if context.manifest.stems != NATIVE_STEMS:
        return
    stemless = {
        song.id: names
        for song in songs
        if (names := [choice.engine for choice in song.engines if choice.engine in context.vocabulary.stemless])
    }
    stemless_songs = [song for song in songs if song.id in stemless]
    if not stemless_songs:
        return
    engines = ", ".join(dict.fromkeys(name for names in stemless.values() for name in names))
    titles = "every song" if len(stemless_songs) == len(songs) else ", ".join(song.title for song in stemless_songs)
    problem = f"native asks for the engine's own stems, and {engines} gives none ({titles})"
    context.diagnostics.add(("stems",), problem, "Write `stems: none`, or name a separation model")


def _album(manifest: ManifestFile, *, songs: tuple[Song, ...], cover: Path | None, diagnostics: Diagnostics) -> Album:
    return Album(
        id=manifest.album.id or slug(manifest.album.title, fallback="album"),
        title=manifest.album.title,
        artist=manifest.album.artist,
        year=manifest.album.year,
        genre=manifest.album.genre,
        cover=cover,
        commercial=manifest.commercial,
        release=manifest.release,
        songs=songs,
        selection=manifest.selection,
        mastering=manifest.mastering,
        stems=manifest.stems,
        deliverables=tuple(manifest.deliverables),
        licences={licence.model: licence.agreement for licence in manifest.licences},
        reference_check=manifest.reference_check,
        upc=manifest.album.upc,
        label=manifest.album.label,
        enhance=manifest.enhance,
        two_stems=manifest.two_stems,
        wav_tags=manifest.wav.tags,
        rate=manifest.rate,
        warnings=diagnostics.warning_lines(),
        hints=diagnostics.hint_lines(),
    )


def manifest_json_schema(vocabulary: Vocabulary) -> dict[str, Json]:
    """JSON Schema (2020-12) of a manifest, with the names of this installation as enumerations."""
    schema = ManifestFile.model_json_schema()
    parts, fields = schema["$defs"], schema["properties"]
    for name in ("DefaultsFile", "SongFile"):
        parts[name]["properties"]["engine"]["anyOf"][0]["enum"] = sorted(vocabulary.engines)
        names = parts[name]["properties"]["engines"]["anyOf"][0]
        names |= {"items": {"enum": sorted(vocabulary.engines)}, "uniqueItems": True}
        parts[name]["properties"]["settings"] |= _settings_schema(vocabulary, parts)
    policy = parts["Policy"]["properties"]
    policy["gates"]["propertyNames"] = {"enum": sorted(vocabulary.metrics)}
    policy["weights"]["propertyNames"] = {"enum": vocabulary.weighable}
    policy["metrics"]["items"]["enum"] = vocabulary.ranking
    fields["stems"]["enum"] = vocabulary.stems
    parts["MasteringSpec"]["properties"]["waive"]["items"]["enum"] = vocabulary.waivable
    fields["enhance"]["enum"] = [NONE, *sorted(vocabulary.enhancers)]
    for deliverables in (fields["deliverables"], parts["SongFile"]["properties"]["deliverables"]["anyOf"][0]):
        deliverables["items"]["enum"] = sorted(vocabulary.deliverables)
        deliverables["uniqueItems"] = True
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Songline album manifest"}
    return head | {name: _for_readers(part) for name, part in schema.items() if name != "title"}


def _for_readers(part: Json) -> Json:
    """A part of the schema with its descriptions, which are docstrings, reformatted for an editor."""
    if isinstance(part, dict):
        return {
            name: re.sub(r"(?<!\n)\n(?!\n)", " ", value.replace("``", "`"))
            if name == "description" and isinstance(value, str)
            else _for_readers(value)
            for name, value in part.items()
        }
    return [_for_readers(value) for value in part] if isinstance(part, list) else part


def _settings_schema(vocabulary: Vocabulary, parts: dict[str, Json]) -> dict[str, Json]:
    """The settings of every engine, and of several at once; their definitions are merged into those of the manifest."""
    choices = []
    for name, model in sorted(vocabulary.engines.items()):
        settings = model.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
        parts.update({f"{name}.{part}": body for part, body in settings.pop("$defs", {}).items()})
        settings.pop("required", None)  # a required setting may be in the defaults or in the song
        choices.append(settings | {"title": f"settings of {name}"})
    fields = {field for choice in choices for field in choice["properties"]}
    forms = {
        field: [choice["properties"][field] for choice in choices if field in choice["properties"]] for field in fields
    }
    several = {
        "type": "object",
        "title": "settings of several engines",
        "properties": {field: {"anyOf": forms[field]} for field in sorted(fields)}
        | dict(zip(sorted(vocabulary.engines), choices, strict=True)),
        "additionalProperties": False,
    }
    return {"anyOf": [*choices, several]}
