"""Writes the rows of finished work: its activity, artifacts, scores, decisions and releases."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.digests import Json
from catalog.ledger.work import (
    DecisionRecord,
    ExecutionEnvironment,
    Lease,
    ReleaseRecord,
    ScoreRecord,
    StepOutcome,
)
from catalog.store.base import Stored
from db.in_values import in_values
from db.session import Database
from db.statements import ROW_LOCK, insert_all, insert_or_set
from db.tables.album import Render, Song, Step
from db.tables.base import database_now
from db.tables.provenance import Activity, ActivityArtifact, Artifact
from db.tables.release import Release, ReleaseFile
from db.tables.selection import Decision, Score


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a piece of work, whose ``row`` is loaded: what its activity is made of."""

    row: Render | Step
    lease: Lease
    outcome: str
    seconds: float
    execution: ExecutionEnvironment
    error: Mapping[str, Json] | None = None
    made: StepOutcome | None = None
    """What a successful attempt made."""

    def used(self) -> Mapping[str, str]:
        """The artifacts that it used, by role."""
        if isinstance(self.row, Step):
            return self.row.inputs
        return self.made.used if self.made else {}


def record_activities(session: Session, attempts: Sequence[Attempt]) -> list[str]:
    """Add the activity of each attempt, with the artifacts that it used; returns their ids."""
    rows = [_activity(attempt) for attempt in attempts]
    started_at = database_now() - sa.bindparam("seconds_ago", type_=sa.Double())
    insert_all(session, Activity, rows, computed={"started_at": started_at})
    ids = [str(row["id"]) for row in rows]
    record_links(
        session,
        [
            (id_, "used", role, digest)
            for id_, attempt in zip(ids, attempts, strict=True)
            for role, digest in attempt.used().items()
        ],
    )
    return ids


def _activity(attempt: Attempt) -> dict[str, Any]:
    figures = attempt.made.figures if attempt.made else None
    execution = attempt.execution
    return {
        "id": uuid.uuid4().hex,
        "work_key": attempt.row.key,
        **_facts(attempt.row),
        "outcome": attempt.outcome,
        "error": dict(attempt.error) if attempt.error else None,
        "attempt": attempt.lease.attempt,
        "seconds": attempt.seconds,
        "seconds_ago": attempt.seconds,
        "code_version": execution.code_version,
        "environment": dict(execution.environment),
        "device": str(figures["device"]) if figures else execution.device,
        "figures": dict(figures) if figures else None,
        "flow_run_id": execution.flow_run_id,
        "task_run_id": execution.task_run_id,
    }


def _facts(row: Render | Step) -> dict[str, Any]:
    """The fields of an activity that come from the row of its work."""
    if isinstance(row, Render):
        return {"kind": "render", "revision": row.recipe["revision"], "parameters": row.recipe, "seed": row.seed}
    return {"kind": row.kind, "revision": row.revision, "parameters": row.parameters, "seed": None}


def record_links(session: Session, links: Sequence[tuple[str, str, str, str]]) -> None:
    """Add what activities used and made: id of the activity, direction, role, digest."""
    columns = ("activity_id", "direction", "role", "artifact_digest")
    insert_all(session, ActivityArtifact, [dict(zip(columns, link, strict=True)) for link in links])


