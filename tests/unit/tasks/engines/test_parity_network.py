"""The plain form of the network against the reference: outputs, intermediates, training losses and gradients.

Cases, shapes and sizes come from the folder (see :mod:`parity_folder`); what it lacks gives no test.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from parity_folder import load_case, load_index, over, parity_folder

torch = pytest.importorskip("torch", reason="the network's tests need torch")
pytest.importorskip("safetensors", reason="the reference data is in safetensors")

from diffrhythm_nets import one_thread, tiny_network  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from tasks.engines.diffrhythm.network.network import DiT  # noqa: E402

DIT = "dit.safetensors"
MODEL = load_index("model_index.json")
TRAIN = load_index("train_index.json")

FORWARD = {"atol": 2e-5, "rtol": 1e-4}
TRAINING = {"atol": 0.0, "rtol": 1e-4}

__all__ = ["one_thread"]


def test_reference_data_is_at_hand() -> None:
    if not parity_folder().is_dir():
        pytest.skip(f"no reference data: {parity_folder()} is absent, and SONGLINE_PARITY names no other folder")
    assert MODEL, "model_index.json says which cases there are"


def inputs_of(name: str) -> dict[str, Tensor]:
    """A case's tensors; one that stores no inputs of its own has those of the case it was derived from."""
    own = load_case(DIT, name)
    if "x" in own:
        return own
    parent = MODEL["dit"][name].get("inputs")
    if parent is None:
        parent = max((other for other in MODEL["dit"] if other != name and name.startswith(other)), key=len)
    return {**load_case(DIT, parent), **own}


def forwards(network: DiT, case: Mapping[str, Any], given: Mapping[str, Tensor], branch: str) -> Tensor:
    """The case's ``cond`` or ``null`` output by the plain form of the network, at the rows that are stored."""
    null = branch == "null"
    velocity = network(
        given["x"],
        given.get("cond", torch.zeros_like(given["x"])),
        given["text"],
        given["time"],
        given["neg_style"] if null else given["style"],
        start_time=given["start_time"],
        duration=given.get("duration"),
        drop_audio=null,
        drop_text=null,
        drop_style=not null and case.get("drop_prompt", False),
        causal=case.get("causal", False),
    )
    return velocity[:, given["rows"]] if "rows" in given else velocity


def forward_cases() -> list[str]:
    """Case and branch, for every output that is stored."""
    return [
        f"{name}/{branch}"
        for name in MODEL.get("dit", {})
        for branch in ("cond", "null")
        if f"out_{branch}" in load_case(DIT, name)
    ]


def network_of(case: Mapping[str, Any], name: str) -> DiT:
    return tiny_network(case["max_frames"], exact_buffers=not name.endswith("_halfbuffers"))


@over("case_branch", forward_cases())
def test_parity_dit(case_branch: str) -> None:
    name, branch = case_branch.split("/")
    case, given = MODEL["dit"][name], inputs_of(name)
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
    case, given = MODEL["dit"][name], inputs_of(name)
    network = network_of(case, name)
    seen: list[Tensor] = []
    module_of(network, intermediate).register_forward_hook(lambda module, args, output: seen.append(output))
    with torch.no_grad():
        forwards(network, case, given, "cond")
    torch.testing.assert_close(seen[0], given[f"mid/{intermediate}"], **FORWARD)


def training_loss(network: DiT, given: Mapping[str, Tensor], drops: Mapping[str, bool]) -> tuple[Tensor, Tensor]:
    """The prediction, and its mean squared error over the songs' valid frames."""
    time = given["time_logit"].sigmoid()
    mix = time[:, None, None]
    x = (1 - mix) * given["x0"] + mix * given["x1"]
    predicted = network(
        x, torch.zeros_like(x), given["text"], time, given["style"], start_time=given["start_time"], **drops
    )
    valid = torch.arange(x.shape[1])[None] < given["lens"][:, None]
    return predicted, (predicted - (given["x1"] - given["x0"]))[valid].square().mean()


def training_network() -> DiT:
    return tiny_network(None)


def training_batch() -> dict[str, Tensor]:
    return load_case("train.safetensors", "train")


def loss_cases() -> list[str]:
    return [name for name, what in TRAIN.items() if "loss" in what] if training_batch() else []


@over("combination", loss_cases())
def test_parity_train_loss(combination: str) -> None:
    what, given = TRAIN[combination], training_batch()
    drops = {name: drop for name, drop in what.items() if name.startswith("drop_")}
    with torch.no_grad():
        predicted, loss = training_loss(training_network(), given, drops)
    torch.testing.assert_close(loss.item(), what["loss"], **TRAINING)
    if f"pred_{combination}" in given:
        torch.testing.assert_close(predicted, given[f"pred_{combination}"], **FORWARD)


def gradient_cases() -> list[str]:
    return [name for name in TRAIN if name.startswith("grad_norms_")] if training_batch() else []


@over("norms", gradient_cases())
def test_parity_train_gradients(norms: str) -> None:
    """Every norm that is stored, and the rows of gradients, of the combination that the norms' name ends with."""
    combination, given = norms.removeprefix("grad_norms_"), training_batch()
    network = training_network()
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
