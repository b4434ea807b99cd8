"""How far a training is, in a small file of the home: written by its step, read by whoever watches it.

The file is for display only, and is read without torch. It is replaced as a whole, so that nobody reads half of one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from catalog.common.digests import Json
from catalog.files.permissions import file_mode_in, private_folder
from catalog.files.whole_file import write_whole

if TYPE_CHECKING:
    from tasks.training.report import CurvePoint, Progress

FOLDER = "trainings"
EVERY_S = 1.0
MOST_POINTS = 400
"""The curve in the file has at most about this many points, and all that were evaluated on held-out songs."""


class Point(NamedTuple):
    """One point of a loss curve: optimiser steps made, training loss, and held-out loss, each None where unknown."""

    step: int
    loss: float | None
    held_out: float | None


@dataclass(frozen=True, slots=True)
class TrainingStatus:
    """How far a training is: optimiser steps made, their speed (None before the first), and the curve so far."""

    step: int
    steps: int
    seconds_per_step: float | None
    micro_batch: int
    curve: tuple[Point, ...]
    written_at: float

    @property
    def left_s(self) -> float | None:
        """The time until the last step, if it does not stop earlier; None before the first."""
        return None if self.seconds_per_step is None else (self.steps - self.step) * self.seconds_per_step


class ProgressFile:
    """Writes the progress of one training, at most once a second; where it cannot be written, it is not shown."""

    def __init__(self, home: Path, key: str, curve: Iterable[CurvePoint | Point] = ()) -> None:
        self._path = path_of(home, key)
        self._curve = [Point(*point) for point in curve]
        self._due = 0.0
        private_folder(self._path.parent)

    def note(self, progress: Progress) -> None:
        """Take in one step, or the untrained loss."""
        self._curve.append(Point(progress.step, progress.loss, progress.held_out_loss))
        if time.monotonic() < self._due and progress.held_out_loss is None and progress.step < progress.steps:
            return
        self._due = time.monotonic() + EVERY_S
        document: dict[str, Json] = {
            "step": progress.step,
            "steps": progress.steps,
            "seconds_per_step": progress.seconds_per_step,
            "micro_batch": progress.micro_batch,
            "curve": [list(point) for point in thinned(self._curve)],
            "written_at": time.time(),
        }
        with suppress(OSError):
            write_whole(self._path, json.dumps(document).encode(), mode=file_mode_in(self._path.parent))

    def remove(self) -> None:
        """Remove the file of a training that is done."""
        self._path.unlink(missing_ok=True)


def path_of(home: Path, key: str) -> Path:
    """The file of the training with that step key."""
    return home / FOLDER / f"{key}.json"


def status_of(home: Path, key: str) -> TrainingStatus | None:
    """How far a training is; None while it has told nothing."""
    try:
        document = json.loads(path_of(home, key).read_bytes())
        curve = tuple(Point(*point) for point in document.pop("curve"))
        return TrainingStatus(**document, curve=curve)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def thinned(curve: Iterable[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most about ``most`` points, evenly chosen, with all that have a held-out loss, the first and the last."""
    points = list(curve)
    every = max(1, len(points) // most)
    return [
        point
        for index, point in enumerate(points)
        if index % every == 0 or index == len(points) - 1 or point.held_out is not None
    ]
