"""How fast songs are generated: sampler, decoder and loading at the published sizes with random weights.

Needs torch and this repository, nothing else: ``python tests/bench/generation.py`` on any machine. With a GPU it runs
the published sizes in bfloat16; without one, a scaled-down network and few steps (``--full`` insists on the whole).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tasks.engines.diffrhythm.network.checkpoint import load_network
from tasks.engines.diffrhythm.network.flops import share_of_peak, song_flops
from tasks.engines.diffrhythm.network.network import DiT, NetworkConfig
from tasks.engines.diffrhythm.network.precision import PROBE_FRAMES
from tasks.engines.diffrhythm.network.sampler import Conditioning, Sampler, Sampling, noise
from tests.bench.floors import decode_flops, floor_s
from tests.bench.forms import FormOfNetwork, in_forms
from tests.bench.machine import Machine
from tests.bench.random_decoder import CHUNK_FRAMES, chunks_of, decoder

CHUNKS_AT_ONCE = 7
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}
ATTENTION = {"flash": "FLASH_ATTENTION", "cudnn": "CUDNN_ATTENTION", "efficient": "EFFICIENT_ATTENTION"}


@dataclass(frozen=True, slots=True)
class Scale:
    """What is measured: a base and a full network, their lengths, batches, steps, and the decoder's first width."""

    configs: tuple[NetworkConfig, NetworkConfig]
    frames: tuple[int, int]
    batches: Sequence[int]
    steps: int
    decoder_width: int


PUBLISHED = Scale((NetworkConfig.BASE_1B, NetworkConfig.FULL_1B), (2048, 6144), (1, 2, 4, 8), 32, 2048)
SMALL = Scale(
    (
        NetworkConfig(512, 4, 4, 4, 2048, has_duration=False),
        NetworkConfig(512, 4, 4, 4, 6144, has_duration=True),
    ),
    (256, 768),
    (1, 2, 4),
    4,
    128,
)
GLANCE = replace(SMALL, frames=(32, 48), batches=(1,), steps=2)


# The sampler ---------------------------------------------------------------------------------------------------------


def random_network(config: NetworkConfig, machine: Machine) -> DiT:
    """Weights as they are at the start of training, made on the device."""
    with torch.device(machine.device):
        return DiT(config).to(machine.dtype)


def random_song(frames: int) -> Conditioning:
    """One song of nothing in particular."""
    generator = torch.Generator().manual_seed(1)
    style, negative = nn.functional.normalize(torch.randn(2, 512, generator=generator), dim=-1)
    text = torch.randint(0, 364, (frames,), generator=generator)
    return Conditioning(text, style, negative, duration=frames / 6144)


def measure_sampler(scale: Scale, machine: Machine) -> Iterator[float]:
    """A table row for each length and batch; yields the seconds of a song in the best batch of a length."""
    print(
        f"\n{'frames':>7}{'batch':>7}{'s/song':>9}{'songs/h':>9}{'TFLOP/s':>9}{'of peak':>9}{'of floor':>10}{'GiB':>8}"
    )
    for config, frames in zip(scale.configs, scale.frames, strict=True):
        machine.forget()
        sampler = Sampler(
            random_network(config, machine), device=machine.device, dtype=machine.dtype, compile=machine.compile
        )
        best = float("inf")
        for batch in scale.batches:
            try:
                seconds = sampler_seconds(sampler, machine, frames=frames, batch=batch, steps=scale.steps)
            except torch.cuda.OutOfMemoryError:
                print(f"{frames:>7}{batch:>7}   out of memory", flush=True)
                continue
            print_row(machine, song_flops(config, frames, steps=scale.steps), seconds, frames=frames, batch=batch)
            best = min(best, seconds / batch)
        del sampler
        yield best


def sampler_seconds(sampler: Sampler, machine: Machine, *, frames: int, batch: int, steps: int) -> float:
    """One batch of one song, after a short one of the same shape for kernels to be chosen and compiled."""
    songs = [random_song(frames)] * batch
    noises = [noise(seed, frames) for seed in range(batch)]
    sampler.sample(songs, noises, Sampling(steps=2))
    machine.forget()
    return machine.timed(lambda: sampler.sample(songs, noises, Sampling(steps=steps)))


