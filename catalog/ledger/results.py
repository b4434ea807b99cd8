"""Reads the catalog: work by key, albums, candidates with their scores, releases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.digests import Json
from catalog.ledger.work import StepRequest
from catalog.selection.metrics import Measured, NotMeasurable, Reading, Window
from db.in_values import in_values
from db.session import Database
from db.tables.album import Render, Step
from db.tables.provenance import Activity, ActivityArtifact, Artifact
from db.tables.selection import Score


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of a finished step, and the artifacts it made by role."""

    key: str
    result: Mapping[str, Json]
    made: Mapping[str, str]


def step_request(database: Database, key: str) -> StepRequest:
    """The declared step of ``key``."""
    with database.read() as session:
        row = session.get_one(Step, key)
        return StepRequest(row.kind, row.revision, row.parameters, row.inputs)


def times_leased(database: Database, keys: Sequence[str]) -> int:
    """How often processes began any of these steps; those that are not declared count nothing."""
    with database.read() as session:
        return sum(session.scalars(sa.select(Step.fence).where(in_values(Step.key, keys))))


def step_result(database: Database, key: str) -> StepResult | None:
    """The result of a finished step, None while it is not finished."""
    return step_results(database, [key]).get(key)


def step_results(database: Database, keys: Sequence[str]) -> dict[str, StepResult]:
    """The results of the finished steps, by key."""
    # The state is compared here: in SQL, SQLite would use the state's index and scan all finished work.
    query = sa.select(Step.key, Step.state, Step.result, Step.activity_id).where(in_values(Step.key, keys))
    with database.read() as session:
        result = session.execute(query.where(Step.activity_id.is_not(None)))
        rows = [row for row in result if row.state == Step.finished_state]
        digests = _made_by(session, [row.activity_id for row in rows]) if rows else {}
    return {row.key: StepResult(row.key, row.result or {}, digests.get(row.activity_id, {})) for row in rows}


