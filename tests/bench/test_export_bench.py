"""Export to ONNX: seconds, sizes and parity of the tiny network, and one evaluation beside torch's.

Measured are the tiny network's figures: sizes and seconds grow with the weights, the difference with the frames.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

torch = pytest.importorskip("torch", reason="the export needs torch")
pytest.importorskip("onnxruntime", reason="the export is run by onnxruntime")

from tests.support.diffrhythm.exported import Exported  # noqa: E402

ROWS = 2
FRAMES = (64, 512, 2048)
GLANCE = 32


def test_export(benchmark: BenchmarkFixture, exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    """The command's own figures, and the seconds that onnxruntime takes to load the network."""
    from tasks.engines.diffrhythm.export.runtime import Session

    benchmark.pedantic(Session, args=(exported.network,), rounds=3 if benchmark.enabled else 1)
    sizes = {name: entry["size_bytes"] for name, entry in exported.document["files"].items()}
    benchmark.extra_info.update({"export_s": exported.document["seconds"], **sizes})
    assert sizes["dit.onnx.data"] > sizes["dit.onnx"]
    if benchmark.enabled:
        with capsys.disabled():
            print(f"\nexport of the tiny network: {exported.document['seconds']:.0f} s")
            for name, size in sizes.items():
                print(f"{name:18}{size / 1e6:9.3f} MB")


@pytest.mark.parametrize("frames", FRAMES)
def test_evaluation(
    benchmark: BenchmarkFixture, exported: Exported, capsys: pytest.CaptureFixture[str], frames: int
) -> None:
    """One evaluation by onnxruntime, with its difference from torch's and torch's time."""
    from tasks.engines.diffrhythm.export.comparison import difference, network_example, torch_velocity
    from tasks.engines.diffrhythm.export.modules import Velocity
    from tasks.engines.diffrhythm.export.runtime import Session
    from tests.support.diffrhythm.networks import tiny_network

    network = Velocity(tiny_network(exact_buffers=True), dtype=torch.float32)
    used_frames = frames if benchmark.enabled else GLANCE
    inputs = network_example(network.network.config, rows=ROWS, frames=used_frames)
    session = Session(exported.network)
    output = benchmark.pedantic(session.run, args=(inputs,), rounds=3 if benchmark.enabled else 1)
    found = difference(output, torch_velocity(network, inputs))
    assert found.relative_db < -90
    if benchmark.enabled:
        torch_s = _seconds(lambda: torch_velocity(network, inputs))
        benchmark.extra_info.update({"largest_difference": found.largest, "error_db": found.relative_db})
        with capsys.disabled():
            print(
                f"\n{ROWS} rows of {frames} frames: onnxruntime {benchmark.stats['min']:.2f} s, torch {torch_s:.2f} s, "
                f"largest difference {found.largest:.1e} at level {found.level:.2f} ({found.relative_db:.0f} dB)"
            )


def _seconds(work: Callable[[], object]) -> float:
    """The shortest of three runs."""
    seconds = []
    for _ in range(3):
        start_s = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start_s)
    return min(seconds)
