"""The model store of this machine: which models are installed, where, and whether they are complete.

::

    models/<name>/
        record.json       what is installed; written last
        held.json         licence acceptance and first digests; stays when the model is removed
        <content>/…       the files, read-only
        partial/…         an interrupted download, to be continued
        lock              held during an install; readers never wait for it

Reading never writes, locks or uses the network: workers share the folder.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from catalog.common.digests import Json, digest_file, digest_value
from catalog.common.errors import InputError, ModelMissing, WorkError
from catalog.files.whole_file import sync
from catalog.models.file_type import file_is_no_model
from catalog.models.record import Pins, Record, cannot_write
from catalog.models.spec import ModelFile, ModelSpec, ModelTable
from catalog.models.table import read_table
from catalog.models.used import ModelUsed

RECORD, HELD, LOCK, PARTIAL = "record.json", "held.json", "lock", "partial"
SCHEME = "model/v1"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

Verdict = Literal["ok", "missing", "corrupt"]


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """An installed model: its ``folder``, and the SHA-256 of each file by its path in the model."""

    spec: ModelSpec
    folder: Path
    digests: Mapping[str, str]
    revision: str
    size_bytes: int

    def path(self, file: str) -> Path:
        """The path of a file of the model. Raises InputError for one that it does not have."""
        if file not in self.digests:
            problem = f"{self.spec.name} has no file {file[:80]!r}"
            raise InputError(problem, remedy=f"There are {', '.join(sorted(self.digests))}")
        return self.folder / file

    def has(self, file: str) -> bool:
        """Whether it has that file: optional ones, and alternatives by name, may be missing."""
        return file in self.digests

    def require_identity(self, planned: Json) -> None:
        """Raise WorkError where its files are not those that an album was ``planned`` with."""
        if self.identity != planned:
            raise WorkError(
                f"the files of {self.spec.name} here are not those that the album was planned with",
                remedy="Plan the album again, or bring this machine's models up to date",
            )

    @property
    def weights(self) -> Path:
        """The only file of a one-file model, whatever its suffix. Raises InputError where there are several."""
        if len(self.digests) != 1:
            raise InputError(f"{self.spec.name} has {len(self.digests)} files", remedy="Ask for one of them by name")
        return self.folder / next(iter(self.digests))

    @property
    def digest(self) -> str:
        """Its identity: the SHA-256 of its only file, or of all paths and digests; an adapter has one of its own."""
        return self.spec.adapter.digest if self.spec.adapter else content_digest(self.digests)

    @property
    def identity(self) -> dict[str, Json]:
        """Its identity as JSON, for work that depends on its files."""
        return {"name": self.spec.name, "digests": dict(self.digests)}

    @property
    def used(self) -> ModelUsed:
        """Its entry in lineage and release documents."""
        licence, adapts = self.spec.licence.id, self.spec.adapter.base if self.spec.adapter else None
        return ModelUsed(
            name=self.spec.name, revision=self.revision, licence=licence, digest=self.digest, adapts=adapts
        )


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """The result of reading one installed file."""

    path: str
    verdict: Verdict


def content_digest(digests: Mapping[str, str]) -> str:
    """The identity of a set of files given as path → SHA-256; for a single file, its own digest."""
    return next(iter(digests.values())) if len(digests) == 1 else digest_value(SCHEME, dict(digests))


class ModelStore:
    """The model folder of this machine. ``table`` is merged over the built-in table of models."""

    def __init__(self, folder: Path, table: Path | None = None) -> None:
        self.folder = folder
        self._overlay = table

    @cached_property
    def table(self) -> ModelTable:
        """The known models. Raises InputError where the overlay is invalid."""
        return read_table(self._overlay)

    def specs(self) -> Mapping[str, ModelSpec]:
        """Every model by name: those of the table, then the user's own."""
        own_specs = {name: spec for name in self.recorded() if (spec := self._own(name))}
        return {
            **self.table.models,
            **{name: spec for name, spec in own_specs.items() if name not in self.table.models},
        }

    def spec(self, name: str) -> ModelSpec:
        """One model. Raises RefusedError for a refused one, InputError with the nearest name for an unknown one."""
        if name not in self.table.models and (own_spec := self._own(name)):
            return own_spec
        return self.table.spec(name)

    def recorded(self) -> tuple[str, ...]:
        """The names of all models that have a record, in order."""
        return tuple(sorted(path.parent.name for path in self.folder.glob(f"*/{RECORD}")))

    def record(self, name: str) -> Record | None:
        """The record of a model, whether or not its files still match."""
        if not _NAME.fullmatch(name):
            return None
        record = Record.read(self.folder / name / RECORD)
        return record if record and record.name == name else None

    def held(self, name: str) -> Pins:
        """The pins of a model; empty for one that was never installed here."""
        return Pins.read(self.home(name) / HELD) or Pins()

    def home(self, name: str) -> Path:
        """The folder of a model. Raises InputError for an invalid name."""
        if not _NAME.fullmatch(name):
            problem = f"{name[:80]!r} cannot be the name of a model"
            raise InputError(problem, remedy="Use up to 64 small letters, digits, dots and hyphens")
        return self.folder / name

    def accepted(self, name: str) -> bool:
        """Whether the current licence of the model was accepted here."""
        pins = self.held(name)
        return pins.accepted_at is not None and pins.licence == self.spec(name).licence.id

    def installed(self, name: str) -> InstalledModel | None:
        """The model where it is installed and matches the table. Fast: reads the record and the sizes, no content."""
        record = self.record(name)
        if record is None:
            return None
        spec, folder = self.spec(name), self.folder / name / record.folder
        if not _is_wanted(spec, record) or not all(
            _size(folder / file_path) == entry.size_bytes for file_path, entry in record.files.items()
        ):
            return None
        if self.holds_no_model(name):
            return None
        digests = {path: file_record.sha256 for path, file_record in sorted(record.files.items())}
        size_bytes = sum(file_record.size_bytes for file_record in record.files.values())
        return InstalledModel(spec, folder, digests, record.revision, size_bytes)

    def holds_no_model(self, name: str) -> bool:
        """Whether a file of the record exists and cannot be a model file: a pointer, a web page, an empty file. Such
        a record is ignored, and its name is free."""
        record = self.record(name)
        files = [(self.folder / name / record.folder / path, path) for path in record.files] if record else []
        return any(_is_no_model(file, path) for file, path in files)

    def need(self, name: str) -> InstalledModel:
        """The model. Raises ModelMissing, whose remedy is the command that installs it."""
        return self.need_all([name])[0]

    def need_all(self, names: Iterable[str]) -> tuple[InstalledModel, ...]:
        """The models, in order. Raises one ModelMissing that names all missing ones."""
        unique_names = tuple(dict.fromkeys(names))
        pairs = [(name, self.installed(name)) for name in unique_names]
        missing_names = [self.spec(name).name for name, model in pairs if model is None]
        if missing_names:
            raise self._missing(missing_names)
        return tuple(model for _, model in pairs if model is not None)

    def models_used(self, name: str, *, digest: str | None = None) -> tuple[ModelUsed, ...]:
        """A model's entry in the lineage; with ``digest`` (of the recipe), that content, whether still installed or
        not."""
        installed_model = self.installed(name)
        if installed_model is not None and digest in (None, installed_model.digest):
            return (installed_model.used,)
        spec = self.table.models.get(name) or self._own(name)
        licence = spec.licence.id if spec else self.held(name).licence or "unknown"
        return (ModelUsed(name=name, revision=_revision_of(spec, digest), licence=licence, digest=digest),)

    def verify(self, name: str) -> tuple[FileVerdict, ...]:
        """Read and compare every byte of an installed model. Raises ModelMissing where it has no record."""
        record = self.record(name)
        if record is None:
            raise self._missing([self.spec(name).name])
        folder = self.folder / name / record.folder
        return tuple(
            FileVerdict(path, _verdict(folder / path, file_record.sha256))
            for path, file_record in sorted(record.files.items())
        )

    def is_whole(self, name: str) -> bool:
        """Whether every byte of an installed model is unchanged."""
        return all(verdict.verdict == "ok" for verdict in self.verify(name))

    def _own(self, name: str) -> ModelSpec | None:
        record = self.record(name)
        return record.own_spec() if record else None

    def _missing(self, names: list[str]) -> ModelMissing:
        return ModelMissing(_not_here(names), remedy=self._how_to_get(names), models=" ".join(names))

    def _how_to_get(self, missing: Iterable[str]) -> str:
        own_names = [name for name in missing if name not in self.table.models]
        table_names = [name for name in missing if name in self.table.models]
        commands = [f"`songline models pull {' '.join(table_names)}`"] if table_names else []
        commands += [f"`songline models remove {name}`, then add it again" for name in own_names]
        return "Run " + ", and ".join(commands)


