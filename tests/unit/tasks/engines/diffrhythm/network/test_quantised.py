"""Quantised layers: which matrices, how large, how exact, in batches, with adapters, and the memory of making them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate

import pytest

torch = pytest.importorskip("torch", reason="the network's tests need torch")
pytest.importorskip("torchao", reason="quantising needs the extra `quantised`")

from torch import Tensor  # noqa: E402

from tasks.engines.diffrhythm.network import precision  # noqa: E402
from tasks.engines.diffrhythm.network.config import NetworkConfig  # noqa: E402
from tasks.engines.diffrhythm.network.evaluator import run_layer  # noqa: E402
from tasks.engines.diffrhythm.network.fused import QuantisedLayer, fused  # noqa: E402
from tasks.engines.diffrhythm.network.quantised import StreamedLayers, quantised_layers  # noqa: E402
from tasks.engines.diffrhythm.network.sampler import Sampler, Sampling, noise  # noqa: E402
from tasks.engines.diffrhythm.precision_gate import Quantised  # noqa: E402
from tests.support.diffrhythm.networks import one_thread  # noqa: E402
from tests.support.diffrhythm.weights import GAUSSIAN, ONE_LAYER, SMALL, STUDENT, random_weights, reader  # noqa: E402
from tests.support.tiny_adapters import tiny_adapter  # noqa: E402

__all__ = ["one_thread"]
pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
MATRICES = ("qkv", "out", "gate_up", "down")
LONGER = Sampling(steps=17, cfg_strength=4.0)


def in_int8(config: NetworkConfig, weights, dtype=torch.float32, adapters=()) -> Quantised:
    return Quantised(reader(config, weights), "int8", CPU, dtype, adapters)


def forward_error(config: NetworkConfig, weights, *, frames: int, dtype=torch.float32) -> float:
    quantised = in_int8(config, weights, dtype)
    sampler, _ = quantised.sampler()
    reference = precision.probe_velocities(quantised.reference(), config, frames=frames)
    return precision.worst_error(reference, precision.probe_velocities(sampler, config, frames=frames))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("freedom", "limit"), [(GAUSSIAN, 0.03), (STUDENT, 0.045)])
def test_the_error_of_one_evaluation_at_a_real_width(freedom: int, limit: float, dtype) -> None:
    error = forward_error(ONE_LAYER, random_weights(ONE_LAYER, freedom=freedom), frames=64, dtype=dtype)
    assert 0.001 < error <= limit


def test_an_outlier_row_costs_its_own_row_alone() -> None:
    weights = random_weights(ONE_LAYER)
    weights["transformer_blocks.0.mlp.down_proj.weight"][7] *= 10
    assert forward_error(ONE_LAYER, weights, frames=64) <= 0.05


@pytest.mark.parametrize(("freedom", "limit"), [(GAUSSIAN, 0.02), (STUDENT, 0.04)])
def test_the_error_of_a_whole_sample(freedom: int, limit: float) -> None:
    config = replace(SMALL, dim=256, ff_mult=4)
    quantised = in_int8(config, random_weights(config, freedom=freedom))
    latents = [
        precision.probe_sample(sampler, config, frames=64, sampling=LONGER)
        for sampler in (quantised.reference(), quantised.sampler()[0])
    ]
    measured = precision.sample_error(*latents)
    assert 0.001 < measured.error <= limit
    assert measured.cosine >= 0.99


def test_the_layers_matrices_alone_are_quantised_and_the_network_loses_its_own() -> None:
    from torchao.quantization import Int8Tensor

    network = reader(SMALL, random_weights(SMALL))()
    layers = quantised_layers(network, "int8", device=CPU, dtype=torch.bfloat16)
    assert len(layers) == SMALL.depth
    for layer in layers:
        assert isinstance(layer, QuantisedLayer)
        assert all(isinstance(getattr(layer, name), Int8Tensor) for name in MATRICES)
        assert layer.attention_norm.dtype == layer.hidden_norm.dtype == torch.bfloat16
    assert sum(parameter.numel() for parameter in network.transformer_blocks.parameters()) == 0
    rest = [*network.text_fusion_linears.parameters(), *network.input_embed.parameters(), network.proj_out.weight]
    assert all(type(parameter) is torch.nn.Parameter and parameter.numel() for parameter in rest)


def held_bytes(tensor: Tensor) -> int:
    """The bytes of a tensor, of all parts of a quantised one."""
    parts = [getattr(tensor, name) for name in ("qdata", "scale") if hasattr(tensor, name)] or [tensor]
    return sum(part.untyped_storage().nbytes() for part in parts)


@pytest.mark.parametrize(("dtype", "limit"), [(torch.bfloat16, 0.30), (torch.float32, 0.33)])
def test_the_memory_of_the_layers_weights(dtype, limit: float) -> None:
    network = reader(ONE_LAYER, random_weights(ONE_LAYER))()
    full = sum(4 * parameter.numel() for parameter in network.transformer_blocks.parameters())
    (layer,) = quantised_layers(network, "int8", device=CPU, dtype=dtype)
    held = sum(held_bytes(getattr(layer, name)) for name in (*MATRICES, "attention_norm", "hidden_norm"))
    assert held <= limit * full


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_batch_of_four_gives_each_songs_single_result(dtype) -> None:
    sampler, _ = in_int8(SMALL, random_weights(SMALL), dtype).sampler()
    song, sampling = precision.probe_song(SMALL, 48), Sampling(steps=4, cfg_strength=2.0)
    noises = [noise(seed, 48) for seed in range(4)]
    together = sampler.sample([song] * 4, noises, sampling)
    alone = torch.cat([sampler.sample([song], [each], sampling) for each in noises])
    assert precision.relative_error(alone, together) <= 1e-5


def test_adapters_are_merged_before_anything_is_joined_or_rounded() -> None:
    """An adapter's change reaches the quantised weights as if the file had held the sum."""
    weights = random_weights(SMALL)
    shapes = {name.removesuffix(".weight"): tuple(weights[name].shape) for name in weights if "q_proj" in name}
    adapter = tiny_adapter(shapes, rank=4, seed=3)
    summed = dict(weights)
    for name, (a, b) in adapter.pairs.items():
        change = 0.7 * adapter.alpha_of(name) / adapter.rank_of(name) * (b.double() @ a.double())
        summed[f"{name}.weight"] = (weights[f"{name}.weight"].double() + change).float()
    merged, _ = in_int8(SMALL, weights, adapters=[(adapter, 0.7)]).sampler()
    plain, _ = in_int8(SMALL, summed).sampler()
    base, _ = in_int8(SMALL, weights).sampler()
    velocities = [precision.probe_velocities(sampler, SMALL, frames=32) for sampler in (merged, plain, base)]
    assert all(torch.equal(one, other) for one, other in zip(*velocities[:2], strict=True))
    assert precision.worst_error(velocities[2], velocities[0]) > 0.01


