"""The structure of a training's manifest: checked against the schema, with faulty parts reported and replaced."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import ValidationError

from catalog.common.digests import Json
from catalog.manifest.faults import MAX_FAULTS, FieldPath
from catalog.manifest.messages import describe
from catalog.manifest.validation import Diagnostics, check, corrected
from catalog.training.schema import FORMS, MODELS, TrainingFile, TrainingSongFile

MOST_WORDED = 2 * MAX_FAULTS
"""Faults that are put into words: wording every one of many thousand would be slow."""

_STAND_IN_SONG: dict[str, Json] = {"audio": "?"}


def read_training_shape(diagnostics: Diagnostics) -> TrainingFile | None:
    """The fields of a training's manifest; faulty ones are reported and replaced by their default or a stand-in.

    None where nothing is usable.
    """
    data = diagnostics.source.data
    if not isinstance(data, dict):
        if not diagnostics.faults:
            diagnostics.add((), "the file holds no fields", "Write `rights` and `songs`")
        return None
    try:
        return check(TrainingFile, data)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    paths: list[FieldPath] = [tuple(step for step in detail["loc"] if step not in FORMS) for detail in errors]
    diagnostics.unworded += len(errors[MOST_WORDED:])
    for path, detail in zip(paths[:MOST_WORDED], errors, strict=False):
        diagnostics.add(path, *describe(detail, _fields_at(path[:-1])))
    diagnostics.bad.update(paths)
    return check(TrainingFile, corrected(data, map(_unit, paths), _stand_in))


def _fields_at(path: FieldPath) -> Collection[str]:
    """The names of the valid fields at ``path``."""
    if not path:
        return TrainingFile.model_fields
    if path[0] == "songs" and len(path) == 2:
        return TrainingSongFile.model_fields
    model = MODELS.get(str(path[0])) if len(path) == 1 else None
    return model.model_fields if model else ()


def _unit(path: FieldPath) -> FieldPath:
    """The smallest part that can be removed: a field of a song or of a block, else a whole block."""
    return path[: {"songs": 3, "training": 2, "previews": 2}.get(str(path[0]), 1)]


def _stand_in(unit: FieldPath) -> Json:
    match unit:
        case ("rights",):
            return "?"
        case ("songs",):
            return [dict(_STAND_IN_SONG)]
        case ("songs", _):
            return dict(_STAND_IN_SONG)
        case ("songs", _, "audio"):
            return _STAND_IN_SONG["audio"]
    return None
