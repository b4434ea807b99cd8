"""Separate a mix by a model of the registry: float stems at its level, its rate and its exact length."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soxr

from catalog.common.digests import Json
from catalog.common.errors import AudioRefused, WorkError
from catalog.common.settings import Settings
from catalog.models.store import InstalledModel
from tasks.audio.audio import Audio, Samples
from tasks.audio.files import resample, sample_digest, write_wav
from tasks.separation.demucs.models import (
    OTHER,
    RATE_HZ,
    RESIDUAL,
    STEM_MODELS,
    VOICE,
    require_stem_packages,
    stems_given,
)
from tasks.separation.demucs.residual import Tally, residual_of, summed
from tasks.separation.demucs.silence import passages_without_lines
from tasks.separation.demucs.stem_buffer import StemBuffer

if TYPE_CHECKING:
    from tasks.separation.demucs.chunks import Level, Progress

COMMON_GAIN_DB = 0.0
"""Every stem keeps its level in the mix: float files hold samples beyond full scale, so nothing is rescaled."""

SILENT = 10 ** (-96 / 20)
"""A peak below the last bit of a 16-bit file."""


@dataclass(frozen=True, slots=True)
class SeparationOptions:
    """The options of a separation: only two stems, and the lines' times, from which passages without singing follow.

    An ``instrumental`` gets no vocals stem: the model's estimate of one is added to ``other``.
    """

    two_stems: str | None = None
    line_starts_s: Sequence[float] = ()
    instrumental: bool = False


@dataclass(frozen=True, slots=True)
class StemFile:
    """A written stem."""

    name: str
    path: Path
    sample_digest: str


@dataclass(frozen=True, slots=True)
class SeparationResult:
    """The files in the order of the sum, the residual last, and the ``figures`` of the separation."""

    files: tuple[StemFile, ...]
    figures: dict[str, Json]


def check_mix(mix: Audio) -> None:
    """Raise AudioRefused, with reason invalid or silent, for a mix that cannot be separated."""
    if mix.channels not in (1, 2) or mix.frames == 0:
        problem = f"audio of {mix.channels} channels and {mix.frames} samples cannot be separated"
        raise AudioRefused(problem, reason="invalid", remedy="Give mono or stereo that is not empty")
    low, high = float(mix.samples.min()), float(mix.samples.max())  # a NaN or an infinity shows in one of them
    if not np.isfinite([low, high]).all():
        raise AudioRefused("samples are not finite numbers", reason="invalid", remedy="Make the audio again")
    if max(-low, high) < SILENT:
        raise AudioRefused("the audio is silent", reason="silent", remedy="Check the source")


def separate_stems(
    mix: Audio,
    installed: InstalledModel,
    settings: Settings,
    *,
    options: SeparationOptions,
    folder: Path,
    progress: Progress | None = None,
) -> SeparationResult:
    """Separate ``mix`` (channels, frames) with an installed model, into float WAV files in ``folder``.

    Raises AudioRefused for a mix that cannot be separated, InputError for stems that the model does not give,
    MachineError where its packages or files are not right, TransientError where there is not enough memory.
    """
    check_mix(mix)
    model = installed.spec.name
    names = stems_given(model, options.two_stems, instrumental=options.instrumental)
    require_stem_packages()
    # Torch and Demucs take seconds to import: only here it is certain that they are needed.
    import torch

    from tasks.separation.demucs.chunks import estimates
    from tasks.separation.demucs.ensemble import load_ensemble
    from tasks.separation.demucs.memory import free_bytes, portion_for

    start_time = time.perf_counter()
    # The same number on every machine, so that a CPU rounds alike in a worker and in a command; workers take turns.
    torch.set_num_threads(settings.worker_count)
    ensemble = load_ensemble(installed, settings.device_here)
    portion = portion_for(ensemble, free=free_bytes(ensemble.device))
    model_mix = _network_input(mix)
    blocks = estimates(ensemble, model_mix, level=_level_of(model_mix), portion=portion, progress=progress)
    blocks = _like(mix, _chosen(blocks, STEM_MODELS[model], options))
    stem_buffer = StemBuffer(folder, (*names, RESIDUAL), channels=mix.channels, frames=mix.frames, rate=mix.rate)
    tally = Tally(names, mix.rate, passages_without_lines(options.line_starts_s, mix.duration_s))
    _put_away(blocks, mix, stem_buffer, tally)
    figures: dict[str, Json] = {
        "model": model,
        "stems": [*names, RESIDUAL],
        **tally.document(),
        "common_gain_db": COMMON_GAIN_DB,
        "segment_s": round(portion.segment_frames / RATE_HZ, 3),
        "batch": portion.batch,
        "device": str(ensemble.device),
    }
    files = _written(stem_buffer, folder)
    return SeparationResult(files, {**figures, "seconds": round(time.perf_counter() - start_time, 3)})


def _network_input(mix: Audio) -> Samples:
    """The mix as the networks' input: stereo (2, frames) at their rate; mono is copied to both channels."""
    samples = resample(mix, RATE_HZ).samples
    return np.broadcast_to(samples, (2, samples.shape[1]))


