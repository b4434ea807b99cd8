"""What a command costs before it does anything: few modules, and no look for garbage among those that stay."""

from __future__ import annotations

import subprocess
import sys

import pytest

GARBAGE = """
import gc
usual = gc.get_threshold()
import flows
from flows.runtime.startup import OBJECTS_OF_STARTUP
begun = gc.get_threshold()[0], gc.get_freeze_count()
kept = [[] for _ in range(OBJECTS_OF_STARTUP + 10_000)]
print(begun == (OBJECTS_OF_STARTUP, 0), gc.get_threshold() == usual, gc.get_freeze_count() > OBJECTS_OF_STARTUP // 2)
"""


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_garbage_is_looked_for_once_the_objects_of_the_start_are_made_and_as_usual_from_then_on() -> None:
    assert run(GARBAGE) == "True True True\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("imported", "spared"),
    [
        ("flows.cli.main", ("flows.runtime.clean_logs", "importlib.abc", "logging", "tempfile")),
        (
            "flows.pipeline.survey",
            (
                "catalog.manifest.schema",
                "catalog.album.cover.jpeg",
                "catalog.album.cover.png",
                "catalog.lineage.lineage",
            ),
        ),
        (
            "flows.cli.album.render",
            (
                "catalog.album.cover.jpeg",
                "catalog.album.cover.png",
                "catalog.lineage.lineage",
                "flows.pipeline.estimate",
                "prefect",
            ),
        ),
    ],
)
def test_commands_load_nothing_that_they_need_in_some_cases_only(imported, spared) -> None:
    loaded = run(f"import sys; import {imported}; import flows.cli.console.exit; print(*sys.modules)").split()
    assert imported in loaded
    assert set(spared).isdisjoint(loaded)
