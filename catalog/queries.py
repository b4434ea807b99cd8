"""Reading the catalog: work by key, albums and songs, candidates with their scores and decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.digests import Json
from catalog.errors import InputError
from catalog.metrics import Measured, NotMeasurable, Reading, Window
from catalog.recipe import Recipe
from catalog.work import StepRequest
from db.delivery import Release, ReleaseFile
from db.judgement import Decision, Score
from db.production import Album, Candidate, Render, Song, Step
from db.provenance import Activity, ActivityArtifact, Artifact
from db.rows import pieces, starts_with
from db.session import Database


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a finished step found, and the artifacts it made by role."""

    key: str
    result: Mapping[str, Json]
    made: Mapping[str, str]


def step_request(database: Database, key: str) -> StepRequest:
    """The declared step of ``key``."""
    with database.read() as session:
        row = session.get_one(Step, key)
        return StepRequest(row.kind, row.revision, row.parameters, row.inputs)


def recipe_of(database: Database, render_key: str) -> Recipe:
    """The declared recipe of a render."""
    with database.read() as session:
        return Recipe.from_document(session.get_one(Render, render_key).recipe)


def step_result(database: Database, key: str) -> StepResult | None:
    """The result of a finished step, None while it is not finished."""
    with database.read() as session:
        row = session.get(Step, key)
        if row is None or row.state != Step.finished_state or row.activity_id is None:
            return None
        return StepResult(key, row.result or {}, made_by(session, row.activity_id))


def made_by(session: Session, activity_id: str) -> dict[str, str]:
    """Artifacts an activity made, by role."""
    rows = session.execute(
        sa.select(ActivityArtifact.role, ActivityArtifact.artifact_digest)
        .where(ActivityArtifact.activity_id == activity_id, ActivityArtifact.direction == "made")
        .order_by(ActivityArtifact.role)
    )
    return {row.role: row.artifact_digest for row in rows}


def render_products(database: Database, render_key: str) -> dict[str, str]:
    """Artifacts of a finished render by role ("audio", "midi"); empty while it is not finished."""
    with database.read() as session:
        row = session.get(Render, render_key)
        return made_by(session, row.activity_id) if row is not None and row.activity_id else {}


def readings(database: Database, score_keys: Sequence[str]) -> dict[str, Reading]:
    """Every metric's reading of the finished steps that listened to one candidate."""
    with database.read() as session:
        rows = session.scalars(sa.select(Score).where(Score.step_key.in_(score_keys)).order_by(Score.id)).all()
    return {row.metric: _reading(row) for row in rows}


def _reading(row: Score) -> Reading:
    if row.value is None:
        return NotMeasurable(row.not_measurable or "")
    return Measured(row.value, tuple(Window(*window) for window in row.windows or ()))


def score_windows(database: Database, audio_digest: str) -> dict[str, list[list[float]]]:
    """Start, end and value of every window that a metric of this audio was read in, by metric."""
    query = (
        sa.select(Score.metric, Score.windows)
        .join(ActivityArtifact, ActivityArtifact.activity_id == Score.activity_id)
        .where(
            ActivityArtifact.artifact_digest == audio_digest,
            ActivityArtifact.role == "audio",
            Score.windows.is_not(None),
        )
        .order_by(Score.id)
    )
    with database.read() as session:
        return {row.metric: row.windows or [] for row in session.execute(query)}


def artifact_sizes(database: Database, digests: Sequence[str]) -> dict[str, int]:
    """Size of each known artifact in bytes."""
    with database.read() as session:
        asked = (sa.select(Artifact.digest, Artifact.size).where(Artifact.digest.in_(some)) for some in pieces(digests))
        return {row.digest: row.size for query in asked for row in session.execute(query)}


def artifact_facts(database: Database, digest: str) -> tuple[int, str]:
    """Size in bytes and media type of an artifact."""
    with database.read() as session:
        row = session.get_one(Artifact, digest)
        return row.size, row.media_type


def sample_digest_of(database: Database, digest: str) -> str | None:
    """Digest of the decoded samples of an audio artifact."""
    with database.read() as session:
        return session.get_one(Artifact, digest).sample_digest


def album_manifest(database: Database, album_id: str) -> Mapping[str, Json]:
    """The resolved manifest an album was last planned from. Raises InputError for an unknown id."""
    with database.read() as session:
        row = session.get(Album, album_id)
        known = [] if row else list(session.scalars(sa.select(Album.id).order_by(Album.id)))
    if row is None:
        listed = f"Known albums: {', '.join(known)}" if known else "Render an album first"
        raise InputError(f"no album {album_id!r} is in the catalog", remedy=listed)
    return row.manifest


def candidate_by_prefix(database: Database, prefix: str) -> tuple[str, str]:
    """Id and render key of the candidate whose id starts with ``prefix``. Raises InputError unless there is one."""
    with database.read() as session:
        matching = sa.select(Candidate.id, Candidate.render_key).where(starts_with(Candidate.id, prefix))
        rows = session.execute(matching.order_by(Candidate.id).limit(6)).all()
    exact = [row for row in rows if row.id == prefix]
    if len(exact or rows) == 1:
        found = (exact or rows)[0]
        return found.id, found.render_key
    if not rows:
        raise InputError(f"no candidate's id starts with {prefix!r}", remedy="See `songline scores ALBUM` for the ids")
    raise InputError(
        f"{prefix!r} fits several candidates: {', '.join(row.id for row in rows)}", remedy="Give more of the id"
    )