def _made_by(session: Session, activity_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Artifacts that each activity made, by role."""
    links = (
        sa.select(ActivityArtifact.activity_id, ActivityArtifact.role, ActivityArtifact.artifact_digest)
        .where(ActivityArtifact.direction == "made")
        .order_by(ActivityArtifact.activity_id, ActivityArtifact.role)
    )
    digests: dict[str, dict[str, str]] = {}
    for row in session.execute(links.where(in_values(ActivityArtifact.activity_id, activity_ids))):
        digests.setdefault(row.activity_id, {})[row.role] = row.artifact_digest
    return digests


def render_products(database: Database, render_key: str) -> dict[str, str]:
    """Artifacts of a finished render by role ("audio", "midi"); empty while it is not finished."""
    return products_of(database, [render_key])[render_key]


def products_of(database: Database, render_keys: Sequence[str]) -> dict[str, dict[str, str]]:
    """Artifacts of each render by role, none for unfinished renders."""
    columns = sa.select(Render.key, Render.activity_id).where(Render.activity_id.is_not(None))
    with database.read() as session:
        makers = {
            row.key: row.activity_id for row in session.execute(columns.where(in_values(Render.key, render_keys)))
        }
        digests = _made_by(session, list(makers.values()))
    return {key: digests.get(makers.get(key, ""), {}) for key in render_keys}


@dataclass(frozen=True, slots=True)
class ScoredCandidate:
    """What the finished scoring steps of one candidate say: the readings of its metrics, the results of the steps,
    and the digest of the samples that were scored."""

    readings: Mapping[str, Reading]
    results: Sequence[Mapping[str, Json]]
    sample_digest: str | None


def scored_candidates(database: Database, score_keys: Mapping[str, Sequence[str]]) -> dict[str, ScoredCandidate]:
    """Each candidate by the keys of the steps that scored it, all of them in three queries."""
    keys = sorted({key for keys in score_keys.values() for key in keys})
    scores = sa.select(Score.step_key, Score.metric, Score.value, Score.not_measurable, Score.windows)
    with database.read() as session:
        steps = session.execute(sa.select(Step.key, Step.inputs, Step.result).where(in_values(Step.key, keys))).all()
        audio = {row.key: str(row.inputs["audio"]) for row in steps}
        query = sa.select(Artifact.digest, Artifact.sample_digest)
        rows = session.execute(query.where(in_values(Artifact.digest, sorted(set(audio.values())))))
        sample_digests = {row.digest: row.sample_digest for row in rows}
        readings_by_step: dict[str, dict[str, Reading]] = {}
        for row in session.execute(scores.where(in_values(Score.step_key, keys)).order_by(Score.id)):
            readings_by_step.setdefault(row.step_key, {})[row.metric] = _reading(row)
    results = {row.key: row.result or {} for row in steps}
    return {
        candidate: ScoredCandidate(
            {name: reading for key in own_keys for name, reading in readings_by_step.get(key, {}).items()},
            [results[key] for key in own_keys if key in results],
            sample_digests[audio[own_keys[0]]],
        )
        for candidate, own_keys in score_keys.items()
    }


def _reading(row: Any) -> Reading:
    if row.value is None:
        return NotMeasurable(row.not_measurable or "")
    return Measured(row.value, tuple(Window(*window) for window in row.windows or ()))


def score_windows(database: Database, audio_digests: Sequence[str]) -> dict[str, dict[str, list[list[float]]]]:
    """Start, end and value of every window in which a metric was measured, by audio and metric."""
    query = (
        sa.select(ActivityArtifact.artifact_digest, Score.metric, Score.windows)
        .join(Activity, Activity.id == ActivityArtifact.activity_id)
        .join(Score, sa.and_(Score.step_key == Activity.work_key, Score.activity_id == Activity.id))
        .where(
            in_values(ActivityArtifact.artifact_digest, audio_digests),
            ActivityArtifact.role == "audio",
            Score.windows.is_not(None),
        )
        .order_by(Score.id)
    )
    windows: dict[str, dict[str, list[list[float]]]] = {}
    with database.read() as session:
        for row in session.execute(query):
            windows.setdefault(row.artifact_digest, {})[row.metric] = row.windows or []
    return windows


def artifact_sizes(database: Database, digests: Sequence[str]) -> dict[str, int]:
    """Size of each known artifact in bytes."""
    with database.read() as session:
        query = sa.select(Artifact.digest, Artifact.size).where(in_values(Artifact.digest, digests))
        return {row.digest: row.size for row in session.execute(query)}


def artifact_facts(database: Database, digest: str) -> tuple[int, str]:
    """Size in bytes and media type of an artifact."""
    with database.read() as session:
        row = session.get_one(Artifact, digest)
        return row.size, row.media_type


def kept_artifact(database: Database, digest: str) -> tuple[int, str] | None:
    """Size in bytes and media type of an artifact whose bytes are kept; None where there is none."""
    with database.read() as session:
        row = session.get(Artifact, digest)
        return (row.size, row.media_type) if row is not None and row.pruned_at is None else None


def sample_digest_of(database: Database, digest: str) -> str | None:
    """Digest of the decoded samples of an audio artifact."""
    with database.read() as session:
        return session.get_one(Artifact, digest).sample_digest


def failed_work(database: Database) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Kind, key and error of all permanently failed work."""
    with database.read() as session:
        renders = session.execute(
            sa.select(Render.key, Render.error).where(Render.state == "failed").order_by(Render.key)
        ).all()
        steps = session.execute(
            sa.select(Step.kind, Step.key, Step.error).where(Step.state == "failed").order_by(Step.kind, Step.key)
        ).all()
    return [("render", render.key, render.error or {}) for render in renders] + [
        (step.kind, step.key, step.error or {}) for step in steps
    ]


def pruned_among(database: Database, digests: Sequence[str]) -> dict[str, bool]:
    """Those of the artifacts whose bytes were pruned, each with True."""
    with database.read() as session:
        query = sa.select(Artifact.digest).where(in_values(Artifact.digest, digests), Artifact.pruned_at.is_not(None))
        return dict.fromkeys(session.scalars(query), True)


def artifact_digests(database: Database) -> Sequence[tuple[str, bool]]:
    """Every artifact's digest, and whether its bytes were pruned deliberately."""
    with database.read() as session:
        rows = session.execute(sa.select(Artifact.digest, Artifact.pruned_at).order_by(Artifact.digest)).all()
    return [(row.digest, row.pruned_at is not None) for row in rows]
