"""A store's records of a model, as JSON: what is installed, and the pins that outlast it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catalog.common.errors import MachineError, remedy_of_writing
from catalog.files.permissions import file_mode_in
from catalog.files.whole_file import write_whole
from catalog.models.spec import AdapterFacts, FilePath, Licence, ModelFile, ModelSpec, Name, Role, Sha256
from db.files.regular_file import read_regular

Words = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,300}$")]
FolderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


MAX_RECORD_BYTES = 16 << 20


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The document in a file; None where there is none, or it cannot be parsed."""
        try:
            return cls.model_validate_json(read_regular(path, max_bytes=MAX_RECORD_BYTES))
        except (OSError, ValidationError):
            return None

    def write(self, path: Path) -> None:
        """Write it atomically and durably."""
        text = self.model_dump_json(indent=2, exclude_none=True) + "\n"
        write_whole(path, text.encode(), mode=file_mode_in(path.parent))


class FileRecord(_Document):
    """One installed file."""

    sha256: Sha256
    size_bytes: int = Field(ge=0)


class OwnModel(_Document):
    """The user's description of their own checkpoint or adapter."""

    like: Name
    title: Words
    roles: tuple[Role, ...]
    licence: Words
    licence_name: Words
    commercial: bool
    sentence: Words
    adapter: AdapterFacts | None = None

    def spec(self, name: str, files: Mapping[str, FileRecord]) -> ModelSpec:
        """The model that it describes; ``files`` are its files by their paths in it."""
        model_files = (
            ModelFile(path, path, size_bytes=kept.size_bytes, sha256=kept.sha256)
            for path, kept in sorted(files.items())
        )
        licence = Licence(self.licence, self.licence_name, self.commercial, self.sentence)
        return ModelSpec(name, self.title, self.roles, licence, tuple(model_files), self.like, self.adapter)


class Record(_Document):
    """The record of an installed model: written last, so that a model with a record is complete."""

    schema_version: Literal[1] = 1
    name: Name
    revision: Words
    folder: FolderName
    files: dict[FilePath, FileRecord] = Field(min_length=1)
    licence: str
    accepted_at: datetime
    installed_at: datetime
    origin: str
    own: OwnModel | None = None

    def own_spec(self) -> ModelSpec | None:
        """The model that the record itself describes, where it is the user's own."""
        return self.own.spec(self.name, self.files) if self.own else None


class Pins(_Document):
    """Data that is kept when a model is removed: the licence's acceptance, the digests of the first install, and the
    digest of an adapter, so that what was made with it still leads to its name."""

    licence: str = ""
    accepted_at: datetime | None = None
    revisions: dict[str, str] = Field(default_factory=dict, description="source → commit")
    digests: dict[FilePath, Sha256] = Field(default_factory=dict, description="path in the model → SHA-256")
    adapter: Sha256 | None = None


def cannot_write(folder: Path, error: OSError) -> MachineError:
    """The error for a store that cannot be written."""
    problem = f"the model store at {folder} cannot be written: {error.strerror or error}"
    return MachineError(problem, remedy=remedy_of_writing(error, "Point SONGLINE_MODELS to a folder you may write"))
