"""The decision for a song and its reasons: plain values that are stored, shown and read back as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from catalog.common.digests import Json
from catalog.common.takes import take_name

Finite = Annotated[float, Field(allow_inf_nan=False)]
Bound = Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)]
"""Far beyond every metric, and small enough that a JSON reader may parse it as an integer."""


class Limit(BaseModel):
    """The range that a gate allows, both ends included; at least one end is given."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    min: Bound | None = Field(default=None, description="The lowest reading that passes.")
    max: Bound | None = Field(default=None, description="The highest reading that passes.")

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a limit needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self

    def allows(self, value: float) -> bool:
        """Whether ``value`` is in the range."""
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    def excess(self, value: float) -> float:
        """How far ``value`` is outside, as a share of the limit it exceeds (limits under 1 count as 1); 0 inside."""
        if self.max is not None and value > self.max:
            return (value - self.max) / max(abs(self.max), 1.0)
        if self.min is not None and value < self.min:
            return (self.min - value) / max(abs(self.min), 1.0)
        return 0.0

    def document(self) -> dict[str, Json]:
        """The ends that are given, as JSON."""
        return self.model_dump(exclude_none=True)


def _as_before(document: dict[str, Json], later: tuple[str, ...]) -> dict[str, Json]:
    """A document without the fields of ``later`` that say nothing: as it was before they existed."""
    return {name: value for name, value in document.items() if name not in later or value is not None}


class _Outcome(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Value(_Outcome):
    """A metric with a reading."""

    value: Finite
    unit: str


class Missing(_Outcome):
    """A metric without a reading, and the reason."""

    not_measurable: str


class GateOutcome(_Outcome):
    """One gate on one candidate.

    ``value`` is None where the metric is not measurable; the gate then fails, unless the song states nothing to
    compare with (no tempo, no key): then it does not apply and passes.
    """

    name: str
    value: Finite | None
    not_measurable: str | None
    limit: Limit
    passed: bool


class Place(_Outcome):
    """The window of a song in which a metric is worst, and its reading there."""

    start_s: Finite
    end_s: Finite
    value: Finite


class CandidateOutcome(_Outcome):
    """The decision's data on one candidate.

    ``metrics`` holds every reading; ``normalised`` the weighted ones as percentiles within the song, 0 to 1, better
    is higher; ``families`` their mean for each family, where families are weighed; ``score`` the weighted mean.
    ``normalised`` is empty, ``score`` and ``rank`` are None for a candidate that was not ranked because it failed a
    gate. ``worst`` has the worst window of the metrics that were measured in windows; ``dominated_by`` is the id of a
    candidate that is worse in nothing weighed and better in something; ``warnings`` are sentences; ``engine`` is
    stated where several compete, ``rejected_by`` the user who rejected it, with the note on it.
    """

    id: str
    seed: int
    order: int
    retake: bool = False
    engine: str | None = None
    gates: tuple[GateOutcome, ...]
    metrics: Mapping[str, Value | Missing]
    normalised: Mapping[str, Finite]
    score: Finite | None
    rank: int | None
    sentence: str
    families: Mapping[str, Finite] = {}
    worst: Mapping[str, Place] = {}
    dominated_by: str | None = None
    warnings: tuple[str, ...] = ()
    rejected_by: str | None = None
    rejection_note: str | None = None

    @model_serializer(mode="wrap")
    def _document(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Json]:
        return _as_before(serialise(self), ("engine", "rejected_by", "rejection_note"))

    @property
    def name(self) -> str:
        """Its display name for the takes of its song."""
        return take_name(self.seed, self.engine, retake=self.retake)

    @property
    def passed(self) -> bool:
        """Whether it passed every gate."""
        return all(gate.passed for gate in self.gates)


class Group(_Outcome):
    """Candidates, by id and by rank, that sound the same or nearly so, and ``how`` that was determined."""

    candidates: tuple[str, ...]
    how: str


class Decision(_Outcome):
    """The ranked, explained decision for one song.

    ``policy`` is the policy's document; ``weights`` are the metrics' weights, summing to 1, and ``families`` the
    families' weights, where families are weighed; ``left_out`` are the metrics that no ranked candidate has, with the
    reason. ``winner`` is a candidate's id, or None with ``reasons``. ``candidates`` are sorted by rank, then the
    rejected in seed order. ``tie_with`` are the ids of those that the winner is not clearly ahead of: the user should
    listen to all of them. ``guards`` are sentences on what the ranking would hide, ``groups`` the near-duplicates in
    the candidates. ``just_noticeable`` are the steps of the weighed metrics within which readings counted as equal; a
    decision without them was made before they existed. ``picked_by`` is the user whose pick is the winner, with
    the note on it, and ``policy_winner`` the candidate that the policy would have taken. ``album_sentence`` is on the
    album's choice where the winner was chosen to fit the album, ``album_step`` the key of the step that chose it.
    """

    policy: Mapping[str, Json]
    weights: Mapping[str, Finite]
    left_out: Mapping[str, str]
    candidates: tuple[CandidateOutcome, ...]
    winner: str | None
    sentence: str
    reasons: tuple[str, ...]
    families: Mapping[str, Finite] = {}
    tie_with: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    just_noticeable: Mapping[str, Finite] = {}
    picked_by: str | None = None
    pick_note: str | None = None
    policy_winner: str | None = None
    album_sentence: str | None = None
    album_step: str | None = None

    @model_serializer(mode="wrap")
    def _document(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Json]:
        return _as_before(serialise(self), ("picked_by", "pick_note", "policy_winner", "album_sentence", "album_step"))

    def document(self) -> dict[str, Json]:
        """The complete decision as plain JSON."""
        return self.model_dump(mode="json")

    @classmethod
    def from_document(cls, document: Mapping[str, Json]) -> Decision:
        """The inverse of :meth:`document`."""
        return cls.model_validate(document)