def print_row(machine: Machine, flops: float, seconds: float, *, frames: int, batch: int) -> None:
    """Songs an hour, arithmetic a second, shares of the data sheet and of what an H200 has been measured to reach."""
    rate = batch * flops / seconds
    share = share_of_peak(batch * flops, seconds, device_name=machine.name, dtype=machine.dtype_name)
    peak_gib = machine.peak_gib()
    print(
        f"{frames:>7}{batch:>7}{seconds / batch:>9.3f}{3600 * batch / seconds:>9.0f}{rate / 1e12:>9.2f}"
        f"{'-' if share is None else f'{share:.1%}':>9}{floor_s(batch * flops) / seconds:>10.1%}"
        f"{'-' if peak_gib is None else f'{peak_gib:.1f}':>8}",
        flush=True,
    )


def measure_forms(scale: Scale, machine: Machine) -> None:
    """Every form of weights over each length and batch; shares are of the data sheet's 16-bit rate."""
    print(f"\n{'frames':>7}{'batch':>7}{'weights':>18}{'error':>8}{'s/song':>9}{'TFLOP/s':>9}{'of peak':>9}{'GiB':>8}")
    for config, frames in zip(scale.configs, scale.frames, strict=True):
        machine.forget()
        source = random_network(config, replace(machine, dtype=torch.float16))
        state = {name: tensor.cpu() for name, tensor in source.state_dict().items()}
        del source
        forms = in_forms(
            partial(network_of, config, state),
            config,
            device=machine.device,
            compile=machine.compile,
            probe_frames=min(frames, PROBE_FRAMES),
        )
        for each in forms:
            for batch in scale.batches:
                try:
                    seconds = sampler_seconds(each.sampler, machine, frames=frames, batch=batch, steps=scale.steps)
                except torch.cuda.OutOfMemoryError:
                    print(f"{frames:>7}{batch:>7}{each.form:>18}   out of memory", flush=True)
                    continue
                print_form(machine, each, batch * song_flops(config, frames, steps=scale.steps), seconds, frames, batch)


def network_of(config: NetworkConfig, state: Mapping[str, Tensor]) -> DiT:
    """The network with these tensors, which it shares."""
    with torch.device("meta"):
        network = DiT(config)
    network.load_state_dict(state, assign=True)
    return network


def print_form(machine: Machine, each: FormOfNetwork, flops: float, seconds: float, frames: int, batch: int) -> None:
    share = share_of_peak(flops, seconds, device_name=machine.name, dtype="bfloat16")
    peak_gib = machine.peak_gib()
    print(
        f"{frames:>7}{batch:>7}{each.form:>18}{each.error:>8.4f}{seconds / batch:>9.3f}{flops / seconds / 1e12:>9.2f}"
        f"{'-' if share is None else f'{share:.1%}':>9}{'-' if peak_gib is None else f'{peak_gib:.1f}':>8}",
        flush=True,
    )


def profile_evaluations(scale: Scale, machine: Machine) -> None:
    """Where the time of two evaluations goes, kernel by kernel."""
    config, frames, batch = scale.configs[0], scale.frames[0], scale.batches[-1]
    sampler = Sampler(
        random_network(config, machine), device=machine.device, dtype=machine.dtype, compile=machine.compile
    )
    songs, noises = [random_song(frames)] * batch, [noise(seed, frames) for seed in range(batch)]
    sampler.sample(songs, noises, Sampling(steps=2))
    with torch.profiler.profile() as profile:
        sampler.sample(songs, noises, Sampling(steps=3))
    order = "self_cuda_time_total" if machine.device.type == "cuda" else "self_cpu_time_total"
    print(profile.key_averages().table(sort_by=order, row_limit=16, max_name_column_width=60))


# The decoder ---------------------------------------------------------------------------------------------------------


def decode_all(network: nn.Module, chunks: Tensor) -> None:
    """Every chunk [64, T], some at a time, the audio dropped."""
    for some in chunks.split(CHUNKS_AT_ONCE):
        network(some)


