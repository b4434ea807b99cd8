"""What a metric is, and what reading one gives: a number, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower", "none"]


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One thing that can be read off a candidate.

    ``direction`` says which way is better; ``none`` is a description that may be gated but not weighted.
    ``family`` is one of musicality, adherence, lyrics, production (these rank) and technical (this gates). ``words``
    is how sentences call it; empty, it is called by its name. Readings that lie within ``just_noticeable`` of each
    other, in the metric's unit, count as the same; where that step comes from stands beside it.
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
    """The reading of one stretch of the audio, ``start_s`` to ``end_s``."""

    start_s: float
    end_s: float
    value: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A finite number, with its reading per window where the scorer has them."""

    value: float
    windows: tuple[Window, ...] = ()


NOT_SCORED = "it was not scored"
"""The reason of a metric whose judge was not asked."""


@dataclass(frozen=True, slots=True)
class NotMeasurable:
    """There is no number, because …; never replaced by a NaN, an infinity or a zero."""

    reason: str

    @classmethod
    def not_stated(cls, what: str) -> NotMeasurable:
        """The song states no ``what`` (such as "tempo") to compare with, which is no fault of the candidate."""
        return cls(f"no {what} is stated")

    @property
    def is_not_stated(self) -> bool:
        """Whether it is one of :meth:`not_stated`; read off the reason, so that it survives being stored."""
        return self.reason.startswith("no ") and self.reason.endswith(" is stated")


Reading = Measured | NotMeasurable
