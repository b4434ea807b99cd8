"""The step ``accept``, and how fast it is."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from catalog.ledger.work import StepRequest
from tasks.acceptance.checks import examine
from tasks.acceptance.step import accept
from tests.support.signals.acceptance import RATE, beats, target, written


class _Context:
    """Stands in for a step's context."""

    def __init__(self, request: StepRequest, path: Path) -> None:
        self.request = request
        self.input = {"master": path}.__getitem__


@pytest.mark.slow
def test_the_outcome_is_plain_json_that_names_what_failed(tmp_path: Path) -> None:
    lines = beats(2)
    asked = target(lines, target_lufs=-30.0)
    parameters = json.loads(json.dumps({"target": asdict(asked)}))
    outcome = accept(_Context(StepRequest("accept", 1, parameters), written(tmp_path, lines)))  # type: ignore[arg-type]
    document = json.loads(json.dumps(dict(outcome.result), allow_nan=False))
    assert document["failed"] == ["loudness"]
    assert document["findings"][0]["check"] == "decode"
    assert {f["check"] for f in document["findings"] if f["verdict"] == "fail"} == {"loudness"}


@pytest.mark.slow
def test_three_minutes_take_less_than_three_seconds_of_one_core(tmp_path: Path) -> None:
    lines = np.tile(beats(), (1, 30))
    path = written(tmp_path, lines)
    started = time.process_time()
    examine(path, target=target(lines))
    assert lines.shape[1] == 180 * RATE
    assert time.process_time() - started < 6, "twice what a free core takes, for a busy one"
