"""Model specifications: the sources of their files, their digests and sizes, and their licence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Literal

from pydantic import Field

from catalog.common.errors import InputError, RefusedError
from catalog.common.text import did_you_mean

WEIGHT_SUFFIXES = frozenset({".pt", ".pth", ".ckpt", ".bin", ".safetensors"})
COMMIT = re.compile(r"[0-9a-f]{40}")

# Names become folders and paths become files in them, so both are restricted: no "..", no hidden names.
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
FilePath = Annotated[
    str, Field(pattern=r"^(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}/){0,4}[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
GitBlob = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
RepoName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)?$")]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


class Role(StrEnum):
    """The purpose of a model for a song."""

    GENERATES = "generates"
    CONDITIONS = "conditions"
    JUDGES = "judges"
    SEPARATES = "separates"
    READS = "reads"


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence by its id, whether it allows commercial use without an agreement, and its summary."""

    id: str
    name: str
    commercial: bool
    sentence: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A repository at a revision (a commit, or a branch): on the model hub, or raw files under ``base``; or a Python
    package at a version."""

    kind: Literal["hub", "raw", "package"]
    repo: str
    revision: str
    base: str = ""

    @property
    def key(self) -> str:
        """The repository's name, unique in all sources."""
        return f"{self.kind}:{self.repo}"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model. ``size_bytes`` and digests are None where they are unknown beforehand.

    ``path`` is its path in the model, ``origin`` that in its source. ``others`` are further names (path, origin)
    under which the same content may be available; the digests are those of ``path`` only. ``about_bytes`` is an
    estimate.
    """

    path: str
    origin: str
    source: Source | None = None
    size_bytes: int | None = None
    about_bytes: int = 0
    sha256: str | None = None
    git_blob: str | None = None
    others: tuple[tuple[str, str], ...] = ()
    optional: bool = False

    @property
    def ways(self) -> tuple[ModelFile, ...]:
        """The file under each of its names, the preferred first."""
        other_files = (
            ModelFile(path, origin, self.source, about_bytes=self.about_bytes, optional=self.optional)
            for path, origin in self.others
        )
        return (self, *other_files)


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """What is known of a LoRA adapter without reading it.

    ``digest`` identifies its content, whatever files it came in. ``base`` names the network it belongs to;
    ``base_digest`` (of that network's files) and ``rope`` (the rounding of its position tables) are those it was
    trained with, None where its maker did not state them.
    """

    digest: Sha256
    base: Name
    rank: int
    base_digest: Sha256 | None = None
    rope: Literal["float16", "exact"] | None = None


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model of the table, or one of the user's own: ``like`` names the built-in one that it replaces, or that it
    adapts where it is an ``adapter``."""

    name: str
    title: str
    roles: tuple[Role, ...]
    licence: Licence
    files: tuple[ModelFile, ...]
    like: str | None = None
    adapter: AdapterFacts | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources of its files, each once."""
        return tuple(dict.fromkeys(file.source for file in self.files if file.source is not None))

    @property
    def package(self) -> str | None:
        """The Python package that brings it, where one does: such a model is never in the store of models."""
        return next((source.repo for source in self.sources if source.kind == "package"), None)

    @property
    def packaged_version(self) -> str | None:
        """The version of that package, None where it is not installed."""
        try:
            return version(self.package) if self.package else None
        except PackageNotFoundError:
            return None

    @property
    def about_bytes(self) -> int:
        """Its approximate size."""
        return sum(file.size_bytes or file.about_bytes for file in self.files)


@dataclass(frozen=True, slots=True)
class RefusedModel:
    """A published model that Songline knows and does not accept: by name, and by digest where that is known."""

    names: tuple[str, ...]
    sha256: str | None
    why: str
    instead: str

    def error(self, name: str) -> RefusedError:
        """The refusal of ``name`` (a name or a file)."""
        return RefusedError(f"{name} is refused: {self.why}", remedy=f"Use {self.instead}")


@dataclass(frozen=True, slots=True)
class ModelTable:
    """Every known model by name, every known licence by id, and the refused models."""

    models: Mapping[str, ModelSpec]
    licences: Mapping[str, Licence]
    refused: tuple[RefusedModel, ...]

    def spec(self, name: str) -> ModelSpec:
        """The model of that name. Raises RefusedError for a refused one, InputError for an unknown one."""
        if name in self.models:
            return self.models[name]
        self.refuse_name(name)
        raise InputError(f"there is no model {name[:80]!r}", remedy=did_you_mean(name, self.models))

    def licence(self, licence_id: str) -> Licence | None:
        """The known licence of that id in any case, as SPDX compares ids; None for one that is not in the table."""
        by_id = {known_id.casefold(): licence for known_id, licence in self.licences.items()}
        return by_id.get(licence_id.casefold())

    def refuse_name(self, name: str) -> None:
        """Raises RefusedError where ``name`` is that of a refused model."""
        for model in self.refused:
            if name.casefold() in (known_name.casefold() for known_name in model.names):
                raise model.error(name)

    def refuse_digest(self, sha256: str, name: str) -> None:
        """Raises RefusedError where ``sha256`` is that of a refused model; ``name`` names the file."""
        for model in self.refused:
            if sha256 == model.sha256:
                raise model.error(f"{name} is {model.names[0]} and")
