"""The registry: light to ask, true to the scorers it names, and in step with the default policy."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from catalog.selection.decide import Policy, check_policy
from tasks.audio.audio import Audio
from tasks.scoring.base import Brief
from tasks.scoring.registry import JUDGES, SCORERS, load_scorers, metric_specs, scorer_revisions

LIGHT = """
import sys
from catalog.selection.decide import Policy, check_policy
from tasks.scoring.registry import metric_specs, scorer_revisions
assert not check_policy(Policy(), metric_specs()) and scorer_revisions()
print(sorted({"numpy", "scipy", "soxr", "torch", "sqlalchemy", "prefect"} & set(sys.modules)))
"""


def test_asking_for_the_metrics_imports_nothing_heavy() -> None:
    ran = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_scorers_are_what_the_registry_says() -> None:
    for registered, scorer in zip(SCORERS, load_scorers(), strict=True):
        assert (scorer.name, scorer.revision, scorer.metrics) == (
            registered.name,
            registered.revision,
            registered.metrics,
        )
    assert scorer_revisions() == {"technical": 3, "adherence": 1}


def test_every_metric_has_one_scorer_and_one_reading() -> None:
    audio, brief = Audio.of(np.zeros((2, 4410)), 44100), Brief(length_s=0.1)
    read = [name for scorer in load_scorers() for name in scorer.score(audio, brief)]
    assert len(set(read)) == len(read)
    judged = [spec.name for judge in JUDGES for spec in judge.metrics]
    assert [*read, *judged] == list(metric_specs())


def test_the_names_that_manifests_use_are_there() -> None:
    assert {"clipping_runs", "tail_silence_s", "tempo_match", "mono_loss_lu"} <= set(metric_specs())


def test_the_default_policy_fits_the_metrics() -> None:
    assert check_policy(Policy(), metric_specs()) == ()
