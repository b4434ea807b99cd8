"""Settings of an engine that may name a file beside the manifest: the file's content takes the place of its name."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from catalog.common.digests import Json
from catalog.common.errors import InputError
from catalog.manifest.context import ManifestContext
from catalog.manifest.faults import FieldPath
from catalog.manifest.files import find_file, read_file

SUFFIX = ".toml"
DEEPEST = 12
LARGEST_INTEGER = 2**53


@dataclass(frozen=True, slots=True)
class SettingFile:
    """Marks a setting, in its annotation, that may name a TOML file of at most ``max_bytes``."""

    max_bytes: int


def with_files(
    context: ManifestContext, model: type[BaseModel], values: Mapping[str, Json], place: Callable[[str], FieldPath]
) -> dict[str, Json]:
    """``values`` of an engine's settings with the content of the files that they name.

    Faults of files are added at ``place`` of their setting, which is then left out.
    """
    read = dict(values)
    for name, field in model.model_fields.items():
        marks = [mark for mark in field.metadata if isinstance(mark, SettingFile)]
        value = values.get(name)
        if not marks or not isinstance(value, str) or not value.endswith(SUFFIX):
            continue
        try:
            read[name] = _content(context, value, marks[0].max_bytes)
        except InputError as error:
            context.diagnostics.add(place(name), error.what, error.remedy)
            del read[name]
    return read


def _content(context: ManifestContext, name: str, max_bytes: int) -> Json:
    data = read_file(find_file(context.folder, name, max_bytes=max_bytes), name)
    remedy = "Correct the file; it is TOML of texts, numbers, lists and tables"
    try:
        content = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        words = " ".join(str(error).split())[:200] if isinstance(error, ValueError) else "it is nested too deeply"
        raise InputError(f"{name!r} cannot be read: {words}", remedy=remedy) from error
    if not _is_plain(content, DEEPEST):
        raise InputError(f"{name!r} holds dates, numbers out of range or too many levels", remedy=remedy)
    return content


def _is_plain(value: object, depth: int) -> bool:
    """Whether a value is plain JSON, at most ``depth`` levels deep."""
    if isinstance(value, dict):
        return depth > 0 and all(_is_plain(each, depth - 1) for each in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_is_plain(each, depth - 1) for each in value)
    if isinstance(value, int):
        return abs(value) < LARGEST_INTEGER
    return isinstance(value, str) or (isinstance(value, float) and math.isfinite(value))
