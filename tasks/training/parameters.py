"""The numbers that define a training's result, without torch, so that planning can use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from catalog.common.digests import Json

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The seven linear layers of every transformer layer; these names occur nowhere else in the network."""

HELD_OUT_TIMES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""The flow times at which every held-out song is evaluated."""


@dataclass(frozen=True, slots=True)
class TrainingParameters:
    """All that defines a training's result, apart from its songs and its base network.

    ``alpha`` of None is the rank. One optimiser step learns from ``batch`` times ``accumulation`` items; how many of
    them are on the device at once changes the rounding only. ``learning_rate`` is reached over ``warm_up`` steps and
    then constant; ``clip`` bounds the gradient's norm; ``ema`` is the decay of the averaged adapter, which is the one
    delivered. Words and style are left out of an item with the probabilities ``drop_words`` and ``drop_style``. Every
    ``evaluate_every`` steps the held-out songs are evaluated, and ``patience`` evaluations without an improvement by
    the share ``improvement`` end the training. ``dtype`` is what the network calculates in; the adapter is float32.
    Raises ValueError for a number outside its range.
    """

    rank: int = 16
    alpha: float | None = None
    targets: tuple[str, ...] = TARGETS
    steps: int = 2000
    batch: int = 1
    accumulation: int = 4
    learning_rate: float = 1e-4
    warm_up: int = 50
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.99
    drop_words: float = 0.2
    drop_style: float = 0.2
    crop_frames: int = 2048
    evaluate_every: int = 100
    patience: int = 5
    improvement: float = 0.002
    seed: int = 0
    dtype: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        for name in ("rank", "steps", "batch", "accumulation", "crop_frames", "evaluate_every", "patience"):
            _require(getattr(self, name) >= 1, name)
        for name in ("learning_rate", "clip"):
            _require(getattr(self, name) > 0, name)
        for name in ("drop_words", "drop_style", "improvement"):
            _require(0 <= getattr(self, name) <= 1, name)
        _require(0 <= self.ema < 1, "ema")
        _require(self.alpha is None or self.alpha > 0, "alpha")
        _require(self.warm_up >= 0 and self.weight_decay >= 0, "warm_up or weight_decay")
        _require(bool(self.targets) and set(self.targets) <= set(TARGETS), "targets")
        _require(len(set(self.targets)) == len(self.targets), "targets")
        _require(self.dtype in ("float32", "bfloat16"), "dtype")

    @property
    def items_per_step(self) -> int:
        """The items that one optimiser step learns from."""
        return self.batch * self.accumulation

    @property
    def adapter_alpha(self) -> float:
        """Alpha as a number: the adapter's product is multiplied by alpha / rank."""
        return float(self.rank if self.alpha is None else self.alpha)

    def document(self) -> dict[str, Json]:
        """The parameters as plain JSON, by their names, for a step's document and a checkpoint."""
        return {
            "rank": self.rank,
            "alpha": self.adapter_alpha,
            "targets": sorted(self.targets),
            "steps": self.steps,
            "batch": self.batch,
            "accumulation": self.accumulation,
            "learning_rate": self.learning_rate,
            "warm_up": self.warm_up,
            "weight_decay": self.weight_decay,
            "clip": self.clip,
            "ema": self.ema,
            "drop_words": self.drop_words,
            "drop_style": self.drop_style,
            "crop_frames": self.crop_frames,
            "evaluate_every": self.evaluate_every,
            "patience": self.patience,
            "improvement": self.improvement,
            "seed": self.seed,
            "dtype": self.dtype,
        }


def _require(holds: bool, name: str) -> None:
    if not holds:
        raise ValueError(f"{name} is outside its range")
