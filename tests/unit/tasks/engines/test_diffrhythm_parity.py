"""The network and the sampler against the reference data, case by case, at the tolerances that came with it.

Cases, shapes and sizes come from the folder (see :mod:`parity_folder`); what it lacks gives no test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from parity_folder import load_case, load_index, load_tensors, over, parity_folder

torch = pytest.importorskip("torch", reason="the network's tests need torch")
pytest.importorskip("safetensors", reason="the reference data is in safetensors")

from diffrhythm_nets import tiny_network  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from tasks.engines.diffrhythm.layers import OutputNorm, PositionConv, RmsNorm, TextBlock  # noqa: E402
from tasks.engines.diffrhythm.network import DiT  # noqa: E402
from tasks.engines.diffrhythm.sampler import (  # noqa: E402
    Conditioning,
    Sampler,
    Sampling,
    noise,
    regenerated_frames,
)
from tasks.engines.diffrhythm.schedule import (  # noqa: E402
    rotary_table,
    rotate,
    sinusoid,
    text_positions,
    time_grid,
)

DIT = "dit.safetensors"
CFM = "cfm.safetensors"
MODEL = load_index("model_index.json")
TRAIN = load_index("train_index.json")
SCHEDULE = load_tensors("schedule.safetensors")
UNITS = load_tensors("units.safetensors")

FORWARD = {"atol": 2e-5, "rtol": 1e-4}
EXACT = {"atol": 1e-6, "rtol": 1e-6}
TRAINING = {"atol": 0.0, "rtol": 1e-4}
FAR_ROTATION = {"atol": 1e-3, "rtol": 0.0}
EPSILON = torch.finfo(torch.float32).eps


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_reference_data_is_at_hand() -> None:
    if not parity_folder().is_dir():
        pytest.skip(f"no reference data: {parity_folder()} is absent, and SONGLINE_PARITY names no other folder")
    assert MODEL, "model_index.json says which cases there are"


# One forward ---------------------------------------------------------------------------------------------------------


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


# Sampling ------------------------------------------------------------------------------------------------------------


def song_of(group: Mapping[str, Any], given: Mapping[str, Tensor]) -> Conditioning:
    edit = group["edit"]
    return Conditioning(
        given["text"][0],
        given["style"][0],
        given["neg_style"][0],
        start_time=given["start_time"].item(),
        duration=given["duration"].item(),
        known=given["cond"][0] if edit else None,
        regenerate=regenerated_frames(group["segments"], group["frames"]) if edit else None,
    )


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
    sampler = Sampler(tiny_network(group["max_frames"]), device="cpu", dtype=torch.float32)
    sampling = Sampling(run["steps"], run["cfg"], run.get("sway", 0.0))
    latents = sampler.sample([song_of(group, given)] * count, noises, sampling)
    torch.testing.assert_close(latents, given[run_name], **sampling_tolerance(run["cfg"]))


def seeded_cases() -> list[str]:
    return [case for case in sampling_cases() if "seed" in MODEL["cfm"][case.split("/")[0]]["runs"][case.split("/")[1]]]


@over("group_run", seeded_cases())
def test_parity_cfm_noise_of_a_seed(group_run: str) -> None:
    group_name, run_name = group_run.split("/")
    group, given = MODEL["cfm"][group_name], load_case(CFM, group_name)
    drawn = noise(group["runs"][run_name]["seed"], group["frames"])
    torch.testing.assert_close(drawn, given[f"{run_name}_y0"][0], **EXACT)


def half_cases() -> list[str]:
    named = {key.split("/")[0] for key in load_tensors("half.safetensors")}
    return sorted(named) if MODEL.get("cfm") else []


def group_of_half(frames: int) -> str:
    """The unedited group whose song the half-precision run sampled."""
    return next(name for name, group in MODEL["cfm"].items() if group["frames"] == frames and not group["edit"])


RELATIVE_RMS = {torch.float32: 1e-5, torch.float16: 0.002, torch.bfloat16: 0.01}


@over("case", half_cases())
@pytest.mark.parametrize("dtype", RELATIVE_RMS, ids=str)
def test_parity_half(case: str, dtype: torch.dtype) -> None:
    """Every precision against the reference in float32, by relative RMS; the reference's own float16 run has 0.004."""
    index, given = load_index("half_index.json"), load_case("half.safetensors", case)
    name = group_of_half(index["frames"])
    group = MODEL["cfm"][name]
    sampler = Sampler(tiny_network(group["max_frames"]), device="cpu", dtype=dtype)
    song = song_of(group, load_case(CFM, name))
    latents = sampler.sample([song] * len(given["y0"]), list(given["y0"]), Sampling(index["steps"], index["cfg"]))
    wanted = given["out_fp32_same_noise"]
    error = (latents - wanted).square().mean().sqrt() / wanted.square().mean().sqrt()
    assert error < RELATIVE_RMS[dtype]


# Schedules -----------------------------------------------------------------------------------------------------------

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


# Units ---------------------------------------------------------------------------------------------------------------


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


# Training ------------------------------------------------------------------------------------------------------------


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
