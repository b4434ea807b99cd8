"""The published autoencoder between latents and audio: loading, decoding, encoding.

It is a TorchScript module with two methods, ``decode_export`` ([B, 64, T] to [B, 2, 2048 T]) and ``encode_export`` ([B,
2, N] to [B, 128, N // 2048]: 64 channels of means, 64 of scales). Latents are neither scaled nor shifted; decoded audio
is kept as it is, with no peak normalisation and no 16-bit step.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from catalog.common.errors import InputError, MachineError, TransientError
from tasks.engines.diffrhythm.network.frames import FRAME_SAMPLES
from tasks.engines.diffrhythm.vae.chunks import CHUNK_FRAMES, Chunk, decode_chunks, encode_chunks, whole
from tasks.weights.out_of_memory import is_out_of_memory

LATENT_CHANNELS = 64
CHUNK_BATCH = 8
"""The default number of chunks decoded at once: about 1 GB per tensor of the last stage in float32."""


_LEAST_DEVIATION = 1e-4
_METHODS = ("decode_export", "encode_export")

Piece = TypeVar("Piece")


class Autoencoder(Protocol):
    """The two exported methods."""

    def decode_export(self, latents: Tensor) -> Tensor:
        """Latents [B, 64, T] to audio [B, 2, 2048 T]."""

    def encode_export(self, audio: Tensor) -> Tensor:
        """Audio [B, 2, N] to means and scales [B, 128, N // 2048]."""


class Vae:
    """A loaded autoencoder on one device in one precision.

    ``tf32`` lets CUDA round the factors of float32 convolutions to 10 bits; it is off by default.
    """

    def __init__(
        self, module: Autoencoder, *, device: torch.device | str, dtype: torch.dtype, tf32: bool = False
    ) -> None:
        self._module = module
        self.device = torch.device(device)
        self.dtype = dtype
        self.tf32 = tf32

    @classmethod
    def load(
        cls, path: Path, *, device: torch.device | str, dtype: torch.dtype = torch.float32, tf32: bool = False
    ) -> Vae:
        """The autoencoder of a TorchScript file. Raises MachineError where the file is missing, damaged or another."""
        module = _script(path)
        missing_methods = [name for name in _METHODS if not hasattr(module, name)]
        if missing_methods:
            raise MachineError(
                f"{path.name} is a TorchScript module without {' and '.join(missing_methods)}",
                remedy=_REMEDY,
                path=str(path),
            )
        return cls(module.eval().to(device=torch.device(device), dtype=dtype), device=device, dtype=dtype, tf32=tf32)

    @property
    def module(self) -> Autoencoder:
        """The loaded TorchScript module."""
        return self._module

    def decode(self, latents: Tensor, *, chunked: bool, chunk_batch: int = CHUNK_BATCH) -> Tensor:
        """The audio of latents [B, T, 64] as float32 [B, 2, 2048 T] in host memory.

        Whole, or in chunks with the published geometry (less memory, and other samples near the seams). At most
        ``chunk_batch`` chunks of all songs go through at once, a whole song counting as the chunks that fill it; out of
        memory halves that. Raises TransientError when even one piece does not fit.
        """
        songs, frames = _checked(latents)
        chunks = decode_chunks(frames) if chunked else whole(frames)
        audio = torch.empty(songs, 2, frames * FRAME_SAMPLES)
        by_channel = latents.transpose(1, 2)

        def decode_some(pieces: Sequence[tuple[int, Chunk]]) -> None:
            cuts = [by_channel[song, :, chunk.start : chunk.start + chunk.frames] for song, chunk in pieces]
            sound = self._run("decode_export", cuts, (2, cuts[0].shape[-1] * FRAME_SAMPLES))
            for (song, chunk), part in zip(pieces, sound, strict=True):
                kept_sound = part[:, chunk.skip * FRAME_SAMPLES : (chunk.skip + chunk.kept) * FRAME_SAMPLES]
                audio[song, :, chunk.first * FRAME_SAMPLES : chunk.end * FRAME_SAMPLES].copy_(kept_sound)

        pieces = [(song, chunk) for song in range(songs) for chunk in chunks]
        _in_batches(pieces, _at_once(chunks, chunk_batch), decode_some)
        return audio

    def encode(
        self, audio: Tensor | np.ndarray, *, eps: Tensor | torch.Generator, chunk_batch: int = CHUNK_BATCH
    ) -> Tensor:
        """A latent [F, 64] of stereo audio [2, N] at 44.1 kHz, F = N // 2048; see :func:`sample_latent` for ``eps``."""
        return sample_latent(self.encode_moments(audio, chunk_batch=chunk_batch), eps)

    def encode_moments(self, audio: Tensor | np.ndarray, *, chunk_batch: int = CHUNK_BATCH) -> Tensor:
        """Means (64 rows) and scales (64) of audio [2, N] as float32 [128, N // 2048], in the published chunks.

        Raises InputError for audio shorter than one latent frame, TransientError when out of memory.
        """
        samples = torch.as_tensor(audio, dtype=torch.float32)
        if samples.ndim != 2 or samples.shape[0] != 2:
            raise ValueError(f"audio is {tuple(samples.shape)}, not (2, samples)")
        chunks = encode_chunks(samples.shape[1])
        if chunks[-1].end == 0:
            raise InputError("The audio is shorter than 46 ms", remedy="Use longer audio")
        moments = torch.empty(2 * LATENT_CHANNELS, chunks[-1].end)

        def encode_some(pieces: Sequence[Chunk]) -> None:
            starts = [chunk.start * FRAME_SAMPLES + chunk.late_samples for chunk in pieces]
            cuts = [samples[:, start : start + pieces[0].frames * FRAME_SAMPLES] for start in starts]
            encodings = self._run("encode_export", cuts, (2 * LATENT_CHANNELS, pieces[0].frames))
            for chunk, part in zip(pieces, encodings, strict=True):
                moments[:, chunk.first : chunk.end].copy_(part[:, chunk.skip : chunk.skip + chunk.kept])

        _in_batches(chunks, _at_once(chunks, chunk_batch), encode_some)
        return moments

    @torch.no_grad()
    def _run(self, method: str, cuts: Sequence[Tensor], shape: tuple[int, int]) -> Tensor:
        """Put cuts of one length through a method in one batch; ``shape`` is the expected shape of each result."""
        batch = torch.stack(list(cuts)).to(device=self.device, dtype=self.dtype)
        with _repeatable(tf32=self.tf32):
            result: Tensor = getattr(self._module, method)(batch)
        if result.shape != (len(cuts), *shape):
            raise MachineError(
                f"The autoencoder's {method} turned {tuple(batch.shape)} into {tuple(result.shape)}", remedy=_REMEDY
            )
        return result


def sample_latent(moments: Tensor, eps: Tensor | torch.Generator) -> Tensor:
    """A latent [F, 64] drawn from encoded means and scales [128, F]: mean + (softplus(scale) + 1e-4) · ``eps``.

    ``eps`` is standard-normal noise [F, 64], or the seeded CPU generator to draw it from.
    """
    mean, scale = moments.T[:, :LATENT_CHANNELS], moments.T[:, LATENT_CHANNELS:]
    noise = torch.randn(mean.shape, generator=eps) if isinstance(eps, torch.Generator) else eps
    if noise.shape != mean.shape:
        raise ValueError(f"eps is {tuple(noise.shape)}, not {tuple(mean.shape)}")
    deviation: Tensor = softplus(scale) + _LEAST_DEVIATION
    return mean + deviation * noise


_REMEDY = "Run `songline models remove diffrhythm-vae --forget`, then pull or import it again"


def _script(path: Path) -> torch.jit.ScriptModule:
    """Read a TorchScript file into the host's memory. Raises MachineError."""
    if not path.is_file():
        raise MachineError(f"There is no autoencoder at {path}", remedy="Run `songline models pull diffrhythm-vae`")
    try:
        with warnings.catch_warnings():
            # torch 2.11 deprecates TorchScript as a whole; the autoencoder is published in no other form.
            warnings.filterwarnings("ignore", r"`torch\.jit\.load` is deprecated", DeprecationWarning)
            module: torch.jit.ScriptModule = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
            return module
    except RuntimeError as error:
        first_line = str(error).partition("\n")[0].partition(". ")[0]
        raise MachineError(
            f"{path.name} is damaged, cut short or no TorchScript module ({first_line})", remedy=_REMEDY, path=str(path)
        ) from error


def _checked(latents: Tensor) -> tuple[int, int]:
    """Songs and frames of latents. Raises ValueError on another shape."""
    if latents.ndim != 3 or latents.shape[2] != LATENT_CHANNELS or latents.shape[1] == 0:
        raise ValueError(f"latents are {tuple(latents.shape)}, not (songs, frames, {LATENT_CHANNELS})")
    return latents.shape[0], latents.shape[1]


def _at_once(chunks: Sequence[Chunk], chunk_batch: int) -> int:
    """The number of pieces of this length that take the memory of ``chunk_batch`` chunks; at least one."""
    return max(1, chunk_batch * CHUNK_FRAMES // max(CHUNK_FRAMES, chunks[0].frames))


def _in_batches(pieces: Sequence[Piece], at_once: int, work: Callable[[Sequence[Piece]], None]) -> None:
    """Pass all pieces to ``work``, ``at_once`` at a time, half as many whenever the device is out of memory."""
    position = 0
    while position < len(pieces):
        batch = pieces[position : position + at_once]
        if _fits(work, batch):
            position += len(batch)
        elif len(batch) == 1:
            raise TransientError(
                "The device has no memory left for the autoencoder",
                remedy="Decode in chunks, or free memory on the device",
            )
        else:
            at_once = len(batch) // 2


def _fits(work: Callable[[Sequence[Piece]], None], batch: Sequence[Piece]) -> bool:
    """Do the work; False where there was not enough memory, with nothing of the attempt left there."""
    try:
        work(batch)
        return True
    except (RuntimeError, MemoryError) as error:
        # TorchScript reports a device's out-of-memory error as a plain RuntimeError that quotes it.
        if not is_out_of_memory(error):
            raise
    # The error held the attempt's tensors: they can be freed only now that it is gone.
    torch.cuda.empty_cache()
    return False


@contextmanager
def _repeatable(*, tf32: bool) -> Iterator[None]:
    """Same input, same samples: no fusing after warm-up by the script's executor, deterministic convolutions."""
    cudnn, convolution = torch.backends.cudnn, torch.backends.cudnn.conv  # type: ignore[attr-defined]
    former_settings = (convolution.fp32_precision, cudnn.deterministic)
    convolution.fp32_precision, cudnn.deterministic = "tf32" if tf32 else "ieee", True
    try:
        with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
            yield
    finally:
        convolution.fp32_precision, cudnn.deterministic = former_settings
