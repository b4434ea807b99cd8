"""Merged weights against PEFT: its own files, its forward, its sums; and what merging leaves as it was."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="adapters are tensors")
peft = pytest.importorskip("peft", reason="merging is compared with PEFT")

from safetensors.torch import save_file  # noqa: E402

from catalog.common.errors import MachineError  # noqa: E402
from tasks.engines.diffrhythm.network.checkpoint import load_network  # noqa: E402
from tasks.engines.diffrhythm.network.sampler import Conditioning, Sampler, Sampling, noise  # noqa: E402
from tasks.engines.diffrhythm.network.schedule import time_grid  # noqa: E402
from tasks.weights.adapters.merge import merged, misfits  # noqa: E402
from tasks.weights.adapters.reading import read_adapter  # noqa: E402
from tasks.weights.adapters.writing import write_adapter  # noqa: E402
from tests.support.diffrhythm.networks import one_thread, tiny_network, tiny_tensors  # noqa: E402
from tests.support.tiny_adapters import TARGETS, Q, tiny_adapter, tiny_layers  # noqa: E402

__all__ = ["one_thread"]

FRAMES = 40
GUIDANCE = 3.0


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory):
    """The file of the tiny base network."""
    path = tmp_path_factory.mktemp("network") / "tiny.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in tiny_tensors(full=False).items()}, path)
    return path


@pytest.fixture(scope="module")
def layers(weights):
    return tiny_layers(weights)


def song() -> Conditioning:
    generator = torch.Generator().manual_seed(3)
    style, negative = torch.nn.functional.normalize(torch.randn(2, 512, generator=generator), dim=-1)
    return Conditioning(torch.randint(0, 364, (FRAMES,), generator=generator), style, negative, start_time=0.1)


def sampled(weights, adapters=(), dtype=torch.float32):
    """A latent [T, 64] as rendering samples it."""
    network = load_network(weights, exact_buffers=True, adapters=adapters)
    sampler = Sampler(network, device="cpu", dtype=dtype)
    return sampler.sample([song()], [noise(5, FRAMES)], Sampling(6, GUIDANCE))[0]


def by_forward(network):
    """The same by the forward of a network that PEFT has wrapped, and Euler's method."""
    one, latent, nothing = song(), noise(5, FRAMES)[None].clone(), torch.zeros(1, FRAMES, 64)
    start = torch.tensor([one.start_time])
    with torch.no_grad():
        for now, later in itertools.pairwise(time_grid(6, 0.0)):
            cond = network(latent, nothing, one.text[None], now, one.style[None], start_time=start)
            null = network(
                latent, nothing, one.text[None], now, one.negative_style[None], drop_text=True, start_time=start
            )
            latent += (later - now) * (cond + GUIDANCE * (cond - null))
    return latent[0]


def of_rms(made, wanted) -> float:
    return ((made - wanted).square().mean().sqrt() / wanted.square().mean().sqrt()).item()


def wrapped(folder: Path, **options):
    """A network that PEFT has wrapped with random pairs, saved in PEFT's own way."""
    torch.manual_seed(11)
    config = peft.LoraConfig(target_modules=list(TARGETS), init_lora_weights=False, **options)
    network = peft.get_peft_model(tiny_network(), config)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "lora_" in name:
                parameter.mul_(0.1 if "lora_B" in name else 1.0)
    network.save_pretrained(folder)
    return network.eval()


# --- against PEFT


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"r": 8, "lora_alpha": 8},
        {"r": 4, "lora_alpha": 16, "use_rslora": True},
        {"r": 4, "lora_alpha": 6, "rank_pattern": {"q_proj": 8}, "alpha_pattern": {"mlp.up_proj": 2}},
    ],
)
def test_a_sampled_latent_is_that_of_pefts_forward(tmp_path: Path, weights, options) -> None:
    network = wrapped(tmp_path, **options)
    adapter = read_adapter(tmp_path)
    made = sampled(weights, [(adapter, 1.0)])
    assert of_rms(made, by_forward(network)) <= 1e-5
    assert of_rms(made, sampled(weights)) > 0.01, "the adapter is heard"


