"""The forecast of memory and time against known figures, and the choice by free memory."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from tasks.engines.diffrhythm.network.config import NetworkConfig
from tasks.engines.diffrhythm.network.flops import evaluation_flops
from tasks.training.forecast import (
    Fit,
    adapter_weights,
    fitting,
    forecast_training,
    kept_bytes,
    peak_bytes,
    step_flops,
    weights,
)
from tasks.training.parameters import TARGETS, TrainingParameters

BASE, FULL = NetworkConfig.BASE_1B, NetworkConfig.FULL_1B
BFLOAT16 = TrainingParameters(dtype="bfloat16")
GIB = 1 << 30


def test_numbers_in_the_published_networks() -> None:
    assert weights(BASE) == 1_109_315_648
    assert weights(FULL) == 1_109_709_888


@pytest.mark.parametrize(
    ("targets", "rank", "trained"),
    [(TARGETS, 16, 12_058_624), (TARGETS[:4], 16, 4_194_304), (TARGETS, 64, 48_234_496), (TARGETS[:4], 8, 2_097_152)],
)
def test_trained_numbers(targets: tuple[str, ...], rank: int, trained: int) -> None:
    assert adapter_weights(BASE, TrainingParameters(rank=rank, targets=targets)) == trained


def test_the_bytes_that_were_counted_at_full_width() -> None:
    assert kept_bytes(BASE, replace(BFLOAT16, crop_frames=256), checkpointing=False) == 129_384
    assert kept_bytes(BASE, BFLOAT16, checkpointing=True) == 4096


def test_memory_grows_as_it_must() -> None:
    plain, saved = (peak_bytes(BASE, BFLOAT16, Fit(1, checkpointing=on)) for on in (False, True))
    double = peak_bytes(BASE, BFLOAT16, Fit(2, checkpointing=True))
    assert 2.07 * GIB < saved < 3 * GIB < 6 * GIB < plain < 7 * GIB
    # One more item: its layers' inputs, one layer calculated again, and that layer's gradients.
    assert double - saved == pytest.approx(2048 * (16 * 4096 + 2 * kept_bytes(BASE, BFLOAT16, checkpointing=False)))
    assert peak_bytes(BASE, replace(BFLOAT16, rank=64), Fit(1, checkpointing=True)) > saved


@pytest.mark.parametrize(
    ("free_gib", "batch", "fit"),
    [
        (139, 8, Fit(8, checkpointing=False)),
        (16, 8, Fit(8, checkpointing=True)),
        (16, 2, Fit(2, checkpointing=False)),
        (8, 2, Fit(2, checkpointing=True)),
        (3.5, 4, Fit(1, checkpointing=True)),
        (1, 4, Fit(1, checkpointing=True)),
    ],
)
def test_the_choice_by_free_memory(free_gib: float, batch: int, fit: Fit) -> None:
    assert fitting(BASE, replace(BFLOAT16, batch=batch), int(free_gib * GIB)) == fit


def test_the_ladder_down() -> None:
    fits = [Fit(5, checkpointing=False)]
    while (smaller := fits[-1].smaller()) is not None:
        fits.append(smaller)
    assert fits[1:] == [Fit(5, checkpointing=True), Fit(2, checkpointing=True), Fit(1, checkpointing=True)]


def test_the_operations_of_a_step() -> None:
    forward = evaluation_flops(BASE, 2048)
    assert step_flops(BASE, BFLOAT16, checkpointing=False) == pytest.approx(4 * 2 * forward, rel=0.05)
    assert step_flops(BASE, BFLOAT16, checkpointing=True) == pytest.approx(4 * 3 * forward, rel=0.05)


def test_a_whole_training() -> None:
    def seconds(device: str, name: str = "", **changed: int) -> float:
        forecast = forecast_training(
            BASE,
            replace(BFLOAT16, **changed),
            held_out_songs=2,
            free_bytes=139 * GIB,
            device=device,
            device_name=name,
        )
        assert forecast.memory_bytes == peak_bytes(BASE, BFLOAT16, forecast.fit)
        return forecast.seconds

    known = seconds("cuda", "NVIDIA H200")
    assert 60 < known < 3600
    assert seconds("cuda", "NVIDIA L4") > 5 * known
    assert seconds("cuda") > known / 3
    assert seconds("cpu") > 100 * known
    assert seconds("cuda", "NVIDIA H200", steps=4000) == pytest.approx(2 * known, rel=0.02)


def test_planning_needs_no_torch() -> None:
    code = "import sys, tasks.training.forecast, tasks.training.parameters; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
