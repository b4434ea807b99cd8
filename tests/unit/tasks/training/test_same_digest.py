"""The same songs trained twice, in processes that order sets and dictionaries' hashes differently."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.places import ROOT

pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("peft", reason="training needs PEFT")

pytestmark = pytest.mark.slow

CODE = """
import torch
torch.set_num_threads(1)
from tasks.weights.adapters.digest import adapter_digest
from tests.support.training.runs import trained
from tests.support.training.songs import TINY, three_songs
run = trained(three_songs(), TINY)
print(adapter_digest(run.result.adapter), hash("order"))
"""


def test_the_digest_does_not_depend_on_the_process() -> None:
    outputs = []
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        finished = subprocess.run(
            [sys.executable, "-c", CODE],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        outputs.append(finished.stdout.split())
    (one, one_hash), (other, other_hash) = outputs
    assert one_hash != other_hash
    assert one == other