@pytest.mark.slow
def test_adapters_of_unequal_rank_add_up_as_in_peft(tmp_path: Path, weights, layers) -> None:
    small = tiny_adapter(layers, rank=4, seed=1)
    large = tiny_adapter({layer: shape for layer, shape in layers.items() if "mlp" in layer}, rank=8, seed=2)
    network = tiny_network()
    for name, adapter in (("small", small), ("large", large)):
        (tmp_path / name).mkdir()
        write_adapter(adapter, tmp_path / name)
        if name == "small":
            network = peft.PeftModel.from_pretrained(network, tmp_path / name, adapter_name=name)
        else:
            network.load_adapter(tmp_path / name, adapter_name=name)
    network.base_model.set_adapter(["small", "large"])
    for module in network.modules():
        if hasattr(module, "set_scale"):
            module.set_scale("small", 0.8)
            module.set_scale("large", -0.3)
    made = sampled(weights, [(small, 0.8), (large, -0.3)])
    assert of_rms(made, by_forward(network.eval())) <= 1e-5


@pytest.mark.slow
def test_peft_reads_what_songline_writes(tmp_path: Path, weights, layers) -> None:
    adapter = tiny_adapter(layers, rank=4, alpha=6.0, alpha_pattern={Q: 3.0}, base="ab" * 32, record={"a": 1})
    write_adapter(adapter, tmp_path)
    network = peft.PeftModel.from_pretrained(tiny_network(), tmp_path).eval()
    assert of_rms(sampled(weights, [(adapter, 1.0)]), by_forward(network)) <= 1e-5


# --- what stays as it was


@pytest.mark.slow
def test_weight_nought_and_no_adapters_are_the_base_bit_for_bit(weights, layers) -> None:
    base = sampled(weights)
    for adapters in ([(tiny_adapter(layers), 0.0)], [(tiny_adapter(layers), -0.0), (tiny_adapter(layers, seed=2), 0)]):
        assert torch.equal(sampled(weights, adapters), base)
    low = sampled(weights, dtype=torch.bfloat16)
    assert torch.equal(sampled(weights, [(tiny_adapter(layers), 0.0)], torch.bfloat16), low)


def test_only_adapted_layers_change_and_in_float32(weights, layers) -> None:
    state = {name: tensor.half() for name, tensor in load_network(weights).state_dict().items()}
    before = {name: tensor.clone() for name, tensor in state.items()}
    changed = merged(state, [(tiny_adapter({Q: layers[Q]}), 1.0)])
    assert list(changed) == [f"{Q}.weight"]
    assert changed[f"{Q}.weight"].dtype == torch.float32
    assert all(torch.equal(state[name], before[name]) for name in before), "the base is not written to"


def test_a_small_difference_is_not_lost_beside_a_base_in_half_precision(layers) -> None:
    base = {f"{Q}.weight": torch.ones(layers[Q]).half()}
    adapter = tiny_adapter({Q: layers[Q]}, strength=1e-5)
    a, b = adapter.pairs[Q]
    difference = merged(base, [(adapter, 1.0)])[f"{Q}.weight"].double() - 1
    assert (difference - b.double() @ a.double()).abs().max() < 1e-7


def test_the_order_of_adapters_matters_by_rounding_alone(weights, layers) -> None:
    state = load_network(weights).state_dict()
    pair = [(tiny_adapter(layers, seed=seed), share) for seed, share in ((1, 0.7), (2, -1.5))]
    one, other = merged(state, pair), merged(state, pair[::-1])
    assert max((one[name] - other[name]).abs().max().item() for name in one) < 1e-6


# --- what does not fit


def test_layers_that_do_not_fit_are_named(weights, layers) -> None:
    a, b = tiny_adapter({Q: layers[Q]}).pairs[Q]
    adapter = replace(
        tiny_adapter({}, rank=4), pairs={Q: (a[:, :-1], b), "transformer_blocks.99.mlp.up_proj": (a, b), "proj": (a, b)}
    )
    faults = list(misfits(adapter, layers))
    assert len(faults) == 3
    assert faults[0] == "proj is no linear layer of the network"
    assert f"{Q} is of {a.shape[1] - 1} to {len(b)} channels" in faults[1]
    with pytest.raises(MachineError, match="does not fit") as caught:
        load_network(weights, adapters=[(adapter, 0.0)])
    assert Q in caught.value.what
