"""The training benchmark as a part of ``make bench``; in an ordinary test run, a glance at whether it works."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("peft", reason="training needs PEFT")

from tests.bench import training


def test_training(benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]) -> None:
    chosen: list[str] = [] if benchmark.enabled else ["--glance", "--device", "cpu"]
    benchmark.pedantic(training.main, args=(chosen,), rounds=1)
    told = capsys.readouterr().out
    assert "s/item" in told
    if benchmark.enabled:
        with capsys.disabled():
            print(told)
