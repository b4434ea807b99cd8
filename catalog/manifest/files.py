"""The files that a manifest names: regular files inside its folder, of limited size.

A setting of an engine may name one, too: the content of a TOML file then takes the place of its name.
"""

from __future__ import annotations

import math
import stat
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from pydantic import BaseModel

from catalog.album.cover.cover import MAX_COVER_BYTES, Cover, read_cover_picture
from catalog.common.digests import Json, digest_file
from catalog.common.errors import InputError, ManifestError
from catalog.common.text import has_control
from catalog.files.confined import is_inside
from catalog.manifest.context import ManifestContext
from catalog.manifest.faults import FieldPath
from db.files.regular_file import open_regular

MANIFEST_SUFFIXES = (".yaml", ".yml", ".json")
MAX_REFERENCE_BYTES = 500 * 1024 * 1024
MAX_STYLE_BYTES = 64 * 1024
SETTING_SUFFIX = ".toml"
DEEPEST = 12
"""Levels of a setting's file."""

LARGEST_INTEGER = 2**53
_RELATIVE = "Write a path relative to the manifest, inside its folder"


def manifest_at(path: Path) -> Path:
    """The manifest at ``path``; for a folder, ``album.yaml`` in it, or its only YAML file.

    Raises ManifestError for a folder without a unique manifest.
    """
    if not path.is_dir():
        return path
    default_paths = [path / f"album{suffix}" for suffix in MANIFEST_SUFFIXES]
    if manifest := next((file for file in default_paths if file.is_file()), None):
        return manifest
    other_paths = sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml") and file.is_file())
    if len(other_paths) != 1:
        problem = (
            f"{path} is a folder with {len(other_paths)} manifests"
            if other_paths
            else f"{path} is a folder without a manifest"
        )
        names = ", ".join(file.name for file in other_paths[:5])
        raise ManifestError([f"{problem}. Name the manifest's file{f', one of {names}' if other_paths else ''}."])
    return other_paths[0]


def find_file(folder: Path, name: str, *, max_bytes: int) -> Path:
    """The regular file ``name`` in ``folder``, with links resolved.

    Raises InputError where it is absolute, leads outside (also through links), is missing, not a regular file or
    larger than ``max_bytes``.
    """
    if has_control(name):
        raise InputError(f"{name[:60]!r} holds a control character", remedy="Remove it")
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or name.startswith(("\\", "~")):
        raise InputError(f"{name!r} is an absolute path", remedy=_RELATIVE)
    root = folder.resolve()
    if not is_inside(root / name, root, if_link_loop=True):  # a link loop is reported as missing
        raise InputError(f"{name!r} lies outside the manifest's folder", remedy=_RELATIVE)
    return regular_file(root / name, name, max_bytes=max_bytes)


def regular_file(path: Path, name: str, *, max_bytes: int) -> Path:
    """The file at ``path`` with links resolved; raises InputError, naming it ``name``, where there is none."""
    try:
        path = path.resolve(strict=True)
        facts = path.stat()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{name!r} is not there", remedy="Put the file there or correct the path") from error
    if not stat.S_ISREG(facts.st_mode):
        raise InputError(f"{name!r} is not a regular file", remedy="Name a file")
    if facts.st_size > max_bytes:
        raise InputError(f"{name!r} has {facts.st_size} bytes, more than {max_bytes}", remedy="Use a smaller file")
    return path


def read_file(path: Path, name: str) -> bytes:
    """The bytes of a file. Raises InputError where it cannot be read."""
    try:
        with open_regular(path) as file:
            return file.read()
    except OSError as error:
        raise _unreadable(name, error) from error


def find_reference(folder: Path, name: str) -> tuple[Path, str]:
    """A reference's path and the digest of its bytes; the audio is not decoded here."""
    return _digested(folder, name, max_bytes=MAX_REFERENCE_BYTES)


def find_style(folder: Path, name: str) -> tuple[Path, str]:
    """A style vector's path and the digest of its bytes."""
    return _digested(folder, name, max_bytes=MAX_STYLE_BYTES)


def _digested(folder: Path, name: str, *, max_bytes: int) -> tuple[Path, str]:
    path = find_file(folder, name, max_bytes=max_bytes)
    try:
        return path, digest_file(path)
    except OSError as error:
        raise _unreadable(name, error) from error


def find_cover(folder: Path, name: str) -> tuple[Path, Cover]:
    """A cover's path and its parsed picture; raises InputError where it is not a complete JPEG or PNG."""
    path = find_file(folder, name, max_bytes=MAX_COVER_BYTES)
    return path, read_cover_picture(read_file(path, name))


def delivered_cover(path: Path) -> Cover:
    """The cover in a user's file: ``picture`` is used in releases and tags, without metadata.

    Raises InputError where the file is not a complete picture, or is missing.
    """
    return read_cover_picture(read_file(path, path.name))


def _unreadable(name: str, error: OSError) -> InputError:
    return InputError(f"{name!r} cannot be read: {error.strerror}", remedy="Check its permissions")


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
        if not marks or not isinstance(value, str) or not value.endswith(SETTING_SUFFIX):
            continue
        try:
            read[name] = _toml(context, value, marks[0].max_bytes)
        except InputError as error:
            context.diagnostics.add(place(name), error.what, error.remedy)
            del read[name]
    return read


def _toml(context: ManifestContext, name: str, max_bytes: int) -> Json:
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
