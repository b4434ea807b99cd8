"""Schedules, position tables and single parts of the network against the reference.

Cases, shapes and sizes come from the folder (see :mod:`parity_folder`); what it lacks gives no test.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from tests.support.diffrhythm.parity import load_case, load_tensors, over

torch = pytest.importorskip("torch", reason="the network's tests need torch")
pytest.importorskip("safetensors", reason="the reference data is in safetensors")

from torch import Tensor, nn  # noqa: E402

from tasks.engines.diffrhythm.network.layers import OutputNorm, PositionConv, RmsNorm, TextBlock  # noqa: E402
from tasks.engines.diffrhythm.network.schedule import rotary_table, rotate, sinusoid, text_positions, time_grid  # noqa: E402

SCHEDULE = load_tensors("schedule.safetensors")
UNITS = load_tensors("units.safetensors")

EXACT = {"atol": 1e-6, "rtol": 1e-6}
FAR_ROTATION = {"atol": 1e-3, "rtol": 0.0}
EPSILON = torch.finfo(torch.float32).eps


GRID = re.compile(r"grid/t_(\d+)(_half)?(?:_sway(-?[\d.]+))?")


@over("name", [name for name in SCHEDULE if GRID.fullmatch(name)])
def test_parity_schedule_grid(name: str) -> None:
    steps, half, sway = GRID.fullmatch(name).groups()  # type: ignore[union-attr]
    tolerance = {"atol": torch.finfo(torch.float16).eps, "rtol": 0.0} if half else EXACT
    torch.testing.assert_close(time_grid(int(steps), float(sway or 0)), SCHEDULE[name], **tolerance)


@over("name", [name for name in ("sinusoid/fp32", "sinusoid/half_input") if name in SCHEDULE])
def test_parity_schedule_sinusoid(name: str) -> None:
    """1e-6, and what one unit in the last place of a frequency makes of the angle: exponentials differ by that much."""
    times = SCHEDULE["sinusoid/t"]
    made = sinusoid(times.half() if name.endswith("half_input") else times)
    count = made.shape[1] // 2
    frequencies = 10000 ** -(torch.arange(count) / (count - 1))
    angles = (1000 * times[:, None] * frequencies).repeat(1, 2)
    assert ((made - SCHEDULE[name]).abs() <= 1e-6 + angles * EPSILON).all()


@over("name", [name for name in ("textpos/table",) if name in SCHEDULE])
def test_parity_schedule_text_positions(name: str) -> None:
    wanted = SCHEDULE[name]
    made = text_positions(SCHEDULE["textpos/rows"], wanted.shape[1], exact=True)
    torch.testing.assert_close(made, wanted, **EXACT)


def rotary_cases() -> list[str]:
    return [
        f"{file}:{name.split('/')[0]}"
        for file, tensors in (("schedule", SCHEDULE), ("units", UNITS))
        for name in tensors
        if name.endswith("/cos")
    ]


@over("case", rotary_cases())
def test_parity_schedule_rotary_table(case: str) -> None:
    file, name = case.split(":")
    given = load_case(f"{file}.safetensors", name)
    cos, sin = rotary_table(given["pos"], given["cos"].shape[-1], exact=True)
    half = cos.shape[-1] // 2
    unsigned = torch.cat((-sin[:, :half], sin[:, half:]), dim=-1)
    torch.testing.assert_close(cos, given["cos"], **FAR_ROTATION)
    torch.testing.assert_close(unsigned, given["sin"], **FAR_ROTATION)


def rounded_cases() -> list[str]:
    return [
        f"{file}:{name}"
        for file, tensors in (("schedule", SCHEDULE), ("units", UNITS))
        for name in tensors
        if re.search(r"/inv_freq(_half|_through_half)?$", name)
    ]


@over("case", rounded_cases())
def test_parity_schedule_frequencies(case: str) -> None:
    """The table's first turn is the frequency itself."""
    file, name = case.split(":")
    wanted = {"schedule": SCHEDULE, "units": UNITS}[file][name]
    _, sin = rotary_table(torch.ones(1), 2 * len(wanted), exact=not name.endswith("_half"))
    torch.testing.assert_close(sin[0, len(wanted) :], wanted.sin(), **EXACT)


def filled(module: nn.Module, given: Mapping[str, Tensor]) -> nn.Module:
    names = module.state_dict().keys()
    module.load_state_dict({name: given[name] for name in names})
    return module


def run_rms(given: Mapping[str, Tensor]) -> Tensor:
    return filled(RmsNorm(len(given["weight"])), given)(given["x"])


def run_adaln(given: Mapping[str, Tensor]) -> Tensor:
    norm = OutputNorm(given["x"].shape[-1], given["emb"].shape[-1])
    return filled(norm, {f"linear.{key}": given[key] for key in ("weight", "bias")})(given["x"], given["emb"])


def run_convnext(given: Mapping[str, Tensor]) -> Tensor:
    hidden, width = given["pwconv1.weight"].shape
    return filled(TextBlock(width, hidden), given)(given["x"])


def run_convpos(given: Mapping[str, Tensor]) -> Tensor:
    return filled(PositionConv(given["x"].shape[-1]), given)(given["x"])


UNIT_RUNS = {
    "rms": (run_rms, "out"),
    "adaln": (run_adaln, "out"),
    "convnext": (run_convnext, "out"),
    "convpos": (run_convpos, "out_without_residual"),
}


@over("unit", [unit for unit in UNIT_RUNS if load_case("units.safetensors", unit)])
def test_parity_units(unit: str) -> None:
    run, wanted = UNIT_RUNS[unit]
    given = load_case("units.safetensors", unit)
    with torch.no_grad():
        torch.testing.assert_close(run(given), given[wanted], **EXACT)


def turned_cases() -> list[str]:
    return [name.removesuffix("_rot") for name in UNITS if name.endswith("_rot")]


@over("name", turned_cases())
def test_parity_units_rotation(name: str) -> None:
    heads = UNITS[name]
    given = load_case("units.safetensors", name.split("/")[0])
    half = heads.shape[-1] // 2
    signed = torch.cat((-given["sin"][:, :half], given["sin"][:, half:]), dim=-1)
    torch.testing.assert_close(rotate(heads, given["cos"], signed), UNITS[f"{name}_rot"], **EXACT)
