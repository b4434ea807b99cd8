"""How a training goes, for whoever watches: the stage, the songs that are ready, the curve, the previews."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from catalog.common import figures
from tasks.training.steps.card import likeness_sentence
from tasks.training.steps.progress import Point, TrainingStatus

BARS = "▁▂▃▄▅▆▇█"
CURVE_WIDTH = 48


@dataclass(frozen=True, slots=True)
class PreviewMade:
    """A preview: the optimiser step and the prompt it is of, its artifact, and its passage most like a song."""

    step: int
    prompt: str
    audio: str
    closest: dict[str, object]


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Where a training stands. ``status`` is None before its first step."""

    songs: int
    encoded: int = 0
    styled: int = 0
    status: TrainingStatus | None = None
    previews: tuple[PreviewMade, ...] = ()
    is_trained: bool = False

    def sentence(self) -> str:
        """The stage in words."""
        if self.is_trained:
            return "trained"
        if self.encoded < self.songs or self.styled < self.songs:
            ready = min(self.encoded, self.styled)
            return f"preparing the songs: {ready} of {self.songs}"
        return _training(self.status) if self.status else "loading the network"


def preview_sentence(made: PreviewMade) -> str:
    """A preview in words: its step, its prompt, and what it is like."""
    return f"preview of step {made.step}, {made.prompt}: {likeness_sentence(made.closest)}"


class ProgressReporter:
    """The progress of one training, and those who are told of every change."""

    def __init__(self, songs: int) -> None:
        self.progress = TrainingProgress(songs)
        self._listeners: list[Callable[[TrainingProgress], None]] = []

    def listen(self, listener: Callable[[TrainingProgress], None]) -> None:
        """Have ``listener`` called after every change."""
        self._listeners.append(listener)

    def set(self, **changes: object) -> None:
        """Change the progress."""
        changed = replace(self.progress, **changes)  # type: ignore[arg-type]
        if changed != self.progress:
            self.progress = changed
            for listener in self._listeners:
                listener(changed)


def _training(status: TrainingStatus) -> str:
    parts = [f"step {status.step} of {status.steps}"]
    if status.curve and (loss := status.curve[-1].loss) is not None:
        parts.append(f"loss {loss:.4f}")
    if held_out := [point for point in status.curve if point.held_out is not None]:
        best = min(held_out, key=lambda point: point.held_out or 0.0)
        parts.append(f"held out {held_out[-1].held_out:.4f} (best {best.held_out:.4f} at {best.step})")
    if status.seconds_per_step is not None and status.left_s is not None:
        parts.append(f"{status.seconds_per_step:.2g} s a step")
        parts.append(f"at most {figures.clock(status.left_s, with_hours=True)} left")
    return " · ".join(parts)


def sparkline(values: Sequence[float], width: int = CURVE_WIDTH) -> str:
    """A curve as a row of bars, the lowest value the lowest bar; neighbours are averaged where there are too many."""
    if not values:
        return ""
    count = min(width, len(values))
    bounds = [round(index * len(values) / count) for index in range(count + 1)]
    means = [sum(values[low:high]) / (high - low) for low, high in pairwise(bounds)]
    least, span = min(means), max(means) - min(means)
    heights = [int((mean - least) / span * (len(BARS) - 1) + 0.5) if span > 0 else 0 for mean in means]
    return "".join(BARS[height] for height in heights)


@dataclass(frozen=True, slots=True)
class Curves:
    """The two curves of a training as rows of bars with their first and last values."""

    loss: str = field(default="")
    held_out: str = field(default="")

    @classmethod
    def of(cls, points: Sequence[Point]) -> Curves:
        """Those of a curve's points."""
        losses = [point.loss for point in points if point.loss is not None]
        held_out = [point.held_out for point in points if point.held_out is not None]
        return cls(_row("loss", losses), _row("held out", held_out))

    def lines(self) -> list[str]:
        """The rows that there are."""
        return [row for row in (self.loss, self.held_out) if row]


def _row(name: str, values: Sequence[float]) -> str:
    if not values:
        return ""
    return f"{name:<9}{sparkline(values)}  {values[0]:.4f} → {values[-1]:.4f}"
