"""The generation benchmark as a part of ``make bench``; in an ordinary test run, a glance at whether it works."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

pytest.importorskip("torch", reason="generating songs needs torch")

import generation  # noqa: E402


def test_generation(benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]) -> None:
    if not benchmark.enabled:
        generation.main(["--glance", "--device", "cpu"])
        assert "songs/h" in capsys.readouterr().out
        return
    with capsys.disabled():
        benchmark.pedantic(generation.main, args=([],), rounds=1)
