"""The arithmetic of a song against the figures that are known for the published sizes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tasks.engines.diffrhythm.network.config import NetworkConfig
from tasks.engines.diffrhythm.network.flops import (
    device_peak,
    evaluation_flops,
    share_of_peak,
    song_flops,
    text_flops,
)
from tests.bench.floors import decode_flops, floor_s

BASE = NetworkConfig.BASE_1B


@pytest.mark.parametrize(
    ("frames", "branch_tflop", "song_tflop", "floor"),
    [(2048, 5.08, 311.9, 0.395), (2799, 7.22, 443.3, 0.561), (4306, 11.96, 734.8, 0.930), (6144, 18.54, 1140.2, 1.443)],
)
def test_known_figures(frames: int, branch_tflop: float, song_tflop: float, floor: float) -> None:
    with_text = evaluation_flops(BASE, frames) + text_flops(BASE, frames)
    whole = song_flops(BASE, frames, steps=32)
    assert with_text / 1e12 == pytest.approx(branch_tflop, rel=2e-3)
    assert whole / 1e12 == pytest.approx(song_tflop, rel=5e-4)
    assert floor_s(whole) == pytest.approx(floor, rel=2e-3)


def test_guidance_doubles_and_steps_count_intervals() -> None:
    unguided = song_flops(BASE, 2048, steps=32, guided=False) - text_flops(BASE, 2048)
    assert song_flops(BASE, 2048, steps=32) - text_flops(BASE, 2048) == pytest.approx(2 * unguided)
    assert song_flops(BASE, 2048, steps=2, guided=False) == pytest.approx(
        evaluation_flops(BASE, 2048) + text_flops(BASE, 2048)
    )


def test_a_decoded_song() -> None:
    assert decode_flops(2048) / 1e12 == pytest.approx(10.3, rel=5e-3)


@pytest.mark.parametrize(
    ("name", "half"),
    [
        ("NVIDIA H200", 989.4),
        ("NVIDIA H200 NVL", 835.5),
        ("NVIDIA H100 80GB HBM3", 989.4),
        ("NVIDIA H100 PCIe", 756.5),
        ("NVIDIA A100-SXM4-80GB", 312.0),
        ("NVIDIA L4", 121.0),
        ("NVIDIA GeForce RTX 4090", 165.2),
        ("NVIDIA RTX 6000 Ada Generation", 364.2),
    ],
)
def test_devices_are_known_by_their_drivers_names(name: str, half: float) -> None:
    peak = device_peak(name)
    assert peak is not None
    assert peak.half == half


def test_an_unknown_device_has_no_share() -> None:
    assert device_peak("Example Accelerator 9000") is None
    assert share_of_peak(1e15, 1.0, device_name="Example Accelerator 9000", dtype="bfloat16") is None


def test_share_of_peak() -> None:
    share = share_of_peak(989.4e12, 2.0, device_name="NVIDIA H200", dtype="bfloat16")
    assert share == pytest.approx(0.5)


def test_accounting_needs_no_torch() -> None:
    code = "import sys, tasks.engines.diffrhythm.network.flops; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
