"""Writes the rows of finished work: its activity, artifacts, scores, decisions and releases."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.digests import Json
from catalog.ledger.work import (
    DecisionRecord,
    ExecutionEnvironment,
    Lease,
    Product,
    ReleaseRecord,
    ResultRecord,
    ScoreRecord,
    StepOutcome,
)
from catalog.store.base import Stored
from db.in_values import in_values
from db.session import Database
from db.statements import ROW_LOCK, insert_or_set
from db.tables.album import Render, Song, Step
from db.tables.base import database_now
from db.tables.provenance import Activity, ActivityArtifact, Artifact
from db.tables.release import Release, ReleaseFile
from db.tables.selection import Decision, Score


def record_activity(
    session: Session,
    row: Render | Step,
    *,
    lease: Lease,
    outcome: str,
    seconds: float,
    execution: ExecutionEnvironment,
    error: Mapping[str, Json] | None = None,
    products: StepOutcome | None = None,
) -> Activity:
    """Add the activity of one attempt, with the artifacts it used; ``products`` is the outcome of a successful one."""
    figures = products.figures if products else None
    activity = Activity(
        id=uuid.uuid4().hex,
        work_key=row.key,
        **_facts(row),
        outcome=outcome,
        error=dict(error) if error else None,
        attempt=lease.attempt,
        started_at=sa.select(database_now() - seconds).scalar_subquery(),
        seconds=seconds,
        code_version=execution.code_version,
        environment=dict(execution.environment),
        device=str(figures["device"]) if figures else execution.device,
        figures=dict(figures) if figures else None,
        flow_run_id=execution.flow_run_id,
        task_run_id=execution.task_run_id,
    )
    session.add(activity)
    session.flush()
    inputs = row.inputs if isinstance(row, Step) else products.used if products else {}
    for role, digest in inputs.items():
        _link(session, activity, direction="used", role=role, digest=digest)
    return activity


def _facts(row: Render | Step) -> dict[str, Any]:
    """The fields of an activity that come from the row of its work."""
    if isinstance(row, Render):
        return {"kind": "render", "revision": row.recipe["revision"], "parameters": row.recipe, "seed": row.seed}
    return {"kind": row.kind, "revision": row.revision, "parameters": row.parameters, "seed": None}


def record_outcome(
    session: Session,
    row: Render | Step,
    *,
    activity: Activity,
    outcome: StepOutcome,
    stored: Sequence[tuple[Product, Stored]],
) -> dict[str, str]:
    """Add the rows of an attempt's outcome; returns the products' digests by role."""
    # All writers use the same order, so that two attempts that made the same bytes wait for each other instead of
    # deadlocking.
    for product, artifact in sorted(stored, key=lambda pair: pair[1].digest):
        record_artifact(session, artifact, media_type=product.media_type, sample_digest=product.sample_digest)
        _link(session, activity, direction="made", role=product.role, digest=artifact.digest)
    digests = {product.role: artifact.digest for product, artifact in stored}
    for record in outcome.records:
        _add_record(session, record, row=row, activity=activity, products=digests)
    return digests


def replaced_by(session: Session, row: Render | Step, products: Mapping[str, str]) -> Sequence[str]:
    """Digests that earlier activities of the same work made and that are not in ``products``."""
    return session.scalars(
        sa.select(ActivityArtifact.artifact_digest)
        .join(Activity, Activity.id == ActivityArtifact.activity_id)
        .where(
            Activity.work_key == row.key,
            ActivityArtifact.direction == "made",
            ActivityArtifact.artifact_digest.not_in(products.values()),
        )
        .distinct()
    ).all()


def record_pruned(session: Session, digests: Sequence[str]) -> None:
    """Mark artifacts as pruned: their bytes are gone permanently."""
    session.execute(sa.update(Artifact).where(Artifact.digest.in_(digests)).values(pruned_at=database_now()))


def record_artifact(session: Session, stored: Stored, *, media_type: str, sample_digest: str | None = None) -> None:
    """Add the row of stored bytes, or unmark a pruned one."""
    row = Artifact(digest=stored.digest, size=stored.size, media_type=media_type, sample_digest=sample_digest)
    insert_or_set(session, row, Artifact.pruned_at, None)


def _link(session: Session, activity: Activity, *, direction: str, role: str, digest: str) -> None:
    session.add(ActivityArtifact(activity_id=activity.id, direction=direction, role=role, artifact_digest=digest))


def _add_record(
    session: Session, record: ResultRecord, *, row: Render | Step, activity: Activity, products: Mapping[str, str]
) -> None:
    match record:
        case ScoreRecord():
            session.add(
                Score(
                    step_key=row.key,
                    activity_id=activity.id,
                    metric=record.metric,
                    scorer=record.scorer,
                    revision=record.revision,
                    unit=record.unit,
                    value=record.value,
                    not_measurable=record.not_measurable,
                    windows=[list(window) for window in record.windows] or None,
                )
            )
        case DecisionRecord():
            add_decision(session, record, step_key=row.key, activity_id=activity.id)
        case ReleaseRecord():
            _add_release(session, record, row=row, activity=activity, products=products)


def add_decision(session: Session, record: DecisionRecord, *, step_key: str, activity_id: str) -> None:
    """Append a decision that supersedes the song's newest one."""
    # Serialised, so that the highest id is the newest and each decision supersedes the previous one.
    session.get_one(Song, record.song_id, with_for_update=ROW_LOCK)
    newest_id = session.scalar(sa.select(sa.func.max(Decision.id)).where(Decision.song_id == record.song_id))
    session.add(
        Decision(
            song_id=record.song_id,
            step_key=step_key,
            activity_id=activity_id,
            supersedes_id=newest_id,
            policy=dict(record.policy),
            document=dict(record.document),
            winner_id=record.winner_id,
        )
    )


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


def _add_release(
    session: Session, record: ReleaseRecord, *, row: Render | Step, activity: Activity, products: Mapping[str, str]
) -> None:
    old_release = session.scalars(sa.select(Release).where(Release.step_key == row.key)).first()
    if old_release is not None:  # the same content is packed again, because some of its files were lost
        session.execute(sa.delete(ReleaseFile).where(ReleaseFile.release_id == old_release.id))
        session.delete(old_release)
        session.flush()
    release = Release(
        album_id=record.album_id,
        build=record.build,
        step_key=row.key,
        activity_id=activity.id,
        document=dict(record.document),
    )
    session.add(release)
    session.flush()
    files = {**record.files, **{path: products[role] for path, role in record.made_here.items()}}
    session.add_all(
        ReleaseFile(release_id=release.id, path=path, artifact_digest=digest) for path, digest in files.items()
    )
