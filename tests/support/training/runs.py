"""Train on the tiny network, and keep what the training told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from tasks.engines.diffrhythm.network.network import DiT
from tasks.training.items import TrainingSong
from tasks.training.loop import Progress, Snapshot, TrainingResult, train
from tasks.training.parameters import TrainingParameters
from tests.support.diffrhythm.networks import tiny_network

CPU = torch.device("cpu")


@dataclass
class Run:
    """A finished training with its snapshots and its progress."""

    result: TrainingResult
    snapshots: list[Snapshot] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)

    def vector(self) -> torch.Tensor:
        """All numbers of the adapter in one row."""
        return vector(self.result)


def trained(
    songs: Sequence[TrainingSong],
    parameters: TrainingParameters,
    *,
    network: DiT | None = None,
    state: bytes | None = None,
    snapshot_every_s: float = 1e9,
) -> Run:
    """A training on the CPU, of a new tiny network unless another is given."""
    snapshots: list[Snapshot] = []
    progress: list[Progress] = []
    result = train(
        network or tiny_network(),
        songs,
        parameters,
        device=CPU,
        state=state,
        on_snapshot=snapshots.append,
        on_progress=progress.append,
        snapshot_every_s=snapshot_every_s,
    )
    return Run(result, snapshots, progress)


def vector(result: TrainingResult) -> torch.Tensor:
    """All numbers of a result's adapter in one row."""
    return torch.cat([part.flatten() for _, pair in sorted(result.adapter.pairs.items()) for part in pair])


def difference(one: Run, other: Run) -> float:
    """The distance of two adapters as a share of their norm."""
    return float((one.vector() - other.vector()).norm() / one.vector().norm())