def _level_of(samples: Samples) -> Level:
    """Mean and deviation of the mid signal, as demucs.api.Separator.separate_tensor normalises.

    There each stem gets the mean back; here an offset of the mix stays in the residual, once.
    """
    from tasks.separation.demucs.chunks import Level

    mid = samples.mean(axis=0)
    rms = float(np.sqrt(np.mean([np.mean(np.square(channel), dtype=np.float64) for channel in samples])))
    deviation = float(np.std(mid, dtype=np.float64))
    # Two channels of opposite sign have no mid: their own level is used instead.
    return Level(float(np.mean(mid, dtype=np.float64)), max(deviation, 0.1 * rms))


def _chosen(blocks: Iterator[Samples], stems: Sequence[str], options: SeparationOptions) -> Iterator[Samples]:
    """The blocks (stems, 2, n) unchanged, or one stem and the sum of the others, or without a voice."""
    for block in blocks:
        if options.two_stems is None:
            yield _without_voice(block, stems) if options.instrumental else block
            continue
        stem_index = stems.index(options.two_stems)
        other_stems = [part for place, part in enumerate(block) if place != stem_index]
        yield np.stack([block[stem_index], summed(other_stems)])


def _without_voice(block: Samples, stems: Sequence[str]) -> Samples:
    """The vocals stem added to the other instruments."""
    parts = dict(zip(stems, block, strict=True))
    voice = parts.pop(VOICE)
    parts[OTHER] = summed([parts[OTHER], voice])
    return np.stack(list(parts.values()))


def _like(mix: Audio, blocks: Iterator[Samples]) -> Iterator[Samples]:
    """The blocks at the mix's rate and with its channels, exactly as long as it is."""
    missing_frames, shape = mix.frames, (0, 0)
    resampler: soxr.ResampleStream | None = None
    for block in blocks:
        output = block if mix.channels == 2 else block.mean(axis=1, keepdims=True)
        shape = output.shape[:2]
        if mix.rate != RATE_HZ:
            resampler = resampler or soxr.ResampleStream(
                RATE_HZ, mix.rate, shape[0] * shape[1], dtype="float32", quality="HQ"
            )
            output = _resampled(resampler, output)
        yield output[..., :missing_frames]
        missing_frames -= min(missing_frames, output.shape[-1])
    if resampler is not None:
        tail = _resampled(resampler, np.zeros((*shape, 0), np.float32), last=True)[..., :missing_frames]
        yield np.pad(tail, ((0, 0), (0, 0), (0, missing_frames - tail.shape[-1])))


def _resampled(stream: soxr.ResampleStream, block: Samples, *, last: bool = False) -> Samples:
    stems, channels, frames = block.shape
    flat_block = np.ascontiguousarray(block.reshape(stems * channels, frames).T)
    resampled_block: Samples = stream.resample_chunk(flat_block, last=last)
    return np.ascontiguousarray(resampled_block.T).reshape(stems, channels, len(resampled_block))


def _put_away(blocks: Iterator[Samples], mix: Audio, stem_buffer: StemBuffer, tally: Tally) -> None:
    """Write stems and residual to the buffer block by block, and add their figures to the tally."""
    start = 0
    for block in blocks:
        if not np.isfinite(block).all():
            raise WorkError(
                "the model gave samples that are not numbers",
                remedy="Run `songline models verify`, and pull the model again if it is damaged",
            )
        part = mix.samples[:, start : start + block.shape[-1]]
        stems = list(block)
        residual = residual_of(part, summed(stems))
        for name, samples in zip(stem_buffer.names, (*stems, residual), strict=True):
            stem_buffer.put(name, start, samples)
        tally.add(start, part, stems, residual=residual)
        start += part.shape[1]


def _written(stem_buffer: StemBuffer, folder: Path) -> tuple[StemFile, ...]:
    files = []
    for name in stem_buffer.names:
        path, stem = folder / f"{name}.wav", stem_buffer.audio(name)
        write_wav(path, stem, subtype="FLOAT")
        files.append(StemFile(name, path, sample_digest(stem)))
        del stem
        stem_buffer.drop(name)
    return tuple(files)
