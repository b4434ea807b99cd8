"""The protocol that every scorer implements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from catalog.selection.metrics import MetricSpec, Reading

if TYPE_CHECKING:
    from tasks.audio.audio import Audio


@dataclass(frozen=True, slots=True)
class Brief:
    """The specification of a candidate: everything that a scorer may compare it with.

    ``bpm`` and ``key`` are stated ones (manifest field, else read from the prompt), None where they are not stated.
    ``lines`` are the words that should be sung, each line with its start in seconds, None
    where it may be sung at any time; only judges of lyrics get them.
    """

    length_s: float
    bpm: float | None = None
    key: str | None = None
    prompt: str | None = None
    language: str = "en"
    line_starts_s: tuple[float, ...] = ()
    lines: tuple[tuple[float | None, str], ...] = ()


class Scorer(Protocol):
    """Measures one or more metrics of a candidate."""

    name: ClassVar[str]
    revision: ClassVar[int]
    metrics: ClassVar[tuple[MetricSpec, ...]]

    def score(self, audio: Audio, brief: Brief) -> Mapping[str, Reading]:
        """A reading for each of ``metrics``: a finite number, or the reason why there is none."""
