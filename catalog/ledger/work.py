"""Work as plain values: what is asked for, what came of it, and the rows that go into the catalog with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from catalog.common.digests import Json, digest_value

WorkKind = Literal["render", "step"]


@dataclass(frozen=True, slots=True)
class StepRequest:
    """A step after rendering. ``inputs`` maps roles to artifact digests; everything else that matters is in
    ``parameters``. Equal requests have equal keys and are done once."""

    kind: str
    revision: int
    parameters: Mapping[str, Json]
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
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
    """A file that work made, not yet in the store. ``sample_digest`` where it is audio."""

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
    """A decision for a song (by its row id), to be appended."""

    song_id: int
    policy: Mapping[str, Json]
    document: Mapping[str, Json]
    winner_id: str | None


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """A packed build: its document and each file's artifact by path inside the release."""

    album_id: str
    build: int
    document: Mapping[str, Json]
    files: Mapping[str, str]
    made_here: Mapping[str, str] = field(default_factory=dict)
    """Paths whose artifact is a product of the packing itself, by that product's role."""


ResultRecord = ScoreRecord | DecisionRecord | ReleaseRecord


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What work found (``result``), the files it made, and the rows that belong to it."""

    result: Mapping[str, Json] = field(default_factory=dict)
    products: tuple[Product, ...] = ()
    records: tuple[ResultRecord, ...] = ()
    used: Mapping[str, str] = field(default_factory=dict)
    """Artifacts a render was made with, by role; a step's are in its request."""
    figures: Mapping[str, Json] | None = None
    """What the work cost on its device, where that is known."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do one piece of work, until it runs out or a higher fence is given."""

    work: WorkKind
    key: str
    fence: int
    attempt: int


@dataclass(frozen=True, slots=True)
class WorkStatus:
    """How a piece of work stands: planned, leased, finished (``rendered``/``done``) or failed.

    ``wait_s`` is the time until another try makes sense; ``error`` a failed one's document.
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
    """Under which an attempt ran: recorded with its activity."""

    code_version: str
    environment: Mapping[str, Json]
    device: str
    flow_run_id: str | None = None
    task_run_id: str | None = None
