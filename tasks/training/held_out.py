"""The loss on held-out songs over a fixed grid, and the decision to stop by it.

Crops, noises and flow times are the same in every evaluation and every training, so the figure is a function of the
weights alone and the curves of two trainings can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from tasks.engines.diffrhythm.network.network import DiT
from tasks.training.items import Item, TrainingSong, draw_item, generator_for
from tasks.training.objective import Batch, precision, squared_error
from tasks.training.parameters import HELD_OUT_TIMES, TrainingParameters


def fixed_grid(songs: Sequence[TrainingSong], parameters: TrainingParameters) -> tuple[Item, ...]:
    """For each song one crop and one noise, drawn by the song's name alone, at every time; nothing is dropped."""
    whole = replace(parameters, drop_words=0.0, drop_style=0.0)
    items = [draw_item(song, generator_for("held out", song.name), whole) for song in songs]
    return tuple(replace(item, time=time) for item in items for time in HELD_OUT_TIMES)


@torch.no_grad()
def grid_loss(network: DiT, grid: Sequence[Item], *, device: torch.device, dtype: str) -> float:
    """The mean squared error over all valid elements of a grid; one item at a time, so memory does not change it."""
    total = 0.0
    for item in grid:
        with precision(device, dtype):
            total += squared_error(network, Batch.of([item], device)).item()
    return total / sum(item.elements for item in grid)


@dataclass(frozen=True, slots=True)
class EarlyStop:
    """The evaluations so far.

    ``to_beat`` is the loss that the next one is compared with: that of the untrained adapter at first. ``waited``
    counts the evaluations since then without an improvement. ``best_step`` and ``best_loss`` are of the lowest loss
    after a step, which may be above the untrained one; both None before the first evaluation.
    """

    to_beat: float
    waited: int = 0
    best_step: int | None = None
    best_loss: float | None = None

    def after(self, step: int, loss: float, *, improvement: float) -> EarlyStop:
        """The same with one more evaluation; an improvement is a loss lower by at least the share ``improvement``."""
        improved = loss < self.to_beat * (1 - improvement)
        best = self.best_loss is None or loss < self.best_loss
        return EarlyStop(
            to_beat=loss if improved else self.to_beat,
            waited=0 if improved else self.waited + 1,
            best_step=step if best else self.best_step,
            best_loss=loss if best else self.best_loss,
        )
