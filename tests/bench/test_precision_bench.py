"""One evaluation of the network in each form of weights: speed and error side by side, and the time to quantise.

With ``--benchmark-enable`` at the published width (four layers, 512 frames, one thread), with Gaussian and with
heavy-tailed weights; in an ordinary test run a glance. Times are the processor's, as the machine may be shared; they
are printed, never asserted.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

torch = pytest.importorskip("torch", reason="the network needs torch")
pytest.importorskip("torchao", reason="quantising needs the extra `quantised`")

from tasks.engines.diffrhythm.network.config import BASE_FRAMES, NetworkConfig  # noqa: E402
from tasks.engines.diffrhythm.network.precision import probe_song  # noqa: E402
from tasks.engines.diffrhythm.network.sampler import Sampler, Sampling, noise  # noqa: E402
from tests.bench.forms import in_forms  # noqa: E402
from tests.support.diffrhythm.networks import one_thread  # noqa: E402
from tests.support.diffrhythm.weights import GAUSSIAN, STUDENT, random_weights, reader  # noqa: E402

__all__ = ["one_thread"]
pytestmark = pytest.mark.usefixtures("one_thread")

FOUR_LAYERS = NetworkConfig(2048, 4, 4, 4, BASE_FRAMES, has_duration=False)
GLANCE = replace(FOUR_LAYERS, dim=128, conv_layers=1)
CPU = torch.device("cpu")
THREE = Sampling(steps=4, cfg_strength=0.0)

Row = tuple[str, float, float, float]
"""A form's name, its error, seconds of three evaluations, and seconds until it was ready."""


def measured(config: NetworkConfig, frames: int, freedom: int) -> list[Row]:
    read = reader(config, random_weights(config, freedom=freedom))
    rows: list[Row] = []
    began = time.process_time()
    for each in in_forms(read, config, device=CPU, compile=False, probe_frames=frames):
        ready_s = time.process_time() - began
        rows.append((each.form, each.error, evaluations_s(each.sampler, config, frames), ready_s))
        began = time.process_time()
    return rows


def evaluations_s(sampler: Sampler, config: NetworkConfig, frames: int) -> float:
    """Seconds of three evaluations of one row, without the text, which is in float32 in every form."""
    marks: list[float] = []
    song, latent = probe_song(config, frames), noise(1, frames)
    sampler.sample([song], [latent], THREE, on_prepared=lambda: marks.append(time.process_time()))
    return time.process_time() - marks[0]


def table(rows: list[Row]) -> str:
    lines = [f"{'weights':>18}{'error':>9}{'s':>9}{'speed':>8}{'ready s':>9}"]
    first_s = rows[0][2]
    for form, error, seconds, ready_s in rows:
        lines.append(f"{form:>18}{error:>9.4f}{seconds:>9.3f}{first_s / seconds:>8.2f}{ready_s:>9.2f}")
    return "\n".join(lines)


@pytest.mark.parametrize("freedom", [GAUSSIAN, STUDENT], ids=["gaussian", "student"])
def test_forms_of_weights(benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], freedom: int) -> None:
    config, frames = (FOUR_LAYERS, 512) if benchmark.enabled else (GLANCE, 32)
    rows = benchmark.pedantic(partial(measured, config, frames, freedom), rounds=1)
    assert [row[0] for row in rows] == ["float32", "bfloat16", "int8", "int8 on bfloat16"]
    assert all(row[1] < (0.045 if freedom else 0.03) for row in rows)
    if benchmark.enabled:
        with capsys.disabled():
            print(f"\n{table(rows)}")
