"""Songs rendered with quantised weights: measured once, refused over a limit, and told where this machine cannot."""

from __future__ import annotations

import io
import json
import logging

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the renderer's tests need torch")
pytest.importorskip("torchao", reason="quantising needs the extra `quantised`")

from catalog.common.errors import MachineError, RefusedError  # noqa: E402
from catalog.models.store import ModelStore  # noqa: E402
from tasks.engines.base import Failed, RenderResult  # noqa: E402
from tasks.engines.diffrhythm import measured_precision, precision_gate, weight_forms  # noqa: E402
from tasks.engines.diffrhythm.measured_precision import known_precisions  # noqa: E402
from tasks.engines.diffrhythm.network.sampler import Sampling  # noqa: E402
from tasks.engines.diffrhythm.renderer import DiffRhythmRenderer  # noqa: E402
from tests.support.diffrhythm.short_songs import FULL  # noqa: E402
from tests.support.tiny_models import settings_of  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def own(tmp_path, tiny_variables):
    """Settings with a home of the test's own."""
    return settings_of(tmp_path, tiny_variables)


def rendered(settings, orders) -> list[RenderResult]:
    made = list(DiffRhythmRenderer(settings).render(orders))
    results = [each for each in made if isinstance(each, RenderResult)]
    assert len(results) == len(made), made
    return results


def failure(settings, order):
    (made,) = DiffRhythmRenderer(settings).render([order])
    assert isinstance(made, Failed), made
    return made.error


def latent_of(result: RenderResult) -> np.ndarray:
    return np.load(io.BytesIO(result.extras["latent"].data), allow_pickle=False)


def records(settings) -> list[dict]:
    return [json.loads(path.read_text()) for path in (settings.cache_path / "precision").glob("*.json")]


