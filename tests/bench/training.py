"""How fast an adapter is trained, and in how much memory: one optimiser step at several lengths and batches.

Needs torch, PEFT and this repository, nothing else: ``python tests/bench/training.py`` on any machine. With a GPU it
runs the published sizes in bfloat16 with random weights; without one, a scaled-down network in float32.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tasks.engines.diffrhythm.network.flops import share_of_peak
from tasks.engines.diffrhythm.network.network import DiT, NetworkConfig
from tasks.training.forecast import Fit, kept_bytes, peak_bytes, step_flops
from tasks.training.items import Item, step_items
from tasks.training.lora import LoraLayers, adapted
from tasks.training.objective import Batch, precision, squared_error
from tasks.training.parameters import TrainingParameters
from tests.support.training.kept import kept_per_layer_and_frame
from tests.support.training.songs import tuneful_song


@dataclass(frozen=True, slots=True)
class Scale:
    """What is measured: a network, its lengths and batches, and the number of timed steps."""

    config: NetworkConfig
    frames: Sequence[int]
    batches: Sequence[int]
    steps: int


PUBLISHED = Scale(NetworkConfig.FULL_1B, (2048, 6144), (1, 2, 4, 8), 5)
SMALL = Scale(NetworkConfig(512, 4, 4, 4, 2048, has_duration=False), (128, 256), (1, 2), 3)
GLANCE = Scale(NetworkConfig(64, 2, 4, 2, 2048, has_duration=False), (16,), (1,), 1)

COUNTED = NetworkConfig(128, 3, 4, 2, 2048, has_duration=False)
"""A tiny network as deep in its MLP as the published one, whose kept bytes are counted on the CPU."""


def measure_kept(frames: int = 64) -> None:
    """The bytes a layer and frame that the backward pass needs: counted at a tiny width, and by formula at the full."""
    print("\nbytes kept for each layer and frame")
    print(f"{'dtype':>10}{'checkpointing':>15}{'counted':>10}{'formula':>10}{'published width':>17}")
    for dtype in ("float32", "bfloat16"):
        parameters = TrainingParameters(dtype=dtype, crop_frames=frames)
        for checkpointing in (False, True):
            counted = kept_per_layer_and_frame(COUNTED, parameters, frames=frames, checkpointing=checkpointing)
            formula = kept_bytes(COUNTED, parameters, checkpointing=checkpointing)
            full = kept_bytes(NetworkConfig.BASE_1B, replace(parameters, crop_frames=2048), checkpointing=checkpointing)
            print(f"{dtype:>10}{checkpointing!s:>15}{counted:>10.0f}{formula:>10.0f}{full:>17.0f}")


def measure_steps(scale: Scale, parameters: TrainingParameters, device: torch.device) -> None:
    """A table row for each length, batch and way: time and memory of a step, beside the forecast of its memory."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"\n{name}, {parameters.dtype}, rank {parameters.rank}, {scale.config.dim} x {scale.config.depth}")
    print(f"{'frames':>7}{'batch':>7}{'again':>7}{'s/item':>9}{'TFLOP/s':>9}{'of peak':>9}{'GiB':>8}{'forecast':>10}")
    with torch.device(device):
        network = DiT(scale.config).to(getattr(torch, parameters.dtype))
    with adapted(network, parameters) as layers:
        for frames in scale.frames:
            for batch in scale.batches:
                sized = replace(parameters, crop_frames=frames, batch=batch, accumulation=1)
                for checkpointing in (False, True):
                    row(scale, network, layers, sized, device, name, checkpointing=checkpointing)


def row(
    scale: Scale,
    network: DiT,
    layers: LoraLayers,
    parameters: TrainingParameters,
    device: torch.device,
    name: str,
    *,
    checkpointing: bool,
) -> None:
    """Time steps of one size after one for the kernels to be chosen; says so where memory runs out."""
    frames, batch = parameters.crop_frames, parameters.batch
    songs = [tuneful_song("song", seed=1, frames=frames + 8)]
    optimiser = torch.optim.AdamW(layers.tensors, lr=parameters.learning_rate)
    head = f"{frames:>7}{batch:>7}{'yes' if checkpointing else 'no':>7}"
    seconds = []
    try:
        for number in range(scale.steps + 1):
            items = step_items(songs, parameters, number + 1)
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(device)
            started = time.perf_counter()
            one_step(network, optimiser, items, parameters, device, checkpointing=checkpointing)
            seconds.append(time.perf_counter() - started)
    except torch.OutOfMemoryError:
        optimiser.zero_grad(set_to_none=True)
        torch.cuda.empty_cache()
        print(f"{head}   out of memory", flush=True)
        return
    step_s = statistics.median(seconds[1:])
    flops = step_flops(scale.config, parameters, checkpointing=checkpointing)
    share = share_of_peak(flops, step_s, device_name=name, dtype=parameters.dtype)
    peak = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None
    forecast = peak_bytes(scale.config, parameters, Fit(batch, checkpointing)) / 2**30
    print(
        f"{head}{step_s / batch:>9.3f}{flops / step_s / 1e12:>9.2f}{'-' if share is None else f'{share:.1%}':>9}"
        f"{'-' if peak is None else f'{peak:.2f}':>8}{forecast:>10.2f}",
        flush=True,
    )


def one_step(
    network: DiT,
    optimiser: torch.optim.Optimizer,
    items: Sequence[Item],
    parameters: TrainingParameters,
    device: torch.device,
    *,
    checkpointing: bool,
) -> None:
    """Gradients of all items at once and the optimiser's step, finished on the device."""
    optimiser.zero_grad(set_to_none=True)
    with precision(device, parameters.dtype):
        error = squared_error(network, Batch.of(items, device), checkpointing=checkpointing)
    (error / sum(item.elements for item in items)).backward()
    optimiser.step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--full", action="store_true", help="the published sizes on any device")
    parser.add_argument("--glance", action="store_true", help="whether it works, in seconds")
    parser.add_argument("--rank", type=int, default=16)
    chosen = parser.parse_args(arguments)
    device = torch.device(chosen.device)
    scale = GLANCE if chosen.glance else PUBLISHED if chosen.full or device.type == "cuda" else SMALL
    dtype = "bfloat16" if device.type == "cuda" else "float32"
    measure_kept(frames=16 if chosen.glance else 64)
    measure_steps(scale, TrainingParameters(rank=chosen.rank, dtype=dtype), device)


if __name__ == "__main__":
    main()
