"""Cut the reference data of the DiffRhythm engine to what the repository holds (see ``tests/data/README.md``).

``SONGLINE_PARITY=FOLDER python -m tests.data.cut_parity``, where FOLDER is the full one. It begins by running the tests
of parity on the full folder, and cuts nothing if one of them fails: the outputs of whole networks are then computed
anew, by Songline's own network, on weights that a number stands for.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.data import cut_networks, cut_words
from tests.support.places import DATA, ROOT

TARGET = DATA / "parity"
MOST_BYTES = 1_500_000
LAYER_FRAMES = 4
"""Frames of a layer that sees one frame at a time."""

KEPT_VAE = ("enc_ruler_F129", "enc_ruler_F300_x1000", "enc_smear_F129", "edit_mono", "final", "normalize", "vae_sample")
SEAM_FRAMES = 300
"""Length of the case of the stand-in with a wide context that is long enough for chunks."""


def main() -> None:
    """Check the full folder, then write the cut one in its place."""
    full = Path(os.environ["SONGLINE_PARITY"])
    _check(full)
    torch.set_num_threads(1)
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    _whole(full)
    _layers(full)
    _vae(full)
    cut_words.write(full, TARGET)
    cut_networks.write(full, TARGET)
    total = sum(path.stat().st_size for path in TARGET.iterdir())
    assert total <= MOST_BYTES, f"{total} bytes, over {MOST_BYTES}"
    print(f"{total} bytes in {TARGET}")


def _check(full: Path) -> None:
    """Does Songline agree with the original on the full folder?"""
    command = [sys.executable, "-m", "pytest", "-q", "-k", "parity", "tests/unit/tasks"]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "SONGLINE_PARITY": str(full)})


def _whole(full: Path) -> None:
    """Single parts and schedules, as the original computed them: small enough as they are."""
    for name in ("units.safetensors", "schedule.safetensors", "standin_ruler.pt", "standin_smear.pt"):
        shutil.copyfile(full / name, TARGET / name)


def _layers(full: Path) -> None:
    """Inputs, weights and outputs of three layers inside the original's network."""
    case, weights = (
        _case(load_file(full / "dit.safetensors"), "base_b1_t96"),
        load_file(full / "tiny_weights.safetensors"),
    )
    few = slice(0, LAYER_FRAMES)
    kept = {
        "input_proj/x": case["x"][:, few],
        "input_proj/words": case["mid/text_embed"][:, few],
        "input_proj/style": case["style"],
        "input_proj/moment": case["mid/time_embed"] + case["mid/start_time_embed"],
        "input_proj/out": case["mid/input_proj"][:, few],
        "block0/x": case["mid/input_embed"],
        "block0/out": case["mid/block0"],
        "fusion0/x": case["mid/text_embed"][:, few],
        "fusion0/out": case["mid/fusion0"][:, few],
    }
    parts = ("input_embed.proj.", "transformer_blocks.0.", "text_fusion_linears.0.")
    for name, tensor in weights.items():
        if name.removeprefix("transformer.").startswith(parts):
            kept[f"weights/{name.removeprefix('transformer.')}"] = tensor
    _save("layers.safetensors", kept)


def _vae(full: Path) -> None:
    """The chunks of every length, and sound, moments and latents of a few cases."""
    index: dict[str, Any] = json.loads((full / "vae_index.json").read_text("utf-8"))
    group = f"smear_T{SEAM_FRAMES}"
    kept_sound: Callable[[str], bool] = lambda name: name.startswith((*KEPT_VAE, f"{group}/"))  # noqa: E731
    _save("vae.safetensors", {k: v for k, v in load_file(full / "vae.safetensors").items() if kept_sound(k)})
    index["decode"] = {k: v for k, v in index["decode"].items() if k.startswith(("ruler_", group))}
    index["encode"] = {k: v for k, v in index["encode"].items() if f"enc_{k}".startswith(KEPT_VAE)}
    cut_words.write_json(TARGET / "vae_index.json", index)


def _case(tensors: Mapping[str, Tensor], case: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{case}/"): value for key, value in tensors.items() if key.startswith(f"{case}/")}


def _save(name: str, tensors: Mapping[str, Tensor]) -> None:
    save_file({key: value.contiguous().clone() for key, value in tensors.items()}, TARGET / name)


if __name__ == "__main__":
    main()