@pytest.fixture
def measurements(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The errors that were measured, rather than known."""
    seen: list[float] = []
    measure = precision_gate.Quantised.forward_error

    def spy(self, sampler, config):
        seen.append(measure(self, sampler, config))
        return seen[-1]

    monkeypatch.setattr(precision_gate.Quantised, "forward_error", spy)
    return seen


def test_a_song_in_int8_is_near_the_full_one_and_carries_its_figures(own, make, measurements) -> None:
    (full,) = rendered(own, [make()])
    (small,) = rendered(own, [make(weights="int8")])
    difference = np.linalg.norm(latent_of(small) - latent_of(full)) / np.linalg.norm(latent_of(full))
    assert 0.0005 < difference < 0.1
    (error,) = measurements
    assert 0.001 < error < 0.06
    assert small.figures.document()["weights"] == "int8"
    assert small.figures.document()["forward_error"] == error
    assert not {"weights", "forward_error"} & full.figures.document().keys()
    (record,) = records(own)
    assert (record["network"], record["weights"], record["device"]) == (FULL, "int8", "cpu")


@pytest.mark.slow
def test_it_is_measured_once_for_each_form_and_network(own, make, measurements) -> None:
    rendered(own, [make(weights="int8")])
    rendered(own, [make(2, weights="int8", steps=9)])
    assert len(measurements) == 1
    rendered(own, [make(weights="int8", dtype="bfloat16")])
    assert len(measurements) == 2
    assert {each.dtype for each in known_precisions(own)} == {"float32", "bfloat16"}


KNOWN = measured_precision.MeasuredPrecision("n", 0, "int8", "float32", "cpu", 0.02, 0.03, 0.999)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"network": 1}', "{" * 50_000, '{"a": ' * 9_999])
def test_a_damaged_record_is_as_none(own, text: str) -> None:
    measured_precision.keep_precision(own, "ab", KNOWN)
    assert measured_precision.known_precision(own, "ab") == KNOWN
    (path,) = (own.cache_path / "precision").glob("*.json")
    path.write_text(text)
    assert measured_precision.known_precision(own, "ab") is None
    assert known_precisions(own) == []


def test_a_home_that_cannot_be_written_keeps_nothing(own) -> None:
    own.home.mkdir(exist_ok=True)
    own.cache_path.write_text("in the way")
    measured_precision.keep_precision(own, "ab", KNOWN)
    assert measured_precision.known_precision(own, "ab") is None


def test_the_key_follows_what_is_measured(make) -> None:
    inputs = make(weights="int8").recipe.inputs
    changes = ({"dtype": "bfloat16"}, {"weights": "fp8"}, {"adapters": [["a", 0.5]]}, {"rope": "exact"}, {"ema": True})
    keys = [measured_precision.precision_key({**inputs, **change}, "cpu") for change in ({}, *changes)]
    keys.append(measured_precision.precision_key(inputs, "NVIDIA H200"))
    assert len(set(keys)) == len(keys)
    assert measured_precision.precision_key({**inputs, "steps": 99, "sway": -1.0}, "cpu") == keys[0]


def test_over_the_limit_it_is_refused_each_time(own, make, measurements, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured_precision, "REFUSE_ABOVE", 0.001)
    for _ in range(2):
        error = failure(own, make(weights="int8"))
        assert isinstance(error, RefusedError)
        assert "off full precision" in error.what
        assert "`weights`" in error.remedy
    assert len(measurements) == 1
    assert isinstance(rendered(own, [make()])[0], RenderResult)


def test_a_doubtful_one_is_told_in_the_log(
    own, make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(measured_precision, "WARN_ABOVE", 0.001)
    with caplog.at_level(logging.WARNING, "songline.precision"):
        rendered(own, [make(weights="int8")])
    assert "listen before you deliver" in caplog.text


@pytest.mark.slow
def test_a_shard_of_both_forms_gives_each_songs_single_result(own, make, calls) -> None:
    orders = [make(1, weights="int8"), make(1), make(2, weights="int8"), make(2)]
    together = {made.recipe.digest: made for made in rendered(own, orders)}
    assert sorted(map(len, calls)) == [2, 2]
    for order in orders[::2]:
        (alone,) = rendered(own, [order])
        shared = together[order.recipe.digest]
        assert np.array_equal(latent_of(alone), latent_of(shared))


def test_fp8_is_told_at_load_where_planning_could_not_know(own, make) -> None:
    error = failure(own, make(weights="fp8", dtype="bfloat16"))
    assert isinstance(error, RefusedError)
    assert "renders on a CPU" in error.what
    assert "weights: int8" in error.remedy


def test_a_missing_package_is_told_at_load(own, make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_forms, "PACKAGES", ("torchao_that_is_not_installed",))
    error = failure(own, make(weights="int8"))
    assert isinstance(error, MachineError)
    assert "quantised" in error.remedy


def test_a_device_that_lacks_a_kernel_is_told(own, make, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_):
        raise RuntimeError("no kernel image is available")

    monkeypatch.setattr(precision_gate.Quantised, "forward_error", lacking)
    error = failure(own, make(weights="int8"))
    assert isinstance(error, MachineError)
    assert "no kernel image" in error.what


def test_a_whole_sample_is_measured_and_kept(own) -> None:
    network = ModelStore(own.models_path, own.models_table).need(FULL)
    measured = precision_gate.measure_sample(own, network, "int8", frames=48, sampling=Sampling(steps=8))
    assert 0.001 < measured.sample_error < 0.10
    assert measured.sample_cosine > 0.99
    assert not measured.is_doubtful
    assert known_precisions(own) == [measured]


@pytest.mark.parametrize(
    ("figures", "doubtful", "refused"),
    [
        ((0.03, None, None), False, False),
        ((0.07, None, None), True, False),
        ((0.13, None, None), True, True),
        ((float("nan"), None, None), True, True),
        ((0.03, 0.11, 0.999), True, False),
        ((0.03, 0.05, 0.98), True, False),
    ],
)
def test_the_limits(figures, doubtful: bool, refused: bool) -> None:
    measured = measured_precision.MeasuredPrecision("n", 0, "int8", "float32", "cpu", *figures)
    assert (measured.is_doubtful, measured.is_refused) == (doubtful, refused)