@torch.no_grad()
def measure_decoder(scale: Scale, machine: Machine, sampled_s: Sequence[float]) -> None:
    """Chunked decoding of one song in the sampler's precision and in float32, against the sampler's time for it."""
    print(f"\n{'frames':>7}{'decoder':>10}{'s/song':>9}{'TFLOP/s':>9}{'of sampler':>12}{'GiB':>8}")
    with torch.device(machine.device):
        network = decoder(scale.decoder_width)
    for dtype in dict.fromkeys((machine.dtype, torch.float32)):
        network.to(dtype)
        for frames, sampler_s in zip(scale.frames, sampled_s, strict=True):
            count = chunks_of(frames)
            latent = torch.randn(count, 64, min(frames, CHUNK_FRAMES), device=machine.device, dtype=dtype)
            network(latent[:CHUNKS_AT_ONCE])
            machine.forget()
            seconds = machine.timed(partial(decode_all, network, latent))
            share = (scale.decoder_width / PUBLISHED.decoder_width) ** 2
            flops = share * decode_flops(count * latent.shape[2])
            peak_gib = machine.peak_gib()
            print(
                f"{frames:>7}{str(dtype).removeprefix('torch.'):>10}{seconds:>9.3f}{flops / seconds / 1e12:>9.2f}"
                f"{seconds / sampler_s:>12.1%}{'-' if peak_gib is None else f'{peak_gib:.1f}':>8}",
                flush=True,
            )


# Loading -------------------------------------------------------------------------------------------------------------


def measure_loading(config: NetworkConfig, machine: Machine) -> None:
    """The published file's form and size, written to a temporary folder, from file to a sampler that is ready."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cfm_model.pt"
        with torch.device("meta"):
            state = DiT(config).state_dict()
        torch.save(
            {"model_state_dict": {f"transformer.{name}": torch.rand(of.shape).half() for name, of in state.items()}},
            path,
        )
        size_gb = path.stat().st_size / 1e9
        network: list[DiT] = []
        read_s = machine.timed(lambda: network.append(load_network(path)))
        ready_s = machine.timed(lambda: Sampler(network[0], device=machine.device, dtype=machine.dtype))
    print(f"\nloading a file of {size_gb:.2f} GB: {read_s:.2f} s to read and check, {ready_s:.2f} s to the device")


# The command ---------------------------------------------------------------------------------------------------------


def attention_kernels(name: str) -> AbstractContextManager[object]:
    """Only this kind of attention kernel, or whatever torch chooses."""
    if name == "auto":
        return nullcontext()
    from torch.nn.attention import SDPBackend, sdpa_kernel

    return sdpa_kernel(getattr(SDPBackend, ATTENTION[name]))


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", choices=DTYPES, help="bfloat16 on a GPU, float32 elsewhere")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="the published sizes, also without a GPU")
    size.add_argument("--glance", action="store_true", help="the least that runs every part")
    parser.add_argument("--compile", action="store_true", help="compile the stages between matrix products")
    parser.add_argument("--attention", choices=["auto", *ATTENTION], default="auto")
    parser.add_argument("--batches", type=int, nargs="+")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--profile", action="store_true", help="only say where an evaluation's time goes")
    parser.add_argument("--forms", action="store_true", help="only compare bfloat16, int8 and fp8 weights")
    parser.add_argument("--loading", action="store_true", help="only load a file of the published size")
    return parser.parse_args(given)


def scale_of(chosen: argparse.Namespace) -> Scale:
    whole = chosen.full or (torch.device(chosen.device).type == "cuda" and not chosen.glance)
    scale = PUBLISHED if whole else GLANCE if chosen.glance else SMALL
    return replace(scale, batches=chosen.batches or scale.batches, steps=chosen.steps or scale.steps)


def main(given: Sequence[str] | None = None) -> None:
    """Measure and print."""
    chosen = arguments(given)
    device = torch.device(chosen.device)
    dtype = DTYPES[chosen.dtype or ("bfloat16" if device.type == "cuda" else "float32")]
    machine, scale = Machine(device, dtype, chosen.compile), scale_of(chosen)
    compiled = ", compiled" if machine.compile else ""
    print(f"\n{machine.name}, torch {torch.__version__}, {machine.dtype_name}, {scale.steps} steps, guided{compiled}")
    print(f"network {scale.configs[0].dim} wide, {scale.configs[0].depth} layers; attention: {chosen.attention}")
    if chosen.loading:
        measure_loading(PUBLISHED.configs[0], machine)
        return
    with attention_kernels(chosen.attention):
        if chosen.profile:
            profile_evaluations(scale, machine)
            return
        if chosen.forms:
            measure_forms(scale, machine)
            return
        sampled_s = list(measure_sampler(scale, machine))
    measure_decoder(scale, machine, sampled_s)
    measure_loading((scale if chosen.glance else PUBLISHED).configs[0], machine)


if __name__ == "__main__":
    main()
