"""What an adapter's digest depends on, and what it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="adapters are tensors")

from tasks.weights.adapters.digest import adapter_digest  # noqa: E402
from tests.support.places import ROOT  # noqa: E402
from tests.support.tiny_adapters import Q, tiny_adapter, write_peft  # noqa: E402

UP = "transformer_blocks.0.mlp.up_proj"
LAYERS = {Q: (8, 8), UP: (16, 8)}
KNOWN = "c4ba7d6ba3d7fe166d1ddd58780aaf7f"
"""Digests are stored in recipes: a change of this one would render everything again."""

READ = "import sys; from pathlib import Path; from tasks.weights.adapters.digest import adapter_digest as digest; "
READ += "from tasks.weights.adapters.reading import read_adapter; print(digest(read_adapter(Path(sys.argv[1]))))"


def counted_adapter(**changes):
    """An adapter of whole numbers, the same with every version of torch."""
    values = torch.arange(32, dtype=torch.float32).reshape(4, 8)
    return replace(tiny_adapter({}, rank=4), pairs={Q: (values, values.T.contiguous())}, **changes)


def test_the_digest_never_changes() -> None:
    assert adapter_digest(counted_adapter())[:32] == KNOWN


def test_everything_that_changes_the_sound_changes_it() -> None:
    adapter = tiny_adapter(LAYERS)
    a, b = adapter.pairs[Q]
    changed = [
        replace(adapter, alpha=5.0),
        replace(adapter, use_rslora=True),
        replace(adapter, alpha_pattern={"q_proj": 2.0}),
        replace(adapter, pairs={Q: (a, b)}),
        replace(adapter, pairs={**adapter.pairs, Q: (a, torch.nextafter(b, b + 1))}),
        replace(adapter, pairs={**adapter.pairs, Q: (-a, -b)}),
        replace(adapter, pairs={"transformer_blocks.1.self_attn.q_proj": (a, b), UP: adapter.pairs[UP]}),
    ]
    digests = [adapter_digest(each) for each in (adapter, *changed)]
    assert len(set(digests)) == len(digests)


def test_how_it_is_written_down_does_not() -> None:
    adapter = tiny_adapter(LAYERS)
    same = [
        replace(adapter, pairs=dict(reversed(list(adapter.pairs.items())))),
        replace(adapter, alpha_pattern={"q_proj": 4.0, "nowhere": 9.0}),
        replace(adapter, rank_pattern={"q_proj": 4}),
        replace(adapter, base="ab" * 32, rope="exact", record={"rights": "mine"}),
        replace(adapter, pairs={layer: (a.T.contiguous().T, b) for layer, (a, b) in adapter.pairs.items()}),
    ]
    assert {adapter_digest(each) for each in same} == {adapter_digest(adapter)}
    by_end = adapter_digest(replace(adapter, alpha_pattern={"q_proj": 2.0}))
    assert by_end == adapter_digest(replace(adapter, alpha_pattern={Q: 2.0}))


@pytest.mark.slow
def test_processes_with_other_hash_seeds_agree(tmp_path: Path) -> None:
    """PEFT writes the targets in an order that depends on the hash seed, and its version."""
    adapter = tiny_adapter(LAYERS)
    found = set()
    for seed, targets, version in (("1", ["q_proj", "up_proj"], "0.21.2"), ("2", ["up_proj", "q_proj"], "0.21.1")):
        folder = write_peft(tmp_path / seed, adapter, target_modules=targets, peft_version=version)
        done = subprocess.run(
            [sys.executable, "-c", READ, folder],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout.strip())
    assert found == {adapter_digest(adapter)}
