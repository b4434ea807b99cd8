"""Going on with a training: bit for bit, in new objects, from every kind of snapshot."""

from __future__ import annotations

import os
from dataclasses import replace
from io import BytesIO

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("peft", reason="training needs PEFT")

from torch import Tensor  # noqa: E402
from torch.utils._pytree import tree_flatten  # noqa: E402

from catalog.common.errors import WorkError  # noqa: E402
from tasks.training.forecast import Fit  # noqa: E402
from tasks.training.held_out import EarlyStop  # noqa: E402
from tasks.training.report import CurvePoint  # noqa: E402
from tasks.training.state import TrainingState, pack, unpack  # noqa: E402
from tasks.weights.adapters.digest import adapter_digest  # noqa: E402
from tests.support.diffrhythm.networks import one_thread  # noqa: E402
from tests.support.training.runs import trained  # noqa: E402
from tests.support.training.songs import TINY, three_songs  # noqa: E402

__all__ = ["one_thread"]


def tensors(*values: float) -> list[Tensor]:
    return [torch.full((2, 3), value) for value in values]


FULL = TrainingState(
    weights=tensors(1.0, 2.0),
    average=tensors(3.0, 4.0),
    fit=Fit(3, checkpointing=True),
    step=7,
    optimiser={"state": {0: {"step": torch.tensor(7.0)}}, "param_groups": [{"betas": (0.9, 0.999), "params": [0]}]},
    early_stop=EarlyStop(to_beat=1.5, waited=2, best_step=4, best_loss=1.5),
    best=tensors(5.0, 6.0),
    curve=[CurvePoint(0, None, 2.0), CurvePoint(1, 3.0, None)],
)


def test_a_state_returns_whole() -> None:
    state = unpack(pack(FULL, TINY), TINY)
    for name in ("weights", "average", "best"):
        assert all(map(torch.equal, getattr(state, name), getattr(FULL, name)))
    for name in ("fit", "step", "early_stop", "curve"):
        assert getattr(state, name) == getattr(FULL, name)
    assert state.optimiser == FULL.optimiser


def test_a_state_before_the_first_evaluation() -> None:
    state = unpack(pack(TrainingState(tensors(1.0), tensors(1.0), Fit(1, checkpointing=False)), TINY), TINY)
    assert (state.step, state.optimiser, state.early_stop, state.best, state.curve) == (0, None, None, None, [])


def test_a_state_of_other_parameters_is_refused() -> None:
    with pytest.raises(WorkError, match="other parameters"):
        unpack(pack(FULL, TINY), replace(TINY, seed=9))


@pytest.mark.parametrize("damage", [b"", b"no archive", pack(FULL, TINY)[:2000]])
def test_a_damaged_state_is_refused(damage: bytes) -> None:
    with pytest.raises(WorkError, match="damaged or cut short"):
        unpack(damage, TINY)


def test_code_in_a_state_is_not_run() -> None:
    stream = BytesIO()
    torch.save({"format": 1, "step": os.getcwd}, stream)
    with pytest.raises(WorkError, match="cannot be read"):
        unpack(stream.getvalue(), TINY)


def same_content(one: bytes, other: bytes) -> bool:
    """Whether two states hold the same; their bytes may name the same string in two ways."""
    contents = [torch.load(BytesIO(packed), weights_only=True) for packed in (one, other)]
    leaves, structures = zip(*map(tree_flatten, contents), strict=True)
    return structures[0] == structures[1] and all(
        torch.equal(a, b) if isinstance(a, Tensor) else a == b for a, b in zip(*leaves, strict=True)
    )


@pytest.mark.slow
def test_going_on_gives_every_bit_of_an_uninterrupted_training() -> None:
    """From each snapshot, between evaluations and after them, with new objects for network, adapter and optimiser."""
    whole = trained(three_songs(), TINY, snapshot_every_s=0.0)
    assert [snapshot.step for snapshot in whole.snapshots] == [1, 2, 3, 4, 5, 6]
    for snapshot in whole.snapshots:
        torch.manual_seed(snapshot.step)
        resumed = trained(three_songs(), TINY, state=snapshot.state, snapshot_every_s=0.0)
        assert adapter_digest(resumed.result.adapter) == adapter_digest(whole.result.adapter)
        assert resumed.result.curve == whole.result.curve
        assert resumed.result.best_step == whole.result.best_step
        assert [later.step for later in resumed.snapshots] == list(range(snapshot.step + 1, 7))
        for later, before in zip(resumed.snapshots, whole.snapshots[snapshot.step :], strict=True):
            assert later.adapter == before.adapter
            assert same_content(later.state, before.state)


@pytest.mark.slow
def test_a_resumed_training_stops_early_where_the_whole_one_does() -> None:
    impatient = replace(TINY, steps=40, evaluate_every=1, patience=2, improvement=0.9)
    whole = trained(three_songs(), impatient)
    assert whole.result.stopped_because == "early"
    assert len(whole.snapshots) == 2
    resumed = trained(three_songs(), impatient, state=whole.snapshots[0].state)
    assert resumed.result.curve == whole.result.curve
    finished = trained(three_songs(), impatient, state=whole.snapshots[-1].state)
    assert finished.progress == []
    assert adapter_digest(finished.result.adapter) == adapter_digest(whole.result.adapter)


@pytest.mark.slow
def test_a_resumed_training_keeps_to_the_batch_that_fitted() -> None:
    whole = trained(three_songs(), TINY)
    state = unpack(whole.snapshots[0].state, TINY)
    state.fit = Fit(1, checkpointing=True)
    resumed = trained(three_songs(), TINY, state=pack(state, TINY))
    assert [progress.micro_batch for progress in resumed.progress] == [1, 1, 1]
