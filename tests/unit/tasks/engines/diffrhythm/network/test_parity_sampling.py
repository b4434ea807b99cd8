"""Sampling against the reference: every group, step count, guidance, sway and edit, and reduced precision.

Cases, shapes and sizes come from the folder (see :mod:`parity_folder`); what it lacks gives no test.
"""

from __future__ import annotations

import pytest

from tests.support.diffrhythm.parity import load_case, load_index, load_tensors, over

torch = pytest.importorskip("torch", reason="the network's tests need torch")
pytest.importorskip("safetensors", reason="the reference data is in safetensors")


from tasks.engines.diffrhythm.network.sampler import Sampler, Sampling, noise  # noqa: E402
from tests.support.diffrhythm.networks import one_thread, tiny_network  # noqa: E402
from tests.support.diffrhythm.parity_runs import CFM, sampled, song_of  # noqa: E402

MODEL = load_index("model_index.json")

EXACT = {"atol": 1e-6, "rtol": 0.0}

__all__ = ["one_thread"]


def sampling_tolerance(cfg: float) -> dict[str, float]:
    return {"atol": 2e-5 if cfg < 1 else 1e-4 if cfg <= 2 else 2e-4, "rtol": 0.0}


def sampling_cases() -> list[str]:
    return [f"{group}/{run}" for group, what in MODEL.get("cfm", {}).items() for run in what["runs"]]


@over("group_run", sampling_cases())
def test_parity_cfm(group_run: str) -> None:
    group_name, run_name = group_run.split("/")
    group, given = MODEL["cfm"][group_name], load_case(CFM, group_name)
    run = group["runs"][run_name]
    count = run.get("batch", run.get("B"))
    own = given.get(f"{run_name}_y0")
    noises = list(given[f"y0_b{count}"]) if own is None else [own[0]] * count
    latents = sampled(group, run, given, noises)
    torch.testing.assert_close(latents, given[run_name], **sampling_tolerance(run["cfg"]))


def seeded_cases() -> list[str]:
    return [case for case in sampling_cases() if "seed" in MODEL["cfm"][case.split("/")[0]]["runs"][case.split("/")[1]]]


@over("group_run", seeded_cases())
def test_parity_cfm_noise_of_a_seed(group_run: str) -> None:
    group_name, run_name = group_run.split("/")
    group, given = MODEL["cfm"][group_name], load_case(CFM, group_name)
    drawn = noise(group["runs"][run_name]["seed"], group["frames"])
    torch.testing.assert_close(drawn, given[f"{run_name}_y0"][0], **EXACT)


def groups_of_half() -> list[str]:
    """The unedited group whose song the half-precision run sampled, told by its length."""
    frames = load_index("half_index.json").get("frames")
    return [name for name, group in MODEL.get("cfm", {}).items() if group["frames"] == frames and not group["edit"]]


def half_cases() -> list[str]:
    """Every run of the file whose song is stored among the groups."""
    named = {key.split("/")[0] for key in load_tensors("half.safetensors")}
    return sorted(named) if groups_of_half() else []


RELATIVE_RMS = {torch.float32: 1e-5, torch.float16: 0.002, torch.bfloat16: 0.01}


@over("case", half_cases())
@pytest.mark.parametrize("dtype", RELATIVE_RMS, ids=str)
def test_parity_half(case: str, dtype: torch.dtype) -> None:  # type: ignore[name-defined]
    """Every precision against the reference in float32, by relative RMS; the reference's own float16 run has 0.004."""
    index, given = load_index("half_index.json"), load_case("half.safetensors", case)
    name = groups_of_half()[0]
    group = MODEL["cfm"][name]
    sampler = Sampler(tiny_network(group["max_frames"]), device="cpu", dtype=dtype)
    song = song_of(group, load_case(CFM, name))
    latents = sampler.sample([song] * len(given["y0"]), list(given["y0"]), Sampling(index["steps"], index["cfg"]))
    wanted = given["out_fp32_same_noise"]
    error = (latents - wanted).square().mean().sqrt() / wanted.square().mean().sqrt()
    assert error < RELATIVE_RMS[dtype]
