"""Metrics and their readings: a number, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower", "none"]


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One property that can be measured on a candidate.

    ``direction`` says which way is better; ``none`` is a description that may be gated but not weighted. ``family``
    is one of musicality, adherence, lyrics, production (these rank) and technical (this gates). ``words`` is its name
    in sentences, by default made from ``name``. Readings within ``just_noticeable`` of each other, in the metric's
    unit, count as equal; the source of that step is stated beside it.
    """

    name: str
    unit: str
    direction: Direction
    family: str
    description: str
    words: str = ""
    just_noticeable: float = 0.0
    just_noticeable_source: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """The reading of one section of the audio, ``start_s`` to ``end_s``."""

    start_s: float
    end_s: float
    value: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A finite number, with its reading per window where the scorer has them."""

    value: float
    windows: tuple[Window, ...] = ()


NOT_SCORED = "it was not scored"
"""The reason of a metric whose judge was not run."""


@dataclass(frozen=True, slots=True)
class NotMeasurable:
    """The reason why there is no number; never replaced by a NaN, an infinity or a zero."""

    reason: str

    @classmethod
    def not_stated(cls, name: str) -> NotMeasurable:
        """The song states no ``name`` (such as "tempo") to compare with, which is not the candidate's fault."""
        return cls(f"no {name} is stated")

    @property
    def is_not_stated(self) -> bool:
        """Whether it was made by :meth:`not_stated`; derived from the reason, so that it survives being stored."""
        return self.reason.startswith("no ") and self.reason.endswith(" is stated")


Reading = Measured | NotMeasurable
