"""Figures of the whole pipeline for a monitor: waiting work, leased work, cost, failures, stored artifacts.

Every query uses an index or reads a small table, so that polling every few seconds is cheap; the two that read a
whole table are separate (:func:`stored_figures`). Labels are taken from closed sets, or limited in number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.errors import error_from
from db.session import Database
from db.tables.album import Candidate, Render, Song, Step
from db.tables.base import database_now
from db.tables.provenance import Activity, Artifact
from db.tables.submission import Submission

Counts = Mapping[tuple[str, ...], float]
"""A value for each tuple of labels."""

MAX_LABELS = 40
MAX_ERRORS = 10_000
OTHER = "other"
OPEN = ("planned", "leased", "failed")


@dataclass(frozen=True, slots=True)
class PipelineFigures:
    """The state of the pipeline now. Labels: ``albums`` state and priority; ``candidates`` of active albums priority
    and state; ``queue`` (renders planned for them) priority; ``renders`` state; ``steps`` that are open kind and
    state; ``leases`` work and alive or expired; ``failed`` (permanently) kind of work and class of error."""

    albums: Counts
    candidates: Counts
    queue: Counts
    renders: Counts
    steps: Counts
    leases: Counts
    failed: Counts


@dataclass(frozen=True, slots=True)
class StoredFigures:
    """Totals of finished work. ``steps_done`` by kind; ``artifacts`` and ``stored_bytes`` by media type."""

    steps_done: Counts
    artifacts: Counts
    stored_bytes: Counts


@dataclass(frozen=True, slots=True)
class RenderFigures:
    """The cost of renders: ``seconds`` and ``attempts`` by engine, device and outcome; ``failures`` by class."""

    seconds: Counts = field(default_factory=dict)
    attempts: Counts = field(default_factory=dict)
    failures: Counts = field(default_factory=dict)

    def __add__(self, other: RenderFigures) -> RenderFigures:
        return RenderFigures(
            _sum(self.seconds, other.seconds),
            _sum(self.attempts, other.attempts),
            _sum(self.failures, other.failures),
        )

    def bounded(self) -> RenderFigures:
        """The same with a bounded number of labels."""
        return RenderFigures(bounded(self.seconds), bounded(self.attempts), self.failures)


def pipeline_figures(database: Database) -> PipelineFigures:
    """The state of the pipeline at one moment."""
    with database.read() as session:
        candidates, queue = _of_active_albums(session)
        return PipelineFigures(
            albums=_counted(session, Submission.state, Submission.priority),
            candidates=candidates,
            queue=queue,
            renders=_counted(session, Render.state),
            steps=bounded(_counted(session, Step.kind, Step.state, where=_is_open())),
            leases=_leases(session),
            failed=bounded(_failed(session)),
        )


def stored_figures(database: Database) -> StoredFigures:
    """Totals of finished work; reads every row of steps and artifacts."""
    query = (
        sa.select(Artifact.media_type, sa.func.count(), sa.func.sum(Artifact.size))
        .where(Artifact.pruned_at.is_(None))
        .group_by(Artifact.media_type)
    )
    with database.read() as session:
        step_counts = _counted(session, Step.kind, where=Step.state == Step.finished_state)
        rows = session.execute(query).all()
    return StoredFigures(
        bounded(step_counts),
        bounded({(kind,): float(count) for kind, count, _ in rows}),
        bounded({(kind,): float(size) for kind, _, size in rows}),
    )


def render_figures(database: Database, *, since: float, before: float) -> RenderFigures:
    """The cost of renders that began in this period (epoch seconds by the database's clock)."""
    is_in_period = sa.and_(Activity.kind == "render", Activity.started_at >= since, Activity.started_at < before)
    labels = (Render.engine, Activity.device, Activity.outcome)
    costs = (
        sa.select(*labels, sa.func.count(), sa.func.sum(Activity.seconds))
        .join(Render, Render.key == Activity.work_key)
        .where(is_in_period)
        .group_by(*labels)
    )
    # Errors are parsed here, not in SQL: PostgreSQL rejects a NUL in any of their strings.
    errors = sa.select(Activity.error).where(is_in_period, Activity.outcome == "failed").limit(MAX_ERRORS)
    with database.read() as session:
        rows = session.execute(costs).all()
        failures: Counter[tuple[str, ...]] = Counter((error_class(error),) for error in session.scalars(errors))
    return RenderFigures(
        {(engine, device, outcome): float(seconds) for engine, device, outcome, _, seconds in rows},
        {(engine, device, outcome): float(count) for engine, device, outcome, count, _ in rows},
        _floats(failures),
    )


def database_clock(database: Database) -> float:
    """The current time by the database's clock, epoch seconds."""
    with database.read() as session:
        return session.scalar(sa.select(database_now())) or 0.0


def bounded(counts: Counts) -> Counts:
    """A bounded number of label sets: the smallest are summed as ``other``."""
    if len(counts) <= MAX_LABELS:
        return counts
    ordered_counts = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    smallest_counts = ordered_counts[MAX_LABELS:]
    return {
        **dict(ordered_counts[:MAX_LABELS]),
        (OTHER,) * len(smallest_counts[0][0]): sum(value for _, value in smallest_counts),
    }


def error_class(document: Mapping[str, Any] | None) -> str:
    """The class of a stored error, one of the tree in :mod:`catalog.common.errors`."""
    return error_from({"kind": (document or {}).get("kind")}).kind


def _of_active_albums(session: Session) -> tuple[Counts, Counts]:
    """Candidates by priority and state, and renders that are planned for them by priority. An album's rows are found
    through its songs, so the cost depends on the open work, not on all past work."""
    rows = session.execute(
        sa.select(
            Submission.priority,
            Render.state,
            sa.func.count().label("offered"),
            sa.func.count(Render.key.distinct()).label("distinct"),
        )
        .join(Song, sa.and_(Song.album_id == Submission.album_id, Song.active))
        .join(Candidate, sa.and_(Candidate.song_id == Song.id, Candidate.active))
        .join(Render, Render.key == Candidate.render_key)
        .where(Submission.state == "active")
        .group_by(Submission.priority, Render.state)
    ).all()
    candidates: Counts = {(row.priority, row.state): float(row.offered) for row in rows}
    queue: Counts = {(row.priority,): float(row.distinct) for row in rows if row.state == "planned"}
    return candidates, queue


def _leases(session: Session) -> Counts:
    figures: dict[tuple[str, ...], float] = {}
    for work, table in (("render", Render), ("step", Step)):
        results = session.scalars(sa.select(table.is_alive()).where(table.state == "leased"))
        counts = Counter("alive" if is_alive else "expired" for is_alive in results)
        figures |= {(work, state): float(counts[state]) for state in ("alive", "expired")}
    return figures


def _failed(session: Session) -> Counts:
    renders = sa.select(Render.error).where(Render.state == "failed").limit(MAX_ERRORS)
    steps = sa.select(Step.kind, Step.error).where(Step.state == "failed").limit(MAX_ERRORS)
    counts: Counter[tuple[str, ...]] = Counter(("render", error_class(error)) for error in session.scalars(renders))
    counts.update((row.kind, error_class(row.error)) for row in session.execute(steps))
    return _floats(counts)


def _is_open() -> sa.ColumnElement[bool]:
    """Condition for steps that are to be done; those whose products were removed with old builds have a result and do
    not count."""
    return sa.and_(Step.state.in_(OPEN), sa.or_(Step.state != "planned", Step.result.is_(sa.null())))


def _counted(session: Session, *labels: Any, where: sa.ColumnElement[bool] | None = None) -> Counts:
    query = sa.select(*labels, sa.func.count()).group_by(*labels)
    rows = session.execute(query if where is None else query.where(where))
    return {tuple(str(label) for label in row[:-1]): float(row[-1]) for row in rows}


def _sum(first: Counts, second: Counts) -> Counts:
    return {labels: first.get(labels, 0.0) + second.get(labels, 0.0) for labels in {**first, **second}}


def _floats(counted: Mapping[tuple[str, ...], int]) -> Counts:
    return {labels: float(value) for labels, value in counted.items()}
