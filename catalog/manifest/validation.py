"""Diagnostics of a manifest: its source, the faults so far, and the parts that are usable despite them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from catalog.album.mastering import Compression, Echo, Effects, Limiting, MasteringSpec, Reverb
from catalog.common.digests import Json
from catalog.manifest.faults import MAX_FAULTS, Fault, FieldPath, SourceLocation, dotted
from catalog.manifest.messages import describe
from catalog.manifest.schema import AlbumFile, CreditFile, DefaultsFile, ManifestFile, SongFile, WavFile
from catalog.manifest.yaml.reader import Source
from catalog.selection.album.settings import AlbumChoice
from catalog.selection.decide import Policy

Model = TypeVar("Model", bound=BaseModel)

_STAND_IN_SONG = {"title": "?"}
_STAND_IN_ALBUM = {"title": "?", "artist": "?"}
_FORMS = frozenset({"(list)", "(range)", "(engines)"})
_WORDED_AT_ONCE = 2 * MAX_FAULTS
"""Wording every one of many thousand faults would be slow, and only a few are shown."""


class Diagnostics:
    """Collects the faults and warnings of one manifest.

    ``bad`` are the paths that failed the structure checks: checks of names, files and totals report nothing more
    there.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.faults: list[Fault] = list(source.faults)
        self.warnings: list[tuple[SourceLocation, str]] = []
        self.hints: list[tuple[SourceLocation, str]] = []
        self.bad: set[FieldPath] = set(source.broken)
        self.unworded = 0

    def is_bad(self, path: FieldPath) -> bool:
        """Whether a structural fault covers ``path``."""
        return any(path[:length] in self.bad for length in range(len(path) + 1))

    def place(self, path: FieldPath) -> SourceLocation:
        """The line of ``path`` in the manifest."""
        return SourceLocation(self.source.name, self.source.spot(path).line)

    def add(self, path: FieldPath, what: str, remedy: str, *, at: SourceLocation | None = None) -> None:
        """Add a fault of ``path``; ``at`` where its location differs from the path's."""
        if not self.is_bad(path):
            self.faults.append(Fault(at or self.place(path), dotted(path), what, remedy))

    def warn(self, path: FieldPath, message: str, *, at: SourceLocation | None = None) -> None:
        """Add a warning, in finished sentences."""
        prefix = "" if at and at.file != self.source.name else f"{dotted(path)}: "
        self.warnings.append((at or self.place(path), f"{prefix}{message}"))

    def hint(self, path: FieldPath, message: str) -> None:
        """Add advice, in finished sentences."""
        self.hints.append((self.place(path), f"{dotted(path)}: {message}"))

    def warning_lines(self) -> tuple[str, ...]:
        """The warnings ordered by file and line, each once."""
        return _lines(self.warnings, "warnings")

    def hint_lines(self) -> tuple[str, ...]:
        """The hints ordered by file and line, each once."""
        return _lines(self.hints, "hints")

    def add_errors(self, errors: Iterable[ErrorDetails], *, known: Collection[str] | None = None) -> None:
        """Add Pydantic's errors; ``known`` are the valid fields there, if not the manifest's own.

        They are suggested in place of unknown ones, but not for entries of a list, which have other fields.
        """
        errors = list(errors)
        self.unworded += len(errors[_WORDED_AT_ONCE:])
        for error in errors[:_WORDED_AT_ONCE]:
            path = plain_path(error["loc"])
            names = known if known is not None else _fields_at(path[:-1])
            if known is not None and any(isinstance(part, int) for part in path[-2:-1]):
                names = ()
            self.add(path, *describe(error, names))
        self.bad.update(plain_path(error["loc"]) for error in errors)