@dataclass(frozen=True, slots=True)
class SongRow:
    """A song as the catalog holds it now, with its current candidates and its newest decision; ``waiting`` are those
    that came after it."""

    id: str
    title: str
    candidates: tuple[CandidateRow, ...]
    decision: Mapping[str, Json] | None
    winner: str | None
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """A current candidate: ``state`` is its render's, ``error`` a failed one's document."""

    id: str
    seed: int
    state: str
    render_key: str
    error: Mapping[str, Json] | None
    audio_digest: str | None


def songs_of(database: Database, album_id: str) -> list[SongRow]:
    """The album's songs in order. Raises InputError for an unknown album."""
    album_manifest(database, album_id)
    with database.read() as session:
        rows = session.scalars(
            sa.select(Song).where(Song.album_id == album_id, Song.active).order_by(Song.position)
        ).all()
        return [_song(session, row) for row in rows]


def _song(session: Session, row: Song) -> SongRow:
    pairs = session.execute(
        sa.select(Candidate, Render)
        .join(Render, Render.key == Candidate.render_key)
        .where(Candidate.song_id == row.id, Candidate.active)
        .order_by(Candidate.seed_order)
    ).all()
    candidates = tuple(CandidateRow(c.id, c.seed, r.state, r.key, r.error, r.audio_digest) for c, r in pairs)
    newest = session.scalars(
        sa.select(Decision).where(Decision.song_id == row.id).order_by(Decision.id.desc()).limit(1)
    ).first()
    here = {candidate.id for candidate in candidates}
    asked = _asked_of(session, newest) if newest else set()
    # A decision about candidates that are gone says nothing of the present ones; newer ones only wait for the next.
    if newest is None or not asked <= here:
        return SongRow(row.slug, row.title, candidates, None, None)
    waiting = tuple(candidate.id for candidate in candidates if candidate.id not in asked)
    return SongRow(row.slug, row.title, candidates, newest.document, newest.winner_id, waiting)


def _asked_of(session: Session, decision: Decision) -> set[str]:
    """The candidates a decision was asked to choose among, those that failed included."""
    asked = session.get_one(Step, decision.step_key).parameters
    return {candidate["id"] for candidate in (*asked["candidates"], *asked["failed"])}


def failed_work(database: Database) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Kind, key and error of all permanently failed work."""
    with database.read() as session:
        renders = session.execute(
            sa.select(Render.key, Render.error).where(Render.state == "failed").order_by(Render.key)
        ).all()
        steps = session.execute(
            sa.select(Step.kind, Step.key, Step.error).where(Step.state == "failed").order_by(Step.kind, Step.key)
        ).all()
    return [("render", r.key, r.error or {}) for r in renders] + [(s.kind, s.key, s.error or {}) for s in steps]


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A packed release: its build number, document, and the artifact of each file by path."""

    album_id: str
    build: int
    document: Mapping[str, Json]
    files: Mapping[str, str]
    step_key: str
    created_at: float


def release_by_key(database: Database, step_key: str) -> ReleaseRow | None:
    """The release that a pack step made."""
    return _release(database, sa.select(Release).where(Release.step_key == step_key))


def current_release(database: Database, album_id: str) -> ReleaseRow | None:
    """The release the album stands at."""
    return _release(
        database, sa.select(Release).join(Album, Album.release_key == Release.step_key).where(Album.id == album_id)
    )


def next_build(database: Database, album_id: str) -> int:
    """The number the album's next build gets."""
    with database.read() as session:
        return (session.scalar(sa.select(sa.func.max(Release.build)).where(Release.album_id == album_id)) or 0) + 1


def _release(database: Database, query: sa.Select[Release]) -> ReleaseRow | None:
    with database.read() as session:
        row = session.scalars(query).first()
        if row is None:
            return None
        files = session.execute(
            sa.select(ReleaseFile.path, ReleaseFile.artifact_digest)
            .where(ReleaseFile.release_id == row.id)
            .order_by(ReleaseFile.path)
        ).all()
    return ReleaseRow(
        row.album_id, row.build, row.document, {f.path: f.artifact_digest for f in files}, row.step_key, row.created_at
    )


@dataclass(frozen=True, slots=True)
class RenderCost:
    """What one finished render cost on its device (see the engine's figures), and when it began, epoch seconds."""

    engine: str
    started_at: float
    figures: Mapping[str, Json]


def render_costs(database: Database, album_id: str | None = None) -> list[RenderCost]:
    """Every finished render that kept its figures, of one album or of all, the oldest first."""
    query = (
        sa.select(Render.engine, Activity.started_at, Activity.figures)
        .join(Activity, Activity.work_key == Render.key)
        .where(Activity.kind == "render", Activity.outcome == "done", Activity.figures.is_not(None))
        .order_by(Activity.started_at, Activity.id)
    )
    if album_id is not None:
        album_manifest(database, album_id)
        offered = sa.select(Candidate.render_key).join(Song).where(Song.album_id == album_id)
        query = query.where(Render.key.in_(offered))
    with database.read() as session:
        return [RenderCost(row.engine, row.started_at, row.figures or {}) for row in session.execute(query)]


def artifact_digests(database: Database) -> Sequence[tuple[str, bool]]:
    """Every artifact's digest, and whether its bytes were pruned on purpose."""
    with database.read() as session:
        rows = session.execute(sa.select(Artifact.digest, Artifact.pruned_at).order_by(Artifact.digest)).all()
    return [(row.digest, row.pruned_at is not None) for row in rows]
