"""The training loop: optimiser steps, evaluations, snapshots and the choice of the result."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from catalog.common.errors import InputError, WorkError
from tasks.engines.diffrhythm.network.network import DiT
from tasks.training.forecast import Fit, fitting
from tasks.training.held_out import EarlyStop, fixed_grid, grid_loss
from tasks.training.items import Item, TrainingSong, step_items
from tasks.training.lora import LoraLayers, adapted
from tasks.training.memory import fitted, free_bytes
from tasks.training.objective import Batch, precision, squared_error
from tasks.training.parameters import TrainingParameters
from tasks.training.report import CurvePoint, OnProgress, OnSnapshot, Progress, Snapshot, TrainingResult
from tasks.training.state import TrainingState, pack, unpack
from tasks.weights.adapters.file import Adapter
from tasks.weights.adapters.writing import adapter_bytes

__all__ = ["CurvePoint", "Progress", "Snapshot", "TrainingResult", "train"]

_SPEED_SMOOTHING = 0.9


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
    """Train an adapter for ``network`` on the songs that are not held out.

    ``state`` is that of a snapshot, to go on from there: on the CPU the result is the same, bit for bit, as that of an
    uninterrupted training. ``on_snapshot`` is called after every evaluation and at the first step after
    ``snapshot_every_s`` seconds without one; ``on_progress`` before the first step and
    after every one. An exception that either raises ends the
    training. The network is moved to ``device`` and converted to the parameters' precision; its weights stay as they
    are, without the adapter.

    Raises InputError where there is nothing to learn from, and for bfloat16 on another device than CUDA; WorkError when
    the training diverges or ``state`` is of another one; TransientError when the device has no memory for one item.
    """
    _check(songs, parameters, device)
    network.to(device=device, dtype=getattr(torch, parameters.dtype))
    with adapted(network, parameters) as layers:
        training = _Training(network, layers, songs, parameters, device=device, packed=state)
        return training.run(on_snapshot, on_progress, snapshot_every_s=snapshot_every_s)


class _Training:
    """One training in one process; ``_state`` holds all that would have to be kept."""

    def __init__(
        self,
        network: DiT,
        layers: LoraLayers,
        songs: Sequence[TrainingSong],
        parameters: TrainingParameters,
        *,
        device: torch.device,
        packed: bytes | None,
    ) -> None:
        self._network = network
        self._layers = layers
        self._parameters = parameters
        self._device = device
        self._learned_songs = [song for song in songs if not song.held_out]
        self._grid = fixed_grid([song for song in songs if song.held_out], parameters)
        self._optimiser = torch.optim.AdamW(
            layers.tensors, lr=parameters.learning_rate, betas=(0.9, 0.999), weight_decay=parameters.weight_decay
        )
        self._state = self._begun() if packed is None else self._resumed(packed)

    def run(self, on_snapshot: OnSnapshot, on_progress: OnProgress, *, snapshot_every_s: float) -> TrainingResult:
        """All steps that are left."""
        state, parameters = self._state, self._parameters
        seconds_per_step: float | None = None
        snapshot_at = time.monotonic()
        if not state.curve:
            self._evaluate_untrained()
            on_progress(self._progress(None))
        while (stopped := self._stopped()) is None:
            started = time.monotonic()
            loss = self._step()
            seconds_per_step = _smoothed(seconds_per_step, time.monotonic() - started)
            held_out_loss, is_best = None, False
            if due := state.step % parameters.evaluate_every == 0 or state.step == parameters.steps:
                held_out_loss, is_best = self._evaluate()
            state.curve.append(CurvePoint(state.step, loss, held_out_loss))
            if due or time.monotonic() - snapshot_at >= snapshot_every_s:
                on_snapshot(self._snapshot(held_out_loss, is_best=is_best))
                snapshot_at = time.monotonic()
            on_progress(self._progress(seconds_per_step))
        return self._result(stopped)

    def _progress(self, seconds_per_step: float | None) -> Progress:
        """What the newest point of the curve says."""
        newest = self._state.curve[-1]
        return Progress(
            step=newest.step,
            steps=self._parameters.steps,
            loss=newest.loss,
            held_out_loss=newest.held_out,
            seconds_per_step=seconds_per_step,
            micro_batch=self._state.fit.micro_batch,
        )

    def _begun(self) -> TrainingState:
        """The state before the first step."""
        fit = fitting(self._network.config, self._parameters, free_bytes(self._device) + self._held_bytes())
        return TrainingState(weights=self._layers.tensors, average=self._layers.copies(), fit=fit)

    def _held_bytes(self) -> int:
        """The bytes of the network, which are no longer free but belong to the forecast of the whole training."""
        return sum(tensor.nbytes for tensor in self._network.state_dict().values())

    def _resumed(self, packed: bytes) -> TrainingState:
        """A stored state, with its tensors in their places."""
        state = unpack(packed, self._parameters)
        self._layers.set(state.weights)
        state.weights = self._layers.tensors
        state.average = [tensor.to(self._device) for tensor in state.average]
        state.best = None if state.best is None else [tensor.to(self._device) for tensor in state.best]
        if state.optimiser is not None:
            self._optimiser.load_state_dict(dict(state.optimiser))
        return state

    def _stopped(self) -> Literal["steps", "early"] | None:
        """Why the training is over, or None while it is not."""
        early_stop = self._state.early_stop
        if early_stop is not None and early_stop.waited >= self._parameters.patience:
            return "early"
        return "steps" if self._state.step >= self._parameters.steps else None

    def _step(self) -> float:
        """One optimiser step and its loss. Raises WorkError where the loss is no number any more."""
        state, parameters = self._state, self._parameters
        number = state.step + 1
        items = step_items(self._learned_songs, parameters, number)
        loss, state.fit = fitted(lambda fit: self._gradients(items, fit), state.fit)
        norm = torch.nn.utils.clip_grad_norm_(self._layers.tensors, parameters.clip).item()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise WorkError(
                f"The training diverged: the loss of step {number} is {loss:g}",
                remedy="Set a lower `learning_rate`, and start the training anew",
            )
        for group in self._optimiser.param_groups:
            group["lr"] = parameters.learning_rate * min(1.0, number / max(1, parameters.warm_up))
        self._optimiser.step()
        state.step = number
        self._average()
        return loss

    def _gradients(self, items: Sequence[Item], fit: Fit) -> float:
        """Calculate the gradients of a step anew, so many items at a time; its loss."""
        self._optimiser.zero_grad(set_to_none=True)
        elements = sum(item.elements for item in items)
        total = 0.0
        for first in range(0, len(items), fit.micro_batch):
            batch = Batch.of(items[first : first + fit.micro_batch], self._device)
            with precision(self._device, self._parameters.dtype):
                error = squared_error(self._network, batch, checkpointing=fit.checkpointing) / elements
            error.backward()  # type: ignore[no-untyped-call]
            total += error.item()
        return total

    @torch.no_grad()
    def _average(self) -> None:
        """Move the average towards the weights; over the first steps faster, so that it does not stay at the start."""
        decay = min(self._parameters.ema, self._state.step / (self._state.step + 9))
        for average, tensor in zip(self._state.average, self._layers.tensors, strict=True):
            average.lerp_(tensor, 1 - decay)

    def _evaluate_untrained(self) -> None:
        """The curve's first point: the held-out loss that the training has to improve on."""
        loss = None
        if self._grid:
            loss = self._held_out_loss()
            self._state.early_stop = EarlyStop(to_beat=loss)
        self._state.curve.append(CurvePoint(0, None, loss))

    def _evaluate(self) -> tuple[float | None, bool]:
        """The held-out loss of the average, and whether it is the best so far; None without held-out songs."""
        state = self._state
        if state.early_stop is None:
            return None, False
        loss = self._held_out_loss()
        state.early_stop = state.early_stop.after(state.step, loss, improvement=self._parameters.improvement)
        is_best = state.early_stop.best_step == state.step
        if is_best:
            state.best = [tensor.clone() for tensor in state.average]
        return loss, is_best

    def _held_out_loss(self) -> float:
        with self._layers.holding(self._state.average):
            return grid_loss(self._network, self._grid, device=self._device, dtype=self._parameters.dtype)

    def _snapshot(self, held_out_loss: float | None, *, is_best: bool) -> Snapshot:
        self._state.optimiser = self._optimiser.state_dict()
        return Snapshot(
            step=self._state.step,
            adapter=adapter_bytes(self._adapter(self._state.average)),
            state=pack(self._state, self._parameters),
            held_out_loss=held_out_loss,
            is_best=is_best,
        )

    def _result(self, stopped: Literal["steps", "early"]) -> TrainingResult:
        """The adapter of the best evaluation, or of the last step where nothing was held out."""
        state = self._state
        values: Sequence[Tensor] = state.average if state.best is None else state.best
        best_step = state.early_stop.best_step if state.early_stop is not None else None
        return TrainingResult(
            adapter=self._adapter(values),
            curve=tuple(state.curve),
            best_step=state.step if best_step is None else best_step,
            stopped_because=stopped,
        )

    def _adapter(self, values: Sequence[Tensor]) -> Adapter:
        return self._layers.adapter(values, exact_rope=self._network.exact_buffers)


def _smoothed(before: float | None, seconds: float) -> float:
    """The seconds of a step, averaged over about the last ten."""
    return seconds if before is None else _SPEED_SMOOTHING * before + (1 - _SPEED_SMOOTHING) * seconds


def _check(songs: Sequence[TrainingSong], parameters: TrainingParameters, device: torch.device) -> None:
    if all(song.held_out for song in songs):
        raise InputError("There is no song to train on", remedy="Name at least one song that is not held out")
    if parameters.dtype == "bfloat16" and device.type != "cuda":
        raise InputError(
            f"Training in bfloat16 needs a GPU, and this machine trains on its {device.type.upper()}",
            remedy="Set `dtype: float32`, or train on a machine with a GPU",
        )
