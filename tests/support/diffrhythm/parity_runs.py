"""Runs the network and the sampler on one case of the reference data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from tasks.engines.diffrhythm.network.network import DiT
from tasks.engines.diffrhythm.network.sampler import Conditioning, Sampler, Sampling, regenerated_frames
from tests.support.diffrhythm.networks import tiny_network
from tests.support.diffrhythm.parity import load_case

DIT = "dit.safetensors"
CFM = "cfm.safetensors"


def inputs_of(name: str, cases: Mapping[str, Any]) -> dict[str, Tensor]:
    """A case's tensors; a case without inputs of its own uses those of the case it was derived from."""
    own = load_case(DIT, name)
    if "x" in own:
        return own
    parent = cases[name].get("inputs")
    if parent is None:
        parent = max((other for other in cases if other != name and name.startswith(other)), key=len)
    return {**load_case(DIT, parent), **own}


def forwards(network: DiT, case: Mapping[str, Any], given: Mapping[str, Tensor], branch: str) -> Tensor:
    """The case's ``cond`` or ``null`` output by the network's plain forward pass, at the stored rows."""
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


def network_of(case: Mapping[str, Any], name: str) -> DiT:
    return tiny_network(case["max_frames"], exact_buffers=not name.endswith("_halfbuffers"))


def song_of(group: Mapping[str, Any], given: Mapping[str, Tensor]) -> Conditioning:
    edit = group["edit"]
    return Conditioning(
        given["text"][0],
        given["style"][0],
        given["neg_style"][0],
        start_time=given["start_time"].item(),
        duration=given["duration"].item() if "duration" in given else None,
        known_latents=given["cond"][0] if edit else None,
        regenerate=regenerated_frames(group["segments"], group["frames"]) if edit else None,
    )


def sampled(
    group: Mapping[str, Any], run: Mapping[str, Any], given: Mapping[str, Tensor], noises: list[Tensor]
) -> Tensor:
    """One run of a group: the song sampled once for each noise."""
    sampler = Sampler(tiny_network(group["max_frames"]), device="cpu", dtype=torch.float32)
    sampling = Sampling(run["steps"], run["cfg"], run.get("sway", 0.0))
    return sampler.sample([song_of(group, given)] * len(noises), noises, sampling)


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
