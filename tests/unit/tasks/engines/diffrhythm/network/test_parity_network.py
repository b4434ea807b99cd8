"""The plain form of the network against the reference: outputs, intermediates, training losses and gradients.

Cases, shapes and sizes come from the folder (see :mod:`tests.support.diffrhythm.parity`); cases that it lacks give no
test, so every file of it must be there.
"""

from __future__ import annotations

import re

import pytest

from tests.support.diffrhythm.parity import load_case, load_index, load_tensors, over, parity_folder

torch = pytest.importorskip("torch", reason="the network's tests need torch")
pytest.importorskip("safetensors", reason="the reference data is in safetensors")

from torch import Tensor, nn  # noqa: E402

from tests.support.diffrhythm.networks import one_thread, tiny_network  # noqa: E402
from tests.support.diffrhythm.parity_runs import DIT, forwards, inputs_of, network_of, training_loss  # noqa: E402

MODEL = load_index("model_index.json")
TRAIN = load_index("train_index.json")

FORWARD = {"atol": 2e-5, "rtol": 1e-4}
TRAINING = {"atol": 0.0, "rtol": 1e-4}

__all__ = ["one_thread"]


def test_reference_data_is_at_hand() -> None:
    assert parity_folder().is_dir(), "SONGLINE_PARITY names no folder"
    assert MODEL, "model_index.json says which cases there are"


@pytest.mark.parametrize(
    "name", ["half_index.json", "lrc.json", "model_index.json", "train_index.json", "vae_index.json"]
)
def test_no_index_of_the_reference_data_is_missing(name: str) -> None:
    assert load_index(name)


@pytest.mark.parametrize("name", ["cfm", "dit", "half", "schedule", "train", "units", "vae"])
def test_no_tensors_of_the_reference_data_are_missing(name: str) -> None:
    assert load_tensors(f"{name}.safetensors")


def forward_cases() -> list[str]:
    """Case and branch, for every output that is stored."""
    return [
        f"{name}/{branch}"
        for name in MODEL.get("dit", {})
        for branch in ("cond", "null")
        if f"out_{branch}" in load_case(DIT, name)
    ]


@over("case_branch", forward_cases())
def test_parity_dit(case_branch: str) -> None:
    name, branch = case_branch.split("/")
    case, given = MODEL["dit"][name], inputs_of(name, MODEL["dit"])
    with torch.no_grad():
        velocity = forwards(network_of(case, name), case, given, branch)
    torch.testing.assert_close(velocity, given[f"out_{branch}"], **FORWARD)


MODULES = {
    "input_proj": "input_embed.proj",
    r"text_block(\d+)": r"text_embed.text_blocks.\1",
    r"block(\d+)": r"transformer_blocks.\1",
    r"fusion(\d+)": r"text_fusion_linears.\1",
}
"""Which module's output an intermediate is, where the names differ."""


def module_of(network: nn.Module, intermediate: str) -> nn.Module:
    for pattern, path in MODULES.items():
        match = re.fullmatch(pattern, intermediate)
        if match:
            return network.get_submodule(match.expand(path))
    return network.get_submodule(intermediate)


def intermediate_cases() -> list[str]:
    return [f"{name}/{key}" for name in MODEL.get("dit", {}) for key in load_case(DIT, name) if key.startswith("mid/")]


@over("case_intermediate", intermediate_cases())
def test_parity_dit_intermediates(case_intermediate: str) -> None:
    name, _, intermediate = case_intermediate.split("/")
    case, given = MODEL["dit"][name], inputs_of(name, MODEL["dit"])
    network = network_of(case, name)
    seen: list[Tensor] = []
    module_of(network, intermediate).register_forward_hook(lambda module, args, output: seen.append(output))
    with torch.no_grad():
        forwards(network, case, given, "cond")
    torch.testing.assert_close(seen[0], given[f"mid/{intermediate}"], **FORWARD)


def training_batch() -> dict[str, Tensor]:
    return load_case("train.safetensors", "train")


def loss_cases() -> list[str]:
    return [name for name, what in TRAIN.items() if "loss" in what] if training_batch() else []


@over("combination", loss_cases())
def test_parity_train_loss(combination: str) -> None:
    what, given = TRAIN[combination], training_batch()
    drops = {name: drop for name, drop in what.items() if name.startswith("drop_")}
    with torch.no_grad():
        predicted, loss = training_loss(tiny_network(), given, drops)
    torch.testing.assert_close(loss.item(), what["loss"], **TRAINING)
    if f"pred_{combination}" in given:
        torch.testing.assert_close(predicted, given[f"pred_{combination}"], **FORWARD)


def gradient_cases() -> list[str]:
    return [name for name in TRAIN if name.startswith("grad_norms_")] if training_batch() else []


@over("norms", gradient_cases())
def test_parity_train_gradients(norms: str) -> None:
    """Every norm that is stored, and the rows of gradients, of the combination that the norms' name ends with."""
    combination, given = norms.removeprefix("grad_norms_"), training_batch()
    network = tiny_network()
    drops = {name: drop for name, drop in TRAIN[combination].items() if name.startswith("drop_")}
    training_loss(network, given, drops)[1].backward()
    gradients = {f"transformer.{name}": parameter.grad for name, parameter in network.named_parameters()}
    made = {name: gradients[name].norm().item() for name in TRAIN[norms]}
    torch.testing.assert_close(made, TRAIN[norms], **TRAINING)
    for block, projection, first, last in re.findall(r"grad_block(\d+)_(\w+?)_rows(\d+)_(\d+)", " ".join(given)):
        made_rows = gradients[f"transformer.transformer_blocks.{block}.self_attn.{projection}.weight"]
        wanted = given[f"grad_block{block}_{projection}_rows{first}_{last}"]
        scale = wanted.abs().max().item()
        torch.testing.assert_close(made_rows[int(first) : int(last)], wanted, rtol=1e-4, atol=1e-4 * scale)
