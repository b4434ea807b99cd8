"""The measurement of separation quality runs on the guide's true stems; with random weights its figures are poor."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from catalog.selection.metrics import Measured
from tests.bench.separation import SONGS, measured
from tests.support.commands import environment
from tests.support.places import ROOT
from tests.support.tiny_demucs import need

pytestmark = pytest.mark.slow

BENCH = ROOT / "tests" / "bench" / "separation.py"


def test_every_stem_is_held_against_the_engines_own(registry) -> None:
    rows = list(islice(measured(need(registry, "htdemucs"), registry, length_s=10.0), 3))
    assert {row.stem for row in rows} <= {"drums", "bass", "other", "vocals"}
    assert {row.song for row in rows} == {next(iter(SONGS))}
    drums = next(row for row in rows if row.stem == "drums")
    assert isinstance(drums.sdr, Measured)
    assert drums.sdr.value < 5
    assert drums.speed > 0


def test_without_weights_it_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, BENCH], env=environment(tmp_path), capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("NOT MEASURED: none of htdemucs, htdemucs_ft, htdemucs_6s is installed")
