"""Work as plain values: requests, outcomes, and the rows that are written with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from catalog.common.digests import Json, digest_value

WorkKind = Literal["render", "step"]


@dataclass(frozen=True)
class StepRequest:
    """A step after rendering. ``inputs`` maps roles to artifact digests; everything else that affects the result is
    in ``parameters``. Equal requests have equal keys and are done once."""

    kind: str
    revision: int
    parameters: Mapping[str, Json]
    inputs: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def key(self) -> str:
        """Hex SHA-256 that identifies the step."""
        return digest_value(
            "step/v1",
            {
                "kind": self.kind,
                "revision": self.revision,
                "parameters": dict(self.parameters),
                "inputs": dict(self.inputs),
            },
        )


@dataclass(frozen=True, slots=True)
class Product:
    """A file that work made, not yet in the store. ``sample_digest`` is set for audio."""

    role: str
    path: Path
    media_type: str
    sample_digest: str | None = None


@dataclass(frozen=True, slots=True)
class ScoreRecord:
    """One metric's reading: exactly one of ``value`` and ``not_measurable`` is set."""

    metric: str
    scorer: str
    revision: int
    unit: str
    value: float | None
    not_measurable: str | None
    windows: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A decision to append for a song (by its row id)."""

    song_id: int
    policy: Mapping[str, Json]
    document: Mapping[str, Json]
    winner_id: str | None


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """A packed build: its document, and the artifact of each file by path inside the release."""

    album_id: str
    build: int
    document: Mapping[str, Json]
    files: Mapping[str, str]
    made_here: Mapping[str, str] = field(default_factory=dict)
    """Paths whose artifact is a product of the packing itself, by that product's role."""


ResultRecord = ScoreRecord | DecisionRecord | ReleaseRecord


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """The outcome of work: its ``result``, the files it made, and the rows that belong to it."""

    result: Mapping[str, Json] = field(default_factory=dict)
    products: tuple[Product, ...] = ()
    records: tuple[ResultRecord, ...] = ()
    used: Mapping[str, str] = field(default_factory=dict)
    """Artifacts that a render used, by role; a step's are in its request."""
    figures: Mapping[str, Json] | None = None
    """What the work cost on its device, where known."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do one piece of work, until it expires or a higher fence is assigned."""

    work: WorkKind
    key: str
    fence: int
    attempt: int
    request: StepRequest | None = field(default=None, compare=False)
    """The step to be done; None for a render."""


@dataclass(frozen=True, slots=True)
class WorkStatus:
    """The status of a piece of work: planned, leased, finished (``rendered``/``done``) or failed.

    ``wait_s`` is the time until the next attempt makes sense; ``error`` is the document of a failure.
    """

    state: str
    wait_s: float = 0.0
    error: Mapping[str, Json] | None = None
    owner: str | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in ("rendered", "done")


@dataclass(frozen=True, slots=True)
class ExecutionEnvironment:
    """The environment that an attempt ran in: stored with its activity."""

    code_version: str
    environment: Mapping[str, Json]
    device: str
    flow_run_id: str | None = None
    task_run_id: str | None = None