def remove_model(home: Path, *, forget: bool) -> None:
    """Remove a model's files; ``forget`` also removes its pins. The caller holds its lock."""
    try:
        (home / RECORD).unlink(missing_ok=True)
        sync(home)
        for folder in [path for path in home.iterdir() if path.is_dir()]:
            shutil.rmtree(folder)
        if forget:
            (home / HELD).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(home, error) from error


def _is_wanted(spec: ModelSpec, record: Record) -> bool:
    """Whether a record has every file of the model, with the digests that the table states."""
    return all(file.optional or any(_is_kept(way, record) for way in file.ways) for file in spec.files)


def _is_kept(file: ModelFile, record: Record) -> bool:
    file_record = record.files.get(file.path)
    return file_record is not None and file.sha256 in (None, file_record.sha256)


def _is_no_model(file: Path, path: str) -> bool:
    try:
        return bool(file_is_no_model(file, path))
    except OSError:
        return False


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _verdict(path: Path, sha256: str) -> Verdict:
    try:
        return "ok" if digest_file(path) == sha256 else "corrupt"
    except FileNotFoundError:
        return "missing"
    except OSError:
        return "corrupt"


def _not_here(names: list[str]) -> str:
    is_one = len(names) == 1
    return f"the model {names[0]} is not installed" if is_one else f"the models {', '.join(names)} are not installed"


def _revision_of(spec: ModelSpec | None, digest: str | None) -> str:
    """The revision of content that is not installed: the table's if the digest is the table's, else the digest
    itself."""
    digests = {file.path: file.sha256 for file in spec.files if file.sha256} if spec else {}
    if spec and spec.sources and digest and len(digests) == len(spec.files) and content_digest(digests) == digest:
        return spec.sources[0].revision
    return f"sha256:{digest[:12]}" if digest else "unknown"
