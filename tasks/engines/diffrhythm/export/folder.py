"""Export a network and the decoder into a folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from catalog.common.digests import digest_file
from catalog.common.errors import MachineError
from tasks.engines.diffrhythm.export.comparison import (
    decoder_example,
    network_example,
    torch_audio,
    torch_velocity,
)
from tasks.engines.diffrhythm.export.document import (
    CHECK_FILE,
    DECODER_FILE,
    NETWORK_FILE,
    README_FILE,
    Buffers,
    DecoderEntry,
    FileEntry,
    FileName,
    NetworkEntry,
    Precision,
    SamplerDocument,
    SamplingEntry,
)
from tasks.engines.diffrhythm.export.graph import write_decoder, write_network
from tasks.engines.diffrhythm.export.modules import Velocity
from tasks.engines.diffrhythm.export.readme import readme
from tasks.engines.diffrhythm.export.runtime import declared
from tasks.engines.diffrhythm.export.sources import Sources
from tasks.engines.diffrhythm.network.config import HEADS, NetworkConfig
from tasks.engines.diffrhythm.network.frames import FRAME_SAMPLES, SAMPLE_RATE
from tasks.engines.diffrhythm.network.sampler import Sampling
from tasks.engines.diffrhythm.network.schedule import time_grid
from tasks.engines.diffrhythm.vae.chunks import CHUNK_FRAMES, HOP_FRAMES, TRIM_FRAMES
from tasks.engines.diffrhythm.vae.vae import Vae

CHECK_ROWS, CHECK_FRAMES, CHECK_DECODER_FRAMES = 2, 64, 16

_ROOM_TO_SPARE = 100 << 20
_GUIDANCE = "velocity = cond + cfg_strength * (cond - null); null: text 0, cond 0, style negative_style"


def export_folder(
    sources: Sources,
    folder: Path,
    *,
    dtype: Precision = "float32",
    buffers: Buffers = "float16",
    progress: Callable[[str], None] = lambda name: None,
) -> SamplerDocument:
    """Write an export into an empty folder; ``progress`` is told the name of each file before it is written.

    ``dtype`` is the precision of the network's layers; the decoder is always float32. Raises MachineError where the
    disk has no space for it or a model's file is damaged, and OSError.
    """
    network = sources.load_network(exact_buffers=buffers == "exact")
    config = network.config
    vae = Vae.load(sources.decoder.weights, device="cpu")
    _need_room(folder, sum(weight.numel() for weight in network.parameters()) * 4 + sources.decoder.size_bytes)
    arrays = network_example(config, rows=CHECK_ROWS, frames=CHECK_FRAMES)
    latents = decoder_example(frames=CHECK_DECODER_FRAMES)
    velocity = torch_velocity(Velocity(network, dtype=torch.float32), arrays)
    progress(NETWORK_FILE)
    write_network(Velocity(network, dtype=getattr(torch, dtype)), folder / NETWORK_FILE)
    progress(DECODER_FILE)
    write_decoder(vae, folder / DECODER_FILE)
    progress(CHECK_FILE)
    examples = {**arrays, "velocity": velocity, **latents, "audio": torch_audio(vae, latents)}
    np.savez(folder / CHECK_FILE, **examples)  # type: ignore[arg-type]  # numpy has it for its own option
    (folder / README_FILE).write_text(readme(sources.licences), "utf-8")
    document = SamplerDocument(
        network=_network_entry(folder, config, dtype=dtype, buffers=buffers),
        decoder=_decoder_entry(folder),
        sampling=_sampling_entry(sources.negative_style()),
        made_from=sources.entries,
        commercial=all(model.spec.licence.commercial for model in sources.models),
        licences=sources.licences,
        files=_file_entries(folder),
    )
    document.write(folder)
    return document


def attention_bytes(frames: int) -> int:
    """Memory of the scores of one layer's attention for one row, which ONNX's operators write out in float32."""
    return HEADS * frames * frames * 4


def _need_room(folder: Path, size_bytes: int) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if size_bytes + _ROOM_TO_SPARE > free_bytes:
        problem = f"the export takes about {size_bytes / 1e9:.2f} GB, and the disk has {free_bytes / 1e9:.2f} GB free"
        raise MachineError(problem, remedy="Free disk space, or name a folder on a larger disk with --out")


def _network_entry(folder: Path, config: NetworkConfig, *, dtype: Precision, buffers: Buffers) -> NetworkEntry:
    declaration = declared(folder / NETWORK_FILE)
    return NetworkEntry(
        opset=declaration.opset,
        dtype=dtype,
        buffers=buffers,
        inputs=dict(declaration.inputs),
        outputs=dict(declaration.outputs),
        max_frames=config.max_frames,
        attention_bytes=attention_bytes(config.max_frames),
    )


def _decoder_entry(folder: Path) -> DecoderEntry:
    declaration = declared(folder / DECODER_FILE)
    return DecoderEntry(
        opset=declaration.opset,
        inputs=dict(declaration.inputs),
        outputs=dict(declaration.outputs),
        sample_rate=SAMPLE_RATE,
        frame_samples=FRAME_SAMPLES,
        chunk_frames=CHUNK_FRAMES,
        hop_frames=HOP_FRAMES,
        trim_frames=TRIM_FRAMES,
    )


def _sampling_entry(negative_style: tuple[float, ...]) -> SamplingEntry:
    published = Sampling()
    return SamplingEntry(
        steps=published.steps,
        sway=published.sway,
        grid=tuple(time_grid(published.steps, published.sway).tolist()),
        cfg_strength=published.cfg_strength,
        guidance=_GUIDANCE,
        negative_style=negative_style,
    )


def _file_entries(folder: Path) -> dict[FileName, FileEntry]:
    """Every file by name, with size and digest."""
    entries: dict[FileName, FileEntry] = {}
    for name in get_args(FileName):
        path = folder / name
        if path.is_file():
            entries[name] = FileEntry(sha256=digest_file(path), size_bytes=path.stat().st_size)
    return entries
