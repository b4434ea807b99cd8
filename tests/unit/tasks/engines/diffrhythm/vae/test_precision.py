"""The autoencoder's error in reduced precision is measured, and what is too far off float32 is refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from catalog.common.errors import RefusedError
from tasks.engines.diffrhythm.vae.precision import LIMIT_DB, check_precision, name_of, probe_latents, relative_error_db
from tasks.engines.diffrhythm.vae.vae import Vae
from tests.support.diffrhythm.parity import parity_folder
from tests.support.tiny_diffrhythm import write_tiny_vae

torch.set_num_threads(1)

SMEAR = parity_folder() / "standin_smear.pt"


class Off:
    """An autoencoder whose sound is its input's level, changed by a factor."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def decode_export(self, latents: Tensor) -> Tensor:
        return nn.functional.interpolate(latents[:, :2] * self.factor, scale_factor=2048.0)

    def encode_export(self, audio: Tensor) -> Tensor:
        return audio


def off(factor: float) -> Vae:
    return Vae(Off(factor), device="cpu", dtype=torch.float32)


@pytest.mark.parametrize("error_db", [-100.0, -61.0, -59.0, -20.0])
def test_a_known_error_is_measured_and_the_limit_held(error_db: float) -> None:
    reference, reduced = off(1.0), off(1.0 + 10 ** (error_db / 20))
    assert relative_error_db(reference, reduced, probe_latents(frames=4)) == pytest.approx(error_db, abs=0.2)
    if error_db <= LIMIT_DB:
        assert check_precision(reference, reduced) == pytest.approx(error_db, abs=0.2)
    else:
        with pytest.raises(RefusedError, match="dB off float32, over -60 dB"):
            check_precision(reference, reduced)


def test_no_error_and_no_number() -> None:
    assert check_precision(off(1.0), off(1.0)) == -math.inf
    for broken in (math.nan, math.inf):
        with pytest.raises(RefusedError, match="inf dB off"):
            check_precision(off(1.0), off(broken))
    assert relative_error_db(off(0.0), off(1.0), probe_latents(frames=4)) == math.inf


def standins(folder: Path) -> dict[str, Path]:
    return {"tiny": write_tiny_vae(folder / "vae_model.pt"), **({"smear": SMEAR} if SMEAR.is_file() else {})}


@pytest.fixture
def plain_kernels() -> Iterator[None]:
    """Without oneDNN, which takes seconds to prepare each bfloat16 convolution on a processor without the type."""
    with torch.backends.mkldnn.flags(enabled=False):
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("plain_kernels")
@pytest.mark.filterwarnings("ignore:TF32 acceleration on top of oneDNN:UserWarning")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def test_reduced_precision_is_used_only_under_the_limit(dtype: torch.dtype, tmp_path: Path) -> None:
    for name, file in standins(tmp_path).items():
        reference, reduced = Vae.load(file, device="cpu"), Vae.load(file, device="cpu", dtype=dtype)
        error_db = relative_error_db(reference, reduced, probe_latents())
        print(f"{name} in {name_of(reduced)}: {error_db:.1f} dB relative to float32")
        assert -100 < error_db < -20, "it runs in the reduced precision, and still sounds like the reference"
        if error_db <= LIMIT_DB:
            assert check_precision(reference, reduced) == error_db
        else:
            with pytest.raises(RefusedError, match=name_of(reduced)):
                check_precision(reference, reduced)


def test_the_probe_is_the_same_every_time_and_precisions_have_names() -> None:
    assert torch.equal(probe_latents(), probe_latents())
    assert name_of(off(1.0)) == "float32"
    assert name_of(Vae(Off(1.0), device="cpu", dtype=torch.float32, tf32=True)) == "tf32"
