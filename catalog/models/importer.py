"""Imports models from a folder, for machines without internet: another machine's store, or downloaded files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from catalog.common.digests import digest_file
from catalog.common.errors import InputError
from catalog.models.given_files import files_within
from catalog.models.install import Watch, copy_in, git_blob_id, install_session
from catalog.models.licences import not_accepted
from catalog.models.record import OwnModel, Record
from catalog.models.spec import WEIGHT_SUFFIXES, ModelFile, ModelSpec
from catalog.models.store import InstalledModel, ModelStore

MAX_FILES = 20_000
COMMON_NAMES = frozenset({"config.json", "pytorch_model.bin", "model.safetensors", "tokenizer.json"})
# The hub's own cache stores a file as models--OWNER--REPO/snapshots/COMMIT/FILE.
_HUB_CACHE = re.compile(r"(?:^|.*/)models--(?:[^/]+--)?([^/]+)/snapshots/[0-9a-f]+/(.+)")


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import: the models that are installed now, and the files found of incomplete models."""

    models: tuple[InstalledModel, ...]
    incomplete: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A model in the folder: the path of each file, and the other machine's record."""

    spec: ModelSpec
    files: Mapping[ModelFile, Path]
    missing: tuple[str, ...] = ()
    revision: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    own: OwnModel | None = None


def import_folder(
    store: ModelStore,
    folder: Path,
    names: Sequence[str] = (),
    *,
    at: datetime,
    accept: bool = False,
    watch: Watch | None = None,
    examine: Callable[[ModelSpec, Path], None] = lambda _spec, _folder: None,
) -> Imported:
    """Install every model that is complete in ``folder``, or those named; each file is checked as in a pull.

    A file is recognised by its digest, by its path (``<model>/<file>``, ``<repository>/<file>``) or by a name that
    only one file has; in a folder of one named model the file's name is enough. ``examine`` may refuse a model by its
    files, in a folder of their own, before it is installed. Raises InputError where nothing is recognised or a named
    model is incomplete, LicenceRefused, RefusedError for a checkpoint that is not accepted.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder", remedy="Give the folder that holds the model files")
    files_within(folder, at_most=MAX_FILES)  # checks the folder before any file in it is read
    matches = _recorded(store, folder, names)
    matches = matches or _recognised(store, FoundFiles(folder), [store.spec(name) for name in names])
    complete_models, partial_models = (
        [match for match in matches if not match.missing],
        [match for match in matches if match.missing],
    )
    shortages = tuple(
        f"{match.spec.name} is not whole: {', '.join(match.missing)} not found" for match in partial_models
    )
    absences = tuple(f"{name} was not found" for name in names if name not in {match.spec.name for match in matches})
    if not complete_models or (names and (shortages or absences)):
        problem = "; ".join((*shortages, *absences)) or "no file of a known model is in it"
        raise InputError(f"{folder}: {problem}", remedy="Name the model, and put its files into a folder of its name")
    if unaccepted_specs := [match.spec for match in complete_models if not (accept or _is_accepted(store, match))]:
        raise not_accepted(unaccepted_specs, " ".join(["songline models import", str(folder), *names]))
    return Imported(
        tuple(_install(store, match, at=at, watch=watch or Watch(), examine=examine) for match in complete_models),
        shortages,
    )


class FoundFiles:
    """The files of a folder, by their path in it; digests are computed on demand, and once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sha256: dict[Path, str] = {}

    @cached_property
    def by_place(self) -> Mapping[str, Path]:
        """Every file by a path with forward slashes; the hub's cache appears as ``<repository>/<file>``."""
        files: dict[str, Path] = {}
        for path in files_within(self._folder, at_most=MAX_FILES):
            relative_path = path.relative_to(self._folder).as_posix()
            match = _HUB_CACHE.fullmatch(f"{self._folder.absolute().as_posix()}/{relative_path}")
            files[f"{match[1]}/{match[2]}" if match else relative_path] = path
        return files

    def sha256(self, path: Path) -> str:
        """The digest of one of the files."""
        if path not in self._sha256:
            self._sha256[path] = digest_file(path)
        return self._sha256[path]

    def by_digest(self, file: ModelFile) -> Path | None:
        """The file with the digest of ``file``; only files that could match are read."""
        suffix = Path(file.path).suffix
        for path in self.by_place.values():
            size = path.stat().st_size
            is_likely = size == file.size_bytes if file.size_bytes is not None else path.suffix == suffix
            if is_likely and file.sha256 is not None and self.sha256(path) == file.sha256:
                return path
            if is_likely and file.git_blob is not None and git_blob_id(path) == file.git_blob:
                return path
        return None

    def at(self, *places: str) -> Path | None:
        """The file whose path ends with one of ``places``, compared by whole path parts."""
        for place in places:
            for known_path, path in self.by_place.items():
                if f"/{self._folder.name}/{known_path}".endswith(f"/{place}"):
                    return path
        return None