def test_streamed_layers_are_the_networks_own_bit_for_bit() -> None:
    weights = {name: tensor.half() for name, tensor in random_weights(SMALL).items()}
    read = reader(SMALL, weights)
    streamed = Sampler(
        network := read(),
        device=CPU,
        dtype=torch.float32,
        layers=StreamedLayers(network, device=CPU, dtype=torch.float32),
    )
    own = Sampler(read(), device=CPU, dtype=torch.float32)
    pairs = (precision.probe_velocities(sampler, SMALL, frames=32) for sampler in (streamed, own))
    assert all(torch.equal(one, other) for one, other in zip(*pairs, strict=True))


def peak_bytes(work: Callable[[], object]) -> int:
    """The most bytes that ``work`` had from torch's allocator at once, what it returns included."""
    on_cpu = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=on_cpu, profile_memory=True, acc_events=True) as profile:
        kept = work()
    changes = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    assert kept is not None
    return max(accumulate(event.nbytes() for event in sorted(changes, key=lambda event: event.start_ns())))


def test_loading_takes_little_more_than_the_network_in_sixteen_bits() -> None:
    """Layer by layer: a network of twelve layers, with an adapter of every layer, is never in memory as a whole."""
    config = replace(SMALL, dim=256, depth=12, ff_mult=4)
    weights = {name: tensor.half() for name, tensor in random_weights(config).items()}
    layers = {
        name.removesuffix(".weight"): tuple(tensor.shape)
        for name, tensor in weights.items()
        if name.startswith("transformer_blocks") and tensor.dim() == 2
    }
    adapter = tiny_adapter(layers, rank=4)
    in_bfloat16 = sum(2 * tensor.numel() for tensor in weights.values())
    peak = peak_bytes(in_int8(config, weights, torch.bfloat16, [(adapter, 1.0)]).sampler)
    assert 0.4 * in_bfloat16 < peak <= 1.3 * in_bfloat16, "at least the result itself"


def test_whole_layers_compile_into_one_graph_for_all() -> None:
    """As on a GPU, with a backend that generates no code."""
    from torch._dynamo.testing import CompileCounterWithBackend

    counter = CompileCounterWithBackend("aot_eager")
    layers = quantised_layers(reader(SMALL, random_weights(SMALL))(), "int8", device=CPU, dtype=torch.float32)
    compiled = torch.compile(run_layer, fullgraph=True, dynamic=False, backend=counter)
    table = torch.randn(16, 1, 1, SMALL.head_dim)
    start = torch.randn(2, 16, SMALL.dim)
    plain, whole = start.clone(), start.clone()
    with torch.no_grad():
        for layer in layers:
            run_layer(plain, layer, (table, table))
            compiled(whole, layer, (table, table))
    assert counter.frame_count == 1
    assert precision.relative_error(plain, whole) < 1e-5


def test_full_layers_join_as_before() -> None:
    network = reader(SMALL, random_weights(SMALL))()
    layer = fused(network.transformer_blocks[0])
    q_proj = network.transformer_blocks[0].self_attn.q_proj.weight
    assert q_proj.untyped_storage().data_ptr() == layer.qkv.untyped_storage().data_ptr()
