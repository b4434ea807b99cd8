"""Where a training goes on: from its newest checkpoint that can be read."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("peft", reason="training needs PEFT")

from catalog.catalog import Catalog  # noqa: E402
from catalog.ledger.checkpoints import (  # noqa: E402
    NewCheckpoint,
    add_checkpoint,
    checkpoints_of,
    store_checkpoint,
)
from catalog.ledger.work import Lease, StepRequest  # noqa: E402
from tasks.steps.run_step import StepContext  # noqa: E402
from tasks.training.forecast import Fit  # noqa: E402
from tasks.training.parameters import TrainingParameters  # noqa: E402
from tasks.training.report import CurvePoint, Snapshot  # noqa: E402
from tasks.training.state import TrainingState, pack  # noqa: E402
from tasks.training.steps.train import CheckpointKeeper  # noqa: E402

REQUEST = StepRequest("train", 1, {"seed": 1})
PARAMETERS = TrainingParameters()


def packed(step: int) -> bytes:
    curve = [CurvePoint(number, 1.0, None) for number in range(step + 1)]
    tensors = [torch.zeros(2)]
    return pack(TrainingState(tensors, tensors, Fit(1, checkpointing=False), step=step, curve=curve), PARAMETERS)


@pytest.fixture
def context(catalog: Catalog, tmp_path: Path) -> StepContext:
    catalog.ledger.declare_steps([REQUEST])
    lease = catalog.ledger.claim("step", REQUEST.key)
    assert isinstance(lease, Lease)
    return StepContext(REQUEST, tmp_path, catalog, lease)


def add(context: StepContext, number: int, state: bytes) -> str:
    """The digest of its state."""
    catalog, lease = context.catalog, context.lease
    assert lease is not None
    new = NewCheckpoint(number, b"adapter", state, None, is_best=False)
    files = store_checkpoint(catalog.database, catalog.store, new)
    catalog.ledger.while_held(
        lease, lambda session, _row: add_checkpoint(session, lease, new, *files), deadline_s=time.monotonic() + 60
    )
    return files[1].digest


def test_a_new_training_has_no_state(context: StepContext) -> None:
    assert CheckpointKeeper(context, PARAMETERS).state is None


@pytest.mark.parametrize("damage", ["another format", "bytes gone"])
def test_a_checkpoint_that_cannot_be_read_is_passed_over(context: StepContext, damage: str) -> None:
    older = packed(4)
    add(context, 4, older)
    newest = add(context, 6, b"of another version" if damage == "another format" else packed(6))
    if damage == "bytes gone":
        context.catalog.store.delete(newest)
    keeper = CheckpointKeeper(context, PARAMETERS)
    assert keeper.state == older
    keeper.keep(Snapshot(5, b"adapter of 5", packed(5), None, is_best=False))
    numbers = [found.number for found in checkpoints_of(context.catalog.database, REQUEST.key)]
    assert numbers == [5, 4], "the one that could not be read is replaced"


def test_without_any_that_can_be_read_it_starts_anew(context: StepContext) -> None:
    add(context, 6, b"of another version")
    assert CheckpointKeeper(context, PARAMETERS).state is None