def _recognised(store: ModelStore, found_files: FoundFiles, specs: Sequence[ModelSpec]) -> list[_Found]:
    for place, path in found_files.by_place.items():
        if path.suffix in WEIGHT_SUFFIXES:
            for folder in place.split("/")[:-1]:
                store.table.refuse_name(folder)
            store.table.refuse_digest(found_files.sha256(path), path.name)
    sought_specs = [spec for spec in specs or store.table.models.values() if spec.package is None]
    matches = [_pieces(spec, found_files, _own_names(store, spec, alone=len(specs) == 1)) for spec in sought_specs]
    return [pieces for pieces in matches if pieces.files]


def _pieces(spec: ModelSpec, found_files: FoundFiles, by_name: frozenset[str]) -> _Found:
    files: dict[ModelFile, Path] = {}
    missing_paths = []
    for file in spec.files:
        ways = ((way, _find(spec, way, found_files, by_name)) for way in file.ways)
        match = next(((way, path) for way, path in ways if path is not None), None)
        if match is not None:
            files[match[0]] = match[1]
        elif not file.optional:
            missing_paths.append(file.path)
    return _Found(spec, files, tuple(missing_paths))


def _find(spec: ModelSpec, file: ModelFile, found_files: FoundFiles, by_name: frozenset[str]) -> Path | None:
    places = [f"{spec.name}/{file.path}", *([file.path] if "/" in file.path else [])]
    if file.source is not None:
        places.append(f"{file.source.repo.rpartition('/')[2]}/{file.origin}")
    places += [file.path.rpartition("/")[2]] if file.path in by_name else []
    return found_files.by_digest(file) or found_files.at(*places)


def _own_names(store: ModelStore, spec: ModelSpec, *, alone: bool) -> frozenset[str]:
    """The paths of ``spec`` whose last part identifies the file: unique in all models, or in this one with ``alone``.

    A name that every repository of the hub has identifies nothing.
    """
    specs = [spec] if alone else list(store.table.models.values())
    names = [way.path.rpartition("/")[2] for other_spec in specs for file in other_spec.files for way in file.ways]
    own_paths = (way.path for file in spec.files for way in file.ways)
    return frozenset(path for path in own_paths if names.count(path.rpartition("/")[2]) == 1 and not _is_common(path))


def _is_common(path: str) -> bool:
    return path.rpartition("/")[2] in COMMON_NAMES


def _recorded(store: ModelStore, folder: Path, names: Sequence[str]) -> list[_Found]:
    """The models of another machine's store."""
    other_store = ModelStore(folder)
    matches = []
    for name in other_store.recorded():
        record = other_store.record(name)
        if record is not None and (not names or name in names):
            matches.append(_from_record(store, record, folder / name / record.folder))
    return matches


def _from_record(store: ModelStore, record: Record, folder: Path) -> _Found:
    own_spec = record.own_spec() if record.name not in store.table.models else None
    spec = own_spec or store.spec(record.name)
    ways = {way.path: way for file in spec.files for way in file.ways}
    files = {ways[path]: folder / path for path in record.files if path in ways and (folder / path).is_file()}
    present_paths = {way.path for way in files}
    missing_paths = (
        model_file.path
        for model_file in spec.files
        if not model_file.optional and not present_paths.intersection(way.path for way in model_file.ways)
    )
    digests = {path: file_record.sha256 for path, file_record in record.files.items()}
    return _Found(spec, files, tuple(missing_paths), record.revision, digests, record.own if own_spec else None)


def _is_accepted(store: ModelStore, match: _Found) -> bool:
    pins = store.held(match.spec.name)
    return pins.accepted_at is not None and pins.licence == match.spec.licence.id


def _install(
    store: ModelStore, match: _Found, *, at: datetime, watch: Watch, examine: Callable[[ModelSpec, Path], None]
) -> InstalledModel:
    name = match.spec.name
    with install_session(store, name, on_wait=lambda: watch.on_wait(name)) as session:
        session.accept(match.spec, at)
        if (installed_model := store.installed(name)) is not None and store.is_whole(name):
            return installed_model
        session.need_room(sum(path.stat().st_size for path in match.files.values()))
        records = {}
        for file, path in match.files.items():
            copy_in(path, session.place(file.path))
            records[file.path] = session.check(file, sha256=match.digests.get(file.path))
        examine(match.spec, session.staged)
        digests = {path: file.sha256 for path, file in records.items()}
        revision = match.revision or _revision_of(match.spec, digests)
        return session.finish(match.spec, records, revision=revision, origin="imported", at=at, own=match.own)


def _revision_of(spec: ModelSpec, digests: Mapping[str, str]) -> str:
    """The table's commit where its digests match; else the beginning of the first digest."""
    is_stated = all(file.sha256 is not None and digests.get(file.path) == file.sha256 for file in spec.files)
    if is_stated and len(spec.sources) == 1:
        return spec.sources[0].revision
    return f"sha256:{next(iter(digests.values()))[:12]}"
