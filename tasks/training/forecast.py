"""The memory and time of a training, from the network's sizes before anything is loaded; without torch.

The bytes kept for the gradients were counted on the CPU by autograd's hooks, at several widths, ranks and lengths, and
follow these formulas exactly there; at the published width, rank 16 and 256 frames they give 129384 bytes a layer and
frame. On a GPU they are an estimate: where it was too low, the training takes smaller batches (:class:`Fit`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from tasks.engines.diffrhythm.forecast import CPU_FLOPS_PER_CORE, CUDA_FLOPS
from tasks.engines.diffrhythm.network.config import (
    CONDITION,
    HEADS,
    POSITION_GROUPS,
    POSITION_KERNEL,
    SINUSOID,
    TEXT_EXPANSION,
    TEXT_KERNEL,
    NetworkConfig,
)
from tasks.engines.diffrhythm.network.flops import device_peak, evaluation_flops, text_flops
from tasks.training.parameters import HELD_OUT_TIMES, TrainingParameters

ATTENTION = frozenset({"q_proj", "k_proj", "v_proj", "o_proj"})
"""The targets whose inputs and outputs are both as wide as the network; the others are those of the MLP."""

ADAPTER_COPIES = 7
"""Float32 numbers for each of the adapter's: itself, gradient, two moments of AdamW, average, best, and one on loan."""

MEMORY_SHARE = 0.85
"""The share of the free memory to plan for: the rest is for the allocator's gaps and other processes."""

