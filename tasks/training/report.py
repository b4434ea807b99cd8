"""What a training tells its caller: progress, snapshots to resume from, and the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tasks.weights.adapters.file import Adapter


class CurvePoint(NamedTuple):
    """One point of the loss curve.

    ``step`` is the number of optimiser steps made; ``loss`` the training loss of the last one (None before the first);
    ``held_out`` the held-out loss where it was evaluated there.
    """

    step: int
    loss: float | None
    held_out: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """After a step: ``step`` of ``steps`` made, its loss, the held-out loss where just evaluated, and the speed.

    Before the first step, ``loss`` and ``seconds_per_step`` are None: there is only the untrained held-out loss.
    """

    step: int
    steps: int
    loss: float | None
    held_out_loss: float | None
    seconds_per_step: float | None
    micro_batch: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a training stands after ``step`` optimiser steps.

    ``adapter`` is a safetensors file of the averaged adapter, ``state`` all that resuming needs (see
    :mod:`tasks.training.state`). ``held_out_loss`` is given for snapshots of an evaluation, and ``is_best`` says
    whether that was the best so far.
    """

    step: int
    adapter: bytes
    state: bytes
    held_out_loss: float | None
    is_best: bool


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The adapter of the best evaluation (without held-out songs: the last), and how the training went.

    The adapter names no base network and has no record yet: the caller adds both.
    """

    adapter: Adapter
    curve: tuple[CurvePoint, ...]
    best_step: int
    stopped_because: Literal["steps", "early"]


OnSnapshot = Callable[[Snapshot], None]
OnProgress = Callable[[Progress], None]
