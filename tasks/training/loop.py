"""The training loop."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tasks.engines.diffrhythm.network.network import DiT
from tasks.training.items import TrainingSong
from tasks.training.parameters import TrainingParameters
from tasks.training.report import CurvePoint, OnProgress, OnSnapshot, Progress, Snapshot, TrainingResult

__all__ = ["CurvePoint", "Progress", "Snapshot", "TrainingResult", "train"]


def train(
    network: DiT,
    songs: Sequence[TrainingSong],
    parameters: TrainingParameters,
    *,
    device: torch.device,
    state: bytes | None = None,
    on_snapshot: OnSnapshot,
    on_progress: OnProgress,
    snapshot_every_s: float = 300.0,
) -> TrainingResult:
    """Train an adapter for ``network`` on the songs; ``state`` is a snapshot's, to go on from there."""
    raise NotImplementedError
