"""Check an exported folder: files unchanged, valid ONNX, and outputs as torch gives them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from catalog.common.digests import digest_file
from catalog.common.errors import CheckFailed, SonglineError
from catalog.models.store import ModelStore
from tasks.engines.diffrhythm.export.arrays import read_arrays
from tasks.engines.diffrhythm.export.comparison import (
    Arrays,
    Difference,
    decoder_example,
    difference,
    network_example,
    torch_audio,
    torch_velocity,
)
from tasks.engines.diffrhythm.export.document import (
    DECODER_FILE,
    NETWORK_FILE,
    SamplerDocument,
    SourceEntry,
    read_document,
)
from tasks.engines.diffrhythm.export.modules import Velocity
from tasks.engines.diffrhythm.export.runtime import Session, declared
from tasks.engines.diffrhythm.export.sources import Sources, find_sources
from tasks.engines.diffrhythm.vae.vae import Vae

LIMITS_DB = {"float32": -90.0, "float16": -50.0}
"""The largest RMS error of one evaluation of the network, relative to torch in float32, by the layers' precision."""
DECODER_LIMIT_DB = -100.0

_OTHER_ROWS, _OTHER_FRAMES, _OTHER_SEED = 3, 96, 1
"""Another example than the stored one, of sizes that the graph was not traced with."""

Reference = Literal["stored output", "torch"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One output of the exported files beside torch's: the one stored at the export, or computed now."""

    file: str
    reference: Reference
    rows: int
    frames: int
    difference: Difference
    limit_db: float

    @property
    def passed(self) -> bool:
        """Whether the error is within the limit."""
        return self.difference.relative_db <= self.limit_db


@dataclass(frozen=True, slots=True)
class FolderCheck:
    """The comparisons of a folder; ``skipped`` says why torch was not run, if it was not."""

    document: SamplerDocument
    comparisons: tuple[Comparison, ...]
    skipped: str | None

    @property
    def passed(self) -> bool:
        """Whether every error is within its limit."""
        return all(comparison.passed for comparison in self.comparisons)


def check_folder(folder: Path, store: ModelStore) -> FolderCheck:
    """Check an export, with torch where the models it was made from are installed.

    Raises InputError where the folder holds no export, CheckFailed where a file is damaged, no valid ONNX, or declares
    other inputs than the document.
    """
    document = read_document(folder)
    _check_files(folder, document)
    _check_declarations(folder, document)
    sources, skipped = _same_sources(store, document)
    sessions = Session(folder / NETWORK_FILE), Session(folder / DECODER_FILE)
    comparisons = list(_stored_comparisons(folder, document, *sessions))
    if sources is not None:
        comparisons += _torch_comparisons(sources, document, *sessions)
    return FolderCheck(document, tuple(comparisons), skipped)


def _check_files(folder: Path, document: SamplerDocument) -> None:
    for name, entry in document.files.items():
        try:
            is_whole = digest_file(folder / name) == entry.sha256
        except OSError as error:
            problem = f"{name} cannot be read ({error.strerror or error})"
            raise CheckFailed(problem, remedy="Export the model again") from error
        if not is_whole:
            raise CheckFailed(f"{name} is not as it was written", remedy="Export the model again")


def _check_declarations(folder: Path, document: SamplerDocument) -> None:
    for entry in (document.network, document.decoder):
        declaration = declared(folder / entry.file)
        found = (declaration.opset, dict(declaration.inputs), dict(declaration.outputs))
        if found != (entry.opset, entry.inputs, entry.outputs):
            problem = f"{entry.file} declares other inputs or outputs than the document"
            raise CheckFailed(problem, remedy="Export the model again")


def _same_sources(store: ModelStore, document: SamplerDocument) -> tuple[Sources | None, str | None]:
    """The installed models that the folder was made from, or why they cannot be used."""
    (network,) = document.sources("network")
    adapters = [(source.name, source.weight or 0.0) for source in document.sources("adapter")]
    try:
        sources = find_sources(store, network.name, adapters)
    except SonglineError as error:
        return None, error.what
    if _contents(sources.entries) != _contents(document.made_from):
        return None, f"the files of {network.name} here are not those that it was made from"
    return sources, None


def _contents(entries: Iterable[SourceEntry]) -> list[tuple[str, str, float | None]]:
    return [(entry.role, entry.digest, entry.weight) for entry in entries]


def _stored_comparisons(
    folder: Path, document: SamplerDocument, network: Session, decoder: Session
) -> Iterator[Comparison]:
    arrays = read_arrays(folder, (*document.network.inputs, "velocity", "latents", "audio"))
    inputs = {name: arrays[name] for name in document.network.inputs}
    limit_db = LIMITS_DB[document.network.dtype]
    yield _comparison(
        NETWORK_FILE, "stored output", inputs, difference(network.run(inputs), arrays["velocity"]), limit_db
    )
    inputs = {"latents": arrays["latents"]}
    found = difference(decoder.run(inputs), arrays["audio"])
    yield _comparison(DECODER_FILE, "stored output", inputs, found, DECODER_LIMIT_DB)


def _torch_comparisons(
    sources: Sources, document: SamplerDocument, network: Session, decoder: Session
) -> Iterator[Comparison]:
    """The same on other inputs, with outputs that torch computes now, in float32."""
    module = sources.load_network(exact_buffers=document.network.buffers == "exact")
    inputs = network_example(module.config, rows=_OTHER_ROWS, frames=_OTHER_FRAMES, seed=_OTHER_SEED)
    wanted = torch_velocity(Velocity(module, dtype=torch.float32), inputs)
    found = difference(network.run(inputs), wanted)
    yield _comparison(NETWORK_FILE, "torch", inputs, found, LIMITS_DB[document.network.dtype])
    inputs = decoder_example(frames=_OTHER_FRAMES, seed=_OTHER_SEED)
    wanted = torch_audio(Vae.load(sources.decoder.weights, device="cpu"), inputs)
    found = difference(decoder.run(inputs), wanted)
    yield _comparison(DECODER_FILE, "torch", inputs, found, DECODER_LIMIT_DB)


def _comparison(file: str, reference: Reference, inputs: Arrays, found: Difference, limit_db: float) -> Comparison:
    first_input = next(iter(inputs.values()))
    frames = first_input.shape[1 if file == NETWORK_FILE else 2]
    return Comparison(file, reference, len(first_input), frames, found, limit_db)