def replaced_by(session: Session, made: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """Digests that earlier activities made for each work key of ``made``, and that it does not have."""
    query = sa.select(Activity.work_key, ActivityArtifact.artifact_digest).join(
        Activity, Activity.id == ActivityArtifact.activity_id
    )
    replaced_digests: dict[str, set[str]] = {}
    rows = session.execute(
        query.where(in_values(Activity.work_key, list(made)), ActivityArtifact.direction == "made").distinct()
    )
    for row in rows:
        if row.artifact_digest not in made[row.work_key]:
            replaced_digests.setdefault(row.work_key, set()).add(row.artifact_digest)
    return replaced_digests


def record_pruned(session: Session, digests: Sequence[str]) -> None:
    """Mark artifacts as pruned: their bytes are gone permanently."""
    session.execute(sa.update(Artifact).where(Artifact.digest.in_(digests)).values(pruned_at=database_now()))


def record_artifacts(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows of stored bytes (see :func:`artifact_row`), or unmark those that were pruned.

    All writers use the same order, so that two attempts that made the same bytes wait for each other instead of
    deadlocking.
    """
    by_digest = {str(row["digest"]): row for row in rows}
    insert_or_set(session, Artifact, [by_digest[digest] for digest in sorted(by_digest)], Artifact.pruned_at, None)


def artifact_row(stored: Stored, *, media_type: str, sample_digest: str | None = None) -> dict[str, Any]:
    """The row of stored bytes."""
    return {
        "digest": stored.digest,
        "size": stored.size,
        "media_type": media_type,
        "sample_digest": sample_digest,
    }


def record_artifact(session: Session, stored: Stored, *, media_type: str) -> None:
    """Add the row of stored bytes, or unmark a pruned one."""
    record_artifacts(session, [artifact_row(stored, media_type=media_type)])


def record_scores(session: Session, scores: Sequence[tuple[str, str, ScoreRecord]]) -> None:
    """Add scores: key of the step, id of its activity, reading."""
    insert_all(
        session,
        Score,
        [
            {
                "step_key": step_key,
                "activity_id": activity_id,
                "metric": record.metric,
                "scorer": record.scorer,
                "revision": record.revision,
                "unit": record.unit,
                "value": record.value,
                "not_measurable": record.not_measurable,
                "windows": [list(window) for window in record.windows] or None,
            }
            for step_key, activity_id, record in scores
        ],
    )


def add_decision(session: Session, record: DecisionRecord, *, step_key: str, activity_id: str) -> None:
    """Append a decision that supersedes the song's newest one."""
    # Serialised, so that the highest id is the newest and each decision supersedes the previous one.
    session.get_one(Song, record.song_id, with_for_update=ROW_LOCK)
    newest_id = sa.select(sa.func.max(Decision.id)).where(Decision.song_id == record.song_id).scalar_subquery()
    row = {
        "song_id": record.song_id,
        "step_key": step_key,
        "activity_id": activity_id,
        "policy": dict(record.policy),
        "document": dict(record.document),
        "winner_id": record.winner_id,
    }
    insert_all(session, Decision, [row], computed={"supersedes_id": newest_id})


def newest_decisions(database: Database, song_row_ids: Sequence[int]) -> dict[str, str]:
    """The step key of each song's newest decision, by the song's row id as text."""
    newest_ids = sa.select(sa.func.max(Decision.id)).where(in_values(Decision.song_id, song_row_ids))
    is_newest = Decision.id.in_(newest_ids.group_by(Decision.song_id))
    with database.read() as session:
        rows = session.execute(sa.select(Decision.song_id, Decision.step_key).where(is_newest))
        return {str(row.song_id): row.step_key for row in rows}


def ensure_current(database: Database, song_row_id: int, step_key: str) -> None:
    """Make the decision of ``step_key`` the song's newest: a superseded one is appended again as a new row."""
    query = sa.select(Decision).where(Decision.song_id == song_row_id).order_by(Decision.id.desc()).limit(1)
    with database.read() as session:
        row = session.scalars(query).first()
    if row is None or row.step_key == step_key:
        return

    def say_again(session: Session) -> None:
        session.get_one(Song, song_row_id, with_for_update=ROW_LOCK)
        decision = session.scalars(query.where(Decision.step_key == step_key)).first()
        if decision is not None and decision.id != session.scalar(query.with_only_columns(Decision.id)):
            record = DecisionRecord(song_row_id, decision.policy, decision.document, decision.winner_id)
            add_decision(session, record, step_key=step_key, activity_id=decision.activity_id)

    database.transact(say_again)


def add_release(
    session: Session, record: ReleaseRecord, *, step_key: str, activity_id: str, products: Mapping[str, str]
) -> None:
    """Add a packed build and its files; ``products`` are those of the packing, by role."""
    old_release = session.scalars(sa.select(Release).where(Release.step_key == step_key)).first()
    if old_release is not None:  # the same content is packed again, because some of its files were lost
        session.execute(sa.delete(ReleaseFile).where(ReleaseFile.release_id == old_release.id))
        session.delete(old_release)
        session.flush()
    release = Release(
        album_id=record.album_id,
        build=record.build,
        step_key=step_key,
        activity_id=activity_id,
        document=dict(record.document),
    )
    session.add(release)
    session.flush()
    files = {**record.files, **{path: products[role] for path, role in record.made_here.items()}}
    session.add_all(
        ReleaseFile(release_id=release.id, path=path, artifact_digest=digest) for path, digest in files.items()
    )