def _lines(notes: Iterable[tuple[SourceLocation, str]], kind: str) -> tuple[str, ...]:
    """The notes as finished lines; those beyond the limit are counted in the last line."""
    ordered_notes = sorted(notes, key=lambda note: (note[0].order, note[0].line or 0))
    lines = list(dict.fromkeys(f"{place}: {message}" for place, message in ordered_notes))
    if len(lines) > MAX_FAULTS:
        lines[MAX_FAULTS:] = [f"{ordered_notes[0][0].file}: there are {len(lines) - MAX_FAULTS} more {kind}."]
    return tuple(lines)


def plain_path(loc: Iterable[int | str]) -> FieldPath:
    """Pydantic's location without the tags of the union of seed forms."""
    return tuple(step for step in loc if step not in _FORMS)


def read_shape(diagnostics: Diagnostics) -> ManifestFile | None:
    """The manifest's fields, checked; faulty ones are reported and replaced by their default or a stand-in.

    So the valid parts can be checked further and all faults reported together. None where nothing is usable.
    """
    data = diagnostics.source.data
    if not isinstance(data, dict):
        if not diagnostics.faults:
            diagnostics.add((), "the file holds no fields", "Write a manifest, or start with 'songline init'")
        return None
    try:
        return check(ManifestFile, data)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    diagnostics.add_errors(errors)
    return check(ManifestFile, corrected(data, [_unit(plain_path(error["loc"])) for error in errors], _stand_in))


def check(model: type[Model], data: Json) -> Model:
    """``data`` as ``model``, by the rules of JSON: an array may become a tuple, no other type is converted."""
    return model.model_validate_json(json.dumps(data))


def _unit(path: FieldPath) -> FieldPath:
    """The smallest part that can be removed: a field of the album, the defaults or a song, else a whole block."""
    depth = {"songs": 3, "album": 2, "defaults": 2}.get(str(path[0]), 1)
    return path[:depth]


def corrected(
    data: dict[str, Any], units: Iterable[FieldPath], stand_in_of: Callable[[FieldPath], Json]
) -> dict[str, Any]:
    """A copy of ``data`` without the faulty ``units``; those with a stand-in, which are required, get it."""
    corrected_data = copy.deepcopy(data)
    for unit in sorted(set(units), key=len, reverse=True):
        parent: Any = corrected_data
        for step in unit[:-1]:
            parent = parent[step]
        stand_in = stand_in_of(unit)
        if stand_in is not None:
            parent[unit[-1]] = stand_in
        else:
            parent.pop(unit[-1], None)
    return corrected_data


def _stand_in(unit: FieldPath) -> Json:
    match unit:
        case ("schema_version",):
            return 1
        case ("album",):
            return dict(_STAND_IN_ALBUM)
        case ("songs",):
            return [dict(_STAND_IN_SONG)]
        case ("songs", _):
            return dict(_STAND_IN_SONG)
        case ("album", ("title" | "artist") as name):
            return _STAND_IN_ALBUM[str(name)]
        case ("songs", _, "title"):
            return _STAND_IN_SONG["title"]
    return None


def _fields_at(path: FieldPath) -> Collection[str]:
    """The names of the valid fields at ``path``."""
    models: dict[FieldPath, type[BaseModel]] = {
        (): ManifestFile,
        ("album",): AlbumFile,
        ("defaults",): DefaultsFile,
        ("selection",): Policy,
        ("selection", "album"): AlbumChoice,
        ("wav",): WavFile,
        ("mastering",): MasteringSpec,
        ("mastering", "compression"): Compression,
        ("mastering", "limiter"): Limiting,
        ("mastering", "effects"): Effects,
        ("mastering", "effects", "reverb"): Reverb,
        ("mastering", "effects", "echo"): Echo,
    }
    song_models: dict[FieldPath, type[BaseModel]] = {(): SongFile, ("credits",): CreditFile}
    song_path = tuple(step for step in path[2:] if not isinstance(step, int))
    model = song_models.get(song_path) if path[:1] == ("songs",) and len(path) > 1 else models.get(path)
    return model.model_fields if model else ()