SHARE_OF_PEAK = 0.35
"""The assumed share of a known device's peak that training reaches."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a step goes through the device: items at once, and whether layers are calculated again in the backward pass.

    Neither changes what is learned: checkpointing not by a bit, the micro-batch by rounding only.
    """

    micro_batch: int
    checkpointing: bool

    def smaller(self) -> Fit | None:
        """The next that takes less memory, or None where there is none."""
        if not self.checkpointing:
            return replace(self, checkpointing=True)
        return replace(self, micro_batch=self.micro_batch // 2) if self.micro_batch > 1 else None


@dataclass(frozen=True, slots=True)
class TrainingForecast:
    """The seconds of a whole training, the peak of the device's memory in bytes, and how a step goes through it."""

    seconds: float
    memory_bytes: int
    fit: Fit


def forecast_training(
    config: NetworkConfig,
    parameters: TrainingParameters,
    *,
    held_out_songs: int,
    free_bytes: int,
    device: str,
    device_name: str = "",
) -> TrainingForecast:
    """A training on ``device`` (``cuda`` or ``cpu``), of ``device_name`` where known, with so much memory free."""
    fit = fitting(config, parameters, free_bytes)
    flops = parameters.steps * step_flops(config, parameters, checkpointing=fit.checkpointing)
    evaluations = 1 + -(-parameters.steps // parameters.evaluate_every)
    flops += evaluations * held_out_songs * len(HELD_OUT_TIMES) * forward_flops(config, parameters.crop_frames)
    seconds = flops / _flops_per_s(device, device_name, parameters.dtype)
    return TrainingForecast(seconds, peak_bytes(config, parameters, fit), fit)


def fitting(config: NetworkConfig, parameters: TrainingParameters, free_bytes: int) -> Fit:
    """The fastest way through ``free_bytes``: whole batches before halves, no checkpointing before checkpointing.

    The least one is returned even where the forecast is above the free memory: it may still fit.
    """
    fit = Fit(parameters.batch, checkpointing=False)
    while peak_bytes(config, parameters, fit) > MEMORY_SHARE * free_bytes:
        smaller = fit.smaller()
        if smaller is None:
            return fit
        fit = smaller
    return fit


def peak_bytes(config: NetworkConfig, parameters: TrainingParameters, fit: Fit) -> int:
    """The memory of one step: weights, adapter and optimiser, what the gradients need, and one layer at work."""
    itemsize = bytes_per_number(parameters.dtype)
    layer_bytes = fit.micro_batch * parameters.crop_frames * kept_bytes(config, parameters, checkpointing=False)
    if fit.checkpointing:
        kept = fit.micro_batch * parameters.crop_frames * kept_bytes(config, parameters, checkpointing=True)
        activations = config.depth * kept + layer_bytes
    else:
        activations = config.depth * layer_bytes
    fixed = weights(config) * itemsize + ADAPTER_COPIES * 4 * adapter_weights(config, parameters)
    return int(fixed + activations + layer_bytes)


def kept_bytes(config: NetworkConfig, parameters: TrainingParameters, *, checkpointing: bool) -> float:
    """Bytes kept for the gradients in each layer, per frame of each item; all seven targets are assumed.

    In bfloat16 the adapter's matrices are kept once more in that precision, whatever the number of frames: that is
    spread over the frames of one item here.
    """
    itemsize = bytes_per_number(parameters.dtype)
    if checkpointing:
        return float(config.dim * itemsize)
    normalisations = 4 * HEADS + 8
    rank = 7 * parameters.rank * itemsize
    if parameters.dtype == "float32":
        return config.dim * (32 + 16 * config.ff_mult) + rank + normalisations
    rotary = 4 * config.head_dim
    layer_adapter_bytes = itemsize * adapter_weights(config, parameters) / config.depth
    wide = config.dim * (28 + 8 * config.ff_mult)
    return wide + rotary + rank + normalisations + layer_adapter_bytes / parameters.crop_frames


def step_flops(config: NetworkConfig, parameters: TrainingParameters, *, checkpointing: bool) -> float:
    """The operations of one optimiser step.

    The network is frozen, so the backward pass costs about one forward pass rather than two; a layer that is
    calculated again costs one more.
    """
    passes = 3 if checkpointing else 2
    frames = parameters.crop_frames
    adapter = 6.0 * frames * adapter_weights(config, parameters)
    item = passes * evaluation_flops(config, frames) + text_flops(config, frames) + adapter
    return parameters.items_per_step * item


def forward_flops(config: NetworkConfig, frames: int) -> float:
    """The operations of one evaluation of one item."""
    return evaluation_flops(config, frames) + text_flops(config, frames)


def adapter_weights(config: NetworkConfig, parameters: TrainingParameters) -> int:
    """The trained numbers: rank times inputs and outputs of every target in every layer."""
    hidden = config.ff_mult * config.dim
    widths = {name: 2 * config.dim if name in ATTENTION else config.dim + hidden for name in parameters.targets}
    return config.depth * parameters.rank * sum(widths.values())


def weights(config: NetworkConfig) -> int:
    """The numbers in a network of these sizes."""
    dim, text = config.dim, config.text_dim
    layers = config.depth * (4 * dim * dim + 3 * config.ff_mult * dim * dim + 2 * dim)
    fusions = config.fused_layers * (text + 1) * dim
    convolutions = 2 * dim * (dim // POSITION_GROUPS * POSITION_KERNEL + 1)
    ends = (config.input_dim + 1) * dim + (dim + 1) * config.mel_dim + (CONDITION + 1) * 2 * dim
    hidden = TEXT_EXPANSION * text
    block = text * (TEXT_KERNEL + 1) + 2 * text + (text + 1) * hidden + 2 * hidden + (hidden + 1) * text
    scalars = (2 + config.has_duration) * ((SINUSOID + 1) * CONDITION + (CONDITION + 1) * CONDITION)
    return layers + fusions + convolutions + ends + (config.symbols + 1) * text + config.conv_layers * block + scalars


def bytes_per_number(dtype: str) -> int:
    """The bytes of a number of a dtype's name."""
    return 2 if dtype == "bfloat16" else 4


def _flops_per_s(device: str, device_name: str, dtype: str) -> float:
    if device != "cuda":
        return CPU_FLOPS_PER_CORE * len(os.sched_getaffinity(0))
    peak = device_peak(device_name)
    return CUDA_FLOPS if peak is None else SHARE_OF_PEAK * peak.flops_per_s(dtype)
