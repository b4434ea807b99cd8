"""The table of models as TOML: the built-in one, merged with the installation's overlay."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catalog.common.errors import InputError
from catalog.models.spec import (
    FilePath,
    GitBlob,
    HttpUrl,
    Licence,
    ModelFile,
    ModelSpec,
    ModelTable,
    Name,
    RefusedModel,
    RepoName,
    Role,
    Sha256,
    Source,
)
from db.files.regular_file import open_regular

BUILT_IN = Path(__file__).with_name("models.toml")
MAX_TABLE_BYTES = 256 * 1024
MAX_DEPTH = 12
MAX_DOTS = 200
"""Maximum number of dots in one line: tomllib needs minutes for a key of thousands of parts."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Licence(_Part):
    name: str
    commercial: bool
    sentence: str
    url: str = ""


class _File(_Part):
    path: FilePath
    origin: FilePath | None = Field(None, alias="from")
    others: list[FilePath] = Field([], alias="or")
    size_bytes: int | None = Field(None, alias="bytes", ge=0)
    about_bytes: int = Field(0, ge=0)
    sha256: Sha256 | None = None
    git_blob: GitBlob | None = None
    optional: bool = False

    def placed(self, source: Source, folder: str) -> ModelFile:
        other_names = tuple((f"{folder}{name}", name) for name in self.others)
        return ModelFile(
            path=f"{folder}{self.path}",
            origin=self.origin or self.path,
            source=source,
            size_bytes=self.size_bytes,
            about_bytes=self.about_bytes,
            sha256=self.sha256,
            git_blob=self.git_blob,
            others=other_names,
            optional=self.optional,
        )


class _Source(_Part):
    kind: Literal["hub", "raw", "package"]
    repo: RepoName
    revision: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = "main"
    folder: FilePath | None = None
    files: list[_File] = Field(min_length=1)


class _Model(_Part):
    title: str
    roles: list[Annotated[Role, Field(strict=False)]] = Field(min_length=1)
    licence: str
    sources: list[_Source] = Field(min_length=1)


class _Refused(_Part):
    names: list[str]
    sha256: Sha256 | None = None
    why: str
    instead: str


class _Table(_Part):
    data_url: HttpUrl
    licences: dict[str, _Licence]
    models: dict[Name, _Model]
    refused: list[_Refused] = []


def read_table(overlay: Path | None = None) -> ModelTable:
    """The built-in table merged with ``overlay``. Raises InputError where the overlay is invalid."""
    return _read(overlay, overlay.stat().st_mtime_ns if overlay and overlay.is_file() else 0)


@lru_cache(maxsize=8)
def _read(overlay: Path | None, _changed_ns: int) -> ModelTable:
    document = _toml(BUILT_IN)
    if overlay is not None:
        document = _laid_over(document, _toml(overlay))
    try:
        return _built(_Table.model_validate(document))
    except ValidationError as fault:
        detail = fault.errors()[0]
        location = ".".join(map(str, detail["loc"]))
        raise InputError(f"{overlay}: {location}: {detail['msg']}", remedy="Correct the table of models") from fault


def _toml(path: Path) -> dict[str, Any]:
    try:
        with open_regular(path) as file:
            content = file.read(MAX_TABLE_BYTES + 1)
        if len(content) > MAX_TABLE_BYTES:
            raise ValueError(f"it has more than {MAX_TABLE_BYTES} bytes")
        if any(line.count(b".") > MAX_DOTS for line in content.splitlines()):
            raise ValueError(f"a line has more than {MAX_DOTS} dots")
        document = tomllib.loads(content.decode("utf-8"))
        if _is_deep(document):
            raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
        return document
    except (OSError, ValueError, RecursionError) as fault:
        reason = f"it is nested deeper than {MAX_DEPTH} levels" if isinstance(fault, RecursionError) else fault
        problem = f"the table of models {path} cannot be read: {reason}"
        raise InputError(problem, remedy="Correct SONGLINE_MODELS_TABLE, or the file it names") from fault


def _is_deep(document: dict[str, Any]) -> bool:
    """Whether tables and lists are nested more than :data:`MAX_DEPTH` levels deep."""
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
    return bool(level)


def _laid_over(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Merges tables down to a model's or a licence's fields; any other value above replaces the one below."""
    merged_table = dict(base)
    for key, value in overlay.items():
        is_table_in_both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged_table[key] = _laid_over(base[key], value) if is_table_in_both else value
    return merged_table


def _built(table: _Table) -> ModelTable:
    licences = {key: Licence(key, **licence.model_dump()) for key, licence in table.licences.items()}
    models = {name: _spec(name, model, licences, table.data_url) for name, model in table.models.items()}
    refused_models = tuple(
        RefusedModel(tuple(entry.names), entry.sha256, entry.why, entry.instead) for entry in table.refused
    )
    return ModelTable(models, licences, refused_models)


def _spec(name: str, model: _Model, licences: Mapping[str, Licence], data_url: str) -> ModelSpec:
    if model.licence not in licences:
        raise InputError(f"models.{name}: there is no licence {model.licence!r}", remedy="Describe it under licences")
    files = []
    for part in model.sources:
        base = data_url.rstrip("/") if part.kind == "raw" else ""
        source = Source(part.kind, part.repo, part.revision, base)
        files += [file.placed(source, f"{part.folder}/" if part.folder else "") for file in part.files]
    if len({way.path for file in files for way in file.ways}) < sum(len(file.ways) for file in files):
        raise InputError(f"models.{name}: two files have one path", remedy="Give each source a folder of its own")
    return ModelSpec(name, model.title, tuple(model.roles), licences[model.licence], tuple(files))
