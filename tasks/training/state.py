"""All of a training that has to be kept to go on with it bit for bit, as bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from catalog.common.errors import WorkError
from tasks.training.forecast import Fit
from tasks.training.held_out import EarlyStop
from tasks.training.parameters import TrainingParameters
from tasks.training.report import CurvePoint

FORMAT = 1

_REMEDY = "Run the same command again: it goes on from an earlier checkpoint, or from the start"


@dataclass(slots=True, eq=False)
class TrainingState:
    """A training after ``step`` optimiser steps, 0 at its start.

    ``weights``, ``average`` (EMA) and ``best`` are values of the adapter's tensors in their order; ``optimiser`` is the
    state dictionary of AdamW, None before the first step. ``early_stop`` and ``best`` are None without held-out songs
    and before the first evaluation. Data order and noise follow from the step's number, and the learning rate too.
    """

    weights: Sequence[Tensor]
    average: Sequence[Tensor]
    fit: Fit
    step: int = 0
    optimiser: Mapping[str, Any] | None = None
    early_stop: EarlyStop | None = None
    best: Sequence[Tensor] | None = None
    curve: list[CurvePoint] = field(default_factory=list)


def pack(state: TrainingState, parameters: TrainingParameters) -> bytes:
    """The state as bytes that hold tensors and plain values only."""
    content = {
        "format": FORMAT,
        "parameters": parameters.document(),
        "step": state.step,
        "weights": [tensor.detach() for tensor in state.weights],
        "average": list(state.average),
        "best": None if state.best is None else list(state.best),
        "optimiser": state.optimiser,
        "early_stop": None if state.early_stop is None else asdict(state.early_stop),
        "curve": [list(point) for point in state.curve],
        "fit": asdict(state.fit),
    }
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def unpack(packed: bytes, parameters: TrainingParameters) -> TrainingState:
    """The state that :func:`pack` made, with its tensors on the CPU.

    Only tensors and plain values are ever unpickled. Raises WorkError for damaged bytes, for those of another version
    of Songline, and for the state of a training with other parameters.
    """
    try:
        content = torch.load(io.BytesIO(packed), map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes provoke errors of any kind
        raise WorkError("the checkpoint cannot be read: it is damaged or cut short", remedy=_REMEDY) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise WorkError("the checkpoint was made by another version of Songline", remedy=_REMEDY)
    if content["parameters"] != parameters.document():
        raise WorkError("the checkpoint belongs to a training with other parameters", remedy=_REMEDY)
    early_stop = content["early_stop"]
    return TrainingState(
        weights=content["weights"],
        average=content["average"],
        fit=Fit(**content["fit"]),
        step=content["step"],
        optimiser=content["optimiser"],
        early_stop=None if early_stop is None else EarlyStop(**early_stop),
        best=content["best"],
        curve=[CurvePoint(*point) for point in content["curve"]],
    )
