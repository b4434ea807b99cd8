"""The forms of the network's matrices: where each works, how fast, how large and how exact it is. Without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from catalog.common.digests import Json
from catalog.common.errors import InputError, RefusedError, SonglineError
from catalog.common.hardware import compute_capability
from catalog.common.packages import require_installed
from catalog.common.settings import Settings
from tasks.engines.diffrhythm.settings import DiffRhythmSettings, Weights

Form = Literal["int8", "fp8"]
"""The quantised forms."""

FP8_CAPABILITY = (8, 9)
"""The least compute capability (Ada, Hopper, Blackwell) whose matrix units take fp8."""
PACKAGES = ("torchao",)
EXTRA = "quantised"

TOLERANCES_DBFS: Mapping[str, float] = {"float32": -80.0, "float16": -45.0, "bfloat16": -30.0}
"""Measured on small networks: float32 -119, bfloat16 -37 to -45 between a batch of eight and single songs."""
UNMEASURED_DBFS: Mapping[str, float] = {"int8": -20.0, "fp8": -20.0}
"""For quantised weights, until they have been measured on a GPU."""

CPU_SPEEDS: Mapping[tuple[str, str], float] = {
    ("full", "float32"): 1.0,
    ("full", "bfloat16"): 2.2,
    ("int8", "float32"): 2.0,
    ("int8", "bfloat16"): 2.3,
}
"""Times as fast as float32, by ``tests/bench/test_precision_bench.py``: four layers, 512 frames, one thread of a quiet
CPU with AVX-512 VNNI and BF16, without AMX."""

BYTES_PER_WEIGHT: Mapping[tuple[str, str], float] = {
    ("full", "float32"): 4.0,
    ("int8", "float32"): 1.10,
    ("int8", "bfloat16"): 1.04,
    ("fp8", "bfloat16"): 1.04,
}
"""The whole network's memory by its weights: 96 % of them are in the layers' matrices. Two bytes where not listed."""


def weights_of(inputs: Mapping[str, Json]) -> Weights:
    """The form that a recipe's inputs state; recipes of full weights state none."""
    form: Weights = inputs.get("weights", "full")
    return form


def weights_document(chosen: DiffRhythmSettings, settings: Settings) -> dict[str, Json]:
    """The form as inputs of a recipe; nothing for full weights. Raises what :func:`refusal` gives."""
    if error := refusal(chosen, settings):
        raise error
    return {} if chosen.weights == "full" else {"weights": chosen.weights}


def refusal(chosen: DiffRhythmSettings, settings: Settings) -> SonglineError | None:
    """Why the songs cannot be rendered with these weights; None where they can, or where another machine renders and
    only that one knows."""
    if chosen.weights == "full":
        return None
    device, is_here = settings.device_of_renders, settings.render_device == "same"
    if chosen.weights == "fp8":
        if device == "cpu":
            return no_fp8("and a CPU has none")
        if chosen.dtype not in ("auto", "bfloat16"):
            remedy = "Leave `dtype` out, or set `weights: int8`"
            return InputError(f"`weights: fp8` is for bfloat16 alone, and dtype is {chosen.dtype}", remedy=remedy)
        if is_here and (capability := compute_capability()) and capability < FP8_CAPABILITY:
            return no_fp8(f"and this GPU has {capability[0]}.{capability[1]}")
    try:
        if is_here:
            require_torchao(chosen.weights)
    except SonglineError as error:
        return error
    return None


def require_torchao(form: str) -> None:
    """Raise MachineError with the install command where the package that quantises is missing."""
    require_installed(PACKAGES, component=f"`weights: {form}`", extras=(EXTRA,))


def no_fp8(reason: str) -> RefusedError:
    """The refusal of fp8 on a device without it."""
    needed = ".".join(map(str, FP8_CAPABILITY))
    return RefusedError(
        f"`weights: fp8` needs a GPU of compute capability {needed} or higher, {reason}",
        remedy="Set `weights: int8`, or leave `weights` out",
    )


def tolerance_dbfs(inputs: Mapping[str, Json]) -> float:
    """The largest difference, dBFS, at which two renders still count as the same."""
    form = weights_of(inputs)
    return UNMEASURED_DBFS[form] if form in UNMEASURED_DBFS else TOLERANCES_DBFS[inputs["dtype"]]


def tolerance_note(inputs: Mapping[str, Json]) -> str:
    """What to know about that figure, as a sentence; "" where it was measured."""
    form = weights_of(inputs)
    if form not in UNMEASURED_DBFS:
        return ""
    limit = UNMEASURED_DBFS[form]
    return f"Up to {limit:g} dBFS counts as the same for {form} weights, until their rounding is measured on a GPU."


def speed(inputs: Mapping[str, Json], *, device: str, has_bfloat16: bool) -> float:
    """How many times as fast as the assumed rate of the device the sampler is: on a CPU float32's, on a GPU 16 bits'.

    Nothing is promised for quantised weights on a GPU, where nothing was measured, nor for bfloat16 on a CPU without
    it.
    """
    form, dtype = weights_of(inputs), str(inputs["dtype"])
    if device == "cuda" or (dtype == "bfloat16" and not has_bfloat16):
        return 1.0
    return CPU_SPEEDS.get((form, dtype), 1.0)


def bytes_per_weight(inputs: Mapping[str, Json]) -> float:
    """The memory of one weight of the network."""
    return BYTES_PER_WEIGHT.get((weights_of(inputs), str(inputs["dtype"])), 2.0)
