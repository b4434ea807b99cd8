"""The generation benchmark as a part of ``make bench``; in an ordinary test run, a glance at whether it works."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

pytest.importorskip("torch", reason="generating songs needs torch")

from tests.bench import generation


def test_generation(benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]) -> None:
    chosen: list[str] = [] if benchmark.enabled else ["--glance", "--device", "cpu"]
    benchmark.pedantic(generation.main, args=(chosen,), rounds=1)
    told = capsys.readouterr().out
    assert "songs/h" in told
    if benchmark.enabled:
        with capsys.disabled():
            print(told)


def test_forms_of_weights(benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ["--forms", *([] if benchmark.enabled else ["--glance", "--device", "cpu"])]
    benchmark.pedantic(generation.main, args=(chosen,), rounds=1)
    told = capsys.readouterr().out
    assert "bfloat16" in told
    assert "int8" in told
    if benchmark.enabled:
        with capsys.disabled():
            print(told)
