"""``sampler.json``: everything that a program needs to sample songs with the exported files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from catalog.common.errors import InputError, MachineError
from catalog.models.spec import Licence, Name, Sha256
from db.files.regular_file import read_regular

SAMPLER_FILE = "sampler.json"
NETWORK_FILE: Literal["dit.onnx"] = "dit.onnx"
WEIGHTS_FILE: Literal["dit.onnx.data"] = "dit.onnx.data"
DECODER_FILE: Literal["vae_decoder.onnx"] = "vae_decoder.onnx"
CHECK_FILE: Literal["check.npz"] = "check.npz"
README_FILE: Literal["README.md"] = "README.md"

FileName = Literal["dit.onnx", "dit.onnx.data", "vae_decoder.onnx", "check.npz", "README.md"]
Precision = Literal["float32", "float16"]
Buffers = Literal["float16", "exact"]

CHECKED_FILES: tuple[FileName, ...] = (NETWORK_FILE, WEIGHTS_FILE, DECODER_FILE, CHECK_FILE)
"""Files that every document names, with their digests: none is read whose digest is not stated."""

_MAX_BYTES = 1 << 20


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TensorEntry(_Entry):
    """An input or output: its element type and its shape, where a word is a size that the caller chooses."""

    dtype: str
    shape: tuple[int | str, ...]


class NetworkEntry(_Entry):
    """The network: one evaluation of one or more rows."""

    file: Literal["dit.onnx"] = NETWORK_FILE
    opset: int
    dtype: Precision = Field(description="Precision of the layers; inputs and output are float32 in both")
    buffers: Buffers = Field(description="Whether rotary and position tables are rounded through float16, or exact")
    inputs: dict[str, TensorEntry]
    outputs: dict[str, TensorEntry]
    max_frames: int = Field(description="The longest song of the network, frames")
    attention_bytes: int = Field(description="Memory of one layer's attention for one row of max_frames, bytes")


class DecoderEntry(_Entry):
    """The decoder, and the chunks in which the published pipeline decodes a song."""

    file: Literal["vae_decoder.onnx"] = DECODER_FILE
    opset: int
    inputs: dict[str, TensorEntry]
    outputs: dict[str, TensorEntry]
    sample_rate: int
    frame_samples: int
    chunk_frames: int
    hop_frames: int
    trim_frames: int


class SamplingEntry(_Entry):
    """Time grid and guidance as published; ``grid`` are flow times from 0 (noise) to 1."""

    steps: int
    sway: float
    grid: tuple[float, ...]
    cfg_strength: float
    guidance: str
    negative_style: tuple[float, ...]


class SourceEntry(_Entry):
    """A model that the files were made from; ``weight`` for an adapter, merged into the network."""

    role: Literal["network", "adapter", "decoder", "negative style"]
    name: Name
    revision: str
    digest: str
    weight: float | None = None


class LicenceEntry(_Entry):
    """The licence of one of the models."""

    model: str
    id: str
    name: str
    commercial: bool
    sentence: str
    url: str = ""

    @classmethod
    def of(cls, model: str, licence: Licence) -> LicenceEntry:
        """The entry of a model's licence."""
        return cls(
            model=model,
            id=licence.id,
            name=licence.name,
            commercial=licence.commercial,
            sentence=licence.sentence,
            url=licence.url,
        )


class FileEntry(_Entry):
    """One file of the folder."""

    sha256: Sha256
    size_bytes: int


class SamplerDocument(_Entry):
    """The whole document."""

    schema_version: Literal[1] = 1
    network: NetworkEntry
    decoder: DecoderEntry
    sampling: SamplingEntry
    made_from: tuple[SourceEntry, ...]
    commercial: bool = Field(description="Whether every licence allows commercial use")
    licences: tuple[LicenceEntry, ...]
    files: dict[FileName, FileEntry]

    @field_validator("made_from")
    @classmethod
    def _one_network(cls, sources: tuple[SourceEntry, ...]) -> tuple[SourceEntry, ...]:
        if sum(source.role == "network" for source in sources) != 1:
            raise ValueError("there is one network")
        return sources

    @field_validator("files")
    @classmethod
    def _all_files(cls, files: dict[FileName, FileEntry]) -> dict[FileName, FileEntry]:
        if missing := [name for name in CHECKED_FILES if name not in files]:
            raise ValueError(f"{missing[0]} is missing")
        return files

    def write(self, folder: Path) -> None:
        """Write it into a folder. Raises OSError."""
        (folder / SAMPLER_FILE).write_text(self.model_dump_json(indent=2, exclude_none=True) + "\n", "utf-8")

    def sources(self, role: str) -> tuple[SourceEntry, ...]:
        """The models of a role."""
        return tuple(source for source in self.made_from if source.role == role)


def read_document(folder: Path) -> SamplerDocument:
    """The document of an export. Raises InputError where the folder holds none, or one that is not Songline's."""
    path = folder / SAMPLER_FILE
    try:
        return SamplerDocument.model_validate_json(read_regular(path, max_bytes=_MAX_BYTES))
    except (FileNotFoundError, NotADirectoryError) as error:
        remedy = "Name a folder that `songline models export --out` has written"
        raise InputError(f"{folder} holds no {SAMPLER_FILE}", remedy=remedy) from error
    except OSError as error:
        raise MachineError(f"{path} cannot be read ({error.strerror or error})", remedy="Check the path") from error
    except ValidationError as error:
        place = ".".join(map(str, error.errors(include_url=False)[0]["loc"])) or "its JSON"
        raise InputError(f"{path} is not as Songline wrote it: {place}", remedy="Export the model again") from error
