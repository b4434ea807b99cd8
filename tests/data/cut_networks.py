"""The part of the cut reference data that whole networks computed: short inputs of the original's cases, new outputs.

The original's weights are too many to be kept. The outputs here come from Songline's own network, which agreed with the
original on the full folder in the same run, on weights that are drawn from a number.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.data.cut_words import write_json
from tests.support.diffrhythm import parity
from tests.support.diffrhythm.networks import tiny_network
from tests.support.diffrhythm.parity_runs import forwards, inputs_of, network_of, sampled, training_loss

WEIGHTS_SEED = 13
TRAIN_FRAMES = 16
HALF_STEPS = 8

DIT = {
    "base_b1_t33": ("base_b1_t33", 1, 33),
    "base_b1_t33_causal": (None, 1, 33),
    "base_b1_t33_dropprompt": (None, 1, 33),
    "base_b1_t33_halfbuffers": (None, 1, 33),
    "base_b2_t16_edit": ("base_b3_t80_edit", 2, 16),
    "full_b2_t16_edit": ("full_b2_t112_edit", 2, 16),
}
"""Case → the case it is cut from (none: it has the inputs of the first), its batch and its frames."""

CFM: dict[str, dict[str, Any]] = {
    "base_gen": {
        "frames": 12,
        "batches": (1, 3),
        "runs": {
            "out_b1_s4_cfg0": {"batch": 1, "steps": 4, "cfg": 0.0},
            "out_b1_s4_cfg4": {"batch": 1, "steps": 4, "cfg": 4.0},
            "out_b3_s4_cfg2": {"batch": 3, "steps": 4, "cfg": 2.0},
            "out_b1_s32_cfg4": {"batch": 1, "steps": 32, "cfg": 4.0},
            "out_b1_s10_cfg4_sway-1": {"batch": 1, "steps": 10, "cfg": 4.0, "sway": -1.0},
            "out_b1_s4_cfg1e-6": {"batch": 1, "steps": 4, "cfg": 1e-6},
            "out_b3_s4_cfg4_seed123": {"batch": 1, "steps": 4, "cfg": 4.0, "seed": 123},
        },
    },
    "base_edit": {
        "frames": 20,
        "cond_frames": 25,
        "segments": [[0, 4], [9, 13]],
        "batches": (1, 3),
        "runs": {
            "out_b1_s4_cfg2": {"batch": 1, "steps": 4, "cfg": 2.0},
            "out_b3_s4_cfg4": {"batch": 3, "steps": 4, "cfg": 4.0},
        },
    },
    "base_edit_tail": {
        "frames": 16,
        "cond_frames": 16,
        "segments": [[0, 3], [10, 2048]],
        "batches": (2,),
        "runs": {"out_b2_s4_cfg4": {"batch": 2, "steps": 4, "cfg": 4.0}},
    },
    "full_gen": {
        "frames": 16,
        "batches": (2,),
        "runs": {"out_b2_s8_cfg4": {"batch": 2, "steps": 8, "cfg": 4.0}},
    },
    "full_edit": {
        "frames": 24,
        "cond_frames": 30,
        "segments": [[5, 10], [15, 6144]],
        "batches": (1,),
        "runs": {"out_b1_s8_cfg4": {"batch": 1, "steps": 8, "cfg": 4.0}},
    },
}
"""Group → its length, the part that is sung anew, the batches of noise, and what is run."""


def write(full: Path, target: Path) -> None:
    """Cut the inputs, then compute what belongs to them; ``SONGLINE_PARITY`` is the cut folder from then on."""
    index = json.loads((full / "model_index.json").read_text("utf-8"))
    dit, cfm = _dit_inputs(), _cfm_inputs()
    train = _train_inputs()
    model = {
        "config": index["config"],
        "weights_seed": WEIGHTS_SEED,
        "dit": _dit_index(index),
        "cfm": _cfm_index(index),
    }
    os.environ["SONGLINE_PARITY"] = str(target)
    for cached in (parity.load_index, parity.load_tensors):
        cached.cache_clear()
    write_json(target / "model_index.json", model)
    with torch.no_grad():
        _write_dit(target, dit, model["dit"])
        _write_cfm(target, cfm, model["cfm"])
        _write_half(target, model["cfm"]["base_gen"])
    _write_train(target, train, json.loads((full / "train_index.json").read_text("utf-8")))


def _dit_inputs() -> dict[str, Tensor]:
    kept = {}
    for name, (source, batch, frames) in DIT.items():
        if source is not None:
            given = parity.load_case("dit.safetensors", source)
            for key in ("x", "cond", "text", "style", "neg_style", "time", "start_time", "duration"):
                if key in given:
                    kept[f"{name}/{key}"] = _short(given[key], batch, frames)
    return kept


def _short(tensor: Tensor, batch: int, frames: int) -> Tensor:
    """The first songs; what has frames, the first of those."""
    tensor = tensor[:batch] if tensor.dim() else tensor
    has_frames = tensor.dim() == 3 or (tensor.dim() == 2 and not tensor.is_floating_point())
    return tensor[:, :frames] if has_frames else tensor


def _dit_index(index: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: index["dit"][source or "base_b1_t33"]["max_frames"] for name, (source, *_) in DIT.items()}
    cases: dict[str, Any] = {name: {"max_frames": frames} for name, frames in known.items()}
    cases["base_b1_t33_causal"]["causal"] = True
    cases["base_b1_t33_dropprompt"]["drop_prompt"] = True
    return cases


def _write_dit(target: Path, kept: dict[str, Tensor], cases: Mapping[str, Any]) -> None:
    _save(target / "dit.safetensors", kept)
    for name, case in cases.items():
        for branch in ("cond",) if name.endswith("_halfbuffers") else ("cond", "null"):
            made = forwards(network_of(case, name), case, inputs_of(name, cases), branch)
            kept[f"{name}/out_{branch}"] = made
    _save(target / "dit.safetensors", kept)


def _cfm_inputs() -> dict[str, Tensor]:
    kept = {}
    for name, group in CFM.items():
        given = parity.load_case("cfm.safetensors", name)
        for key in ("style", "neg_style", "start_time", "duration"):
            kept[f"{name}/{key}"] = given[key]
        kept[f"{name}/text"] = given["text"][:, : group["frames"]]
        if "cond_frames" in group:
            kept[f"{name}/cond"] = given["cond"][:, : group["cond_frames"]]
        for batch in group["batches"]:
            kept[f"{name}/y0_b{batch}"] = _rounded(given[f"y0_b{batch}"][:, : group["frames"]])
        for key in (f"{run_name}_y0" for run_name, run in group["runs"].items() if "seed" in run):
            kept[f"{name}/{key}"] = given[key][:, : group["frames"]]
    return kept


def _cfm_index(index: Mapping[str, Any]) -> dict[str, Any]:
    groups = {}
    for name, group in CFM.items():
        known = index["cfm"][name]
        groups[name] = {
            "max_frames": known["max_frames"],
            "frames": group["frames"],
            "segments": group.get("segments", known["segments"]),
            "edit": known["edit"],
            "runs": group["runs"],
        }
    return groups


def _write_cfm(target: Path, kept: dict[str, Tensor], groups: Mapping[str, Any]) -> None:
    _save(target / "cfm.safetensors", kept)
    for name, group in groups.items():
        given = parity.load_case("cfm.safetensors", name)
        for run_name, run in group["runs"].items():
            noises = given.get(f"{run_name}_y0", given.get(f"y0_b{run['batch']}"))
            kept[f"{name}/{run_name}"] = sampled(group, run, given, list(noises))
    _save(target / "cfm.safetensors", kept)


def _write_half(target: Path, group: Mapping[str, Any]) -> None:
    """One run in float32, which the tests sample in every precision."""
    given = parity.load_case("cfm.safetensors", "base_gen")
    noises = [given["y0_b1"][0]]
    wanted = sampled(group, {"steps": HALF_STEPS, "cfg": 4.0}, given, noises)
    _save(target / "half.safetensors", {"half_run/y0": torch.stack(noises), "half_run/out_fp32_same_noise": wanted})
    write_json(target / "half_index.json", {"frames": group["frames"], "steps": HALF_STEPS, "cfg": 4.0})


def _train_inputs() -> dict[str, Tensor]:
    given = parity.load_case("train.safetensors", "train")
    kept = {name: given[name] for name in ("start_time", "style", "time_logit")}
    kept["lens"] = given["lens"].clamp(max=TRAIN_FRAMES - 2) - torch.arange(3)
    return kept | {name: _rounded(given[name][:, :TRAIN_FRAMES]) for name in ("text", "x0", "x1")}


def _rounded(tensor: Tensor) -> Tensor:
    """Inputs as float16 can hold them, as what belongs to them is computed anew."""
    return tensor.half().float() if tensor.is_floating_point() else tensor


def _write_train(target: Path, given: dict[str, Tensor], index: Mapping[str, Any]) -> None:
    made: dict[str, Any] = {}
    for name, what in index.items():
        if "loss" in what:
            drops = {key: value for key, value in what.items() if key.startswith("drop_")}
            network = tiny_network()
            predicted, loss = training_loss(network, given, drops)
            made[name] = {**drops, "loss": loss.item()}
            if name == "keep":
                loss.backward()
                given["pred_keep"] = predicted.detach()
                made["grad_norms_keep"], given["grad_block0_q_proj_rows0_4"] = _gradients(network, index)
    _save(target / "train.safetensors", {f"train/{name}": tensor for name, tensor in given.items()})
    write_json(target / "train_index.json", made)


def _gradients(network: torch.nn.Module, index: Mapping[str, Any]) -> tuple[dict[str, float], Tensor]:
    gradients = {f"transformer.{name}": parameter.grad for name, parameter in network.named_parameters()}
    norms = {name: gradients[name].norm().item() for name in index["grad_norms_keep"]}
    return norms, gradients["transformer.transformer_blocks.0.self_attn.q_proj.weight"][:4]


def _save(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Numbers as short as they can be without loss: int32, and float16 where each value is one."""
    save_file({key: _narrow(tensor) for key, tensor in tensors.items()}, path)


def _narrow(tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.to(torch.int32).contiguous().clone()
    half = tensor.half()
    return (half if torch.equal(half.float(), tensor) else tensor).contiguous().clone()
