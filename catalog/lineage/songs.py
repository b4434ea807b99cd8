"""A candidate's song in the catalog: recipe, scores, and the decision about it."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.digests import Json
from catalog.common.errors import InputError
from catalog.common.understood import understood
from catalog.selection.stored_reviews import reviews_of
from db.in_values import in_values
from db.session import Database
from db.tables.album import Album, Candidate, Render, Song, Step
from db.tables.provenance import Activity, ActivityArtifact
from db.tables.selection import Decision, Score


@dataclass(frozen=True, slots=True)
class SongFacts:
    """A render as it was offered for one song."""

    candidate: Candidate
    song: Song
    render: Render


def candidates_of(session: Session, render_key: str, album_id: str | None) -> list[SongFacts]:
    """Every candidate of a render, of all albums or of one: active ones first."""
    rows = session.execute(
        sa.select(Candidate, Song)
        .join(Song, Song.id == Candidate.song_id)
        .where(Candidate.render_key == render_key, *([Song.album_id == album_id] if album_id else []))
        .order_by(Candidate.active.desc(), Song.album_id, Song.position, Candidate.id)
    ).all()
    render = session.get_one(Render, render_key)
    return [SongFacts(row.Candidate, row.Song, render) for row in rows]


def decision_for(session: Session, candidate: Candidate, step_key: str | None) -> Decision | None:
    """The decision of the step ``step_key``; without it, the newest that includes this candidate, since a later one
    about other candidates does not concern it."""
    decisions = sa.select(Decision).where(Decision.song_id == candidate.song_id).order_by(Decision.id.desc())
    if step_key is not None:
        step_decision = session.scalars(decisions.where(Decision.step_key == step_key).limit(1)).first()
        if step_decision is not None:
            return step_decision
    matches = (
        decision
        for decision in session.scalars(decisions)
        if any(entry["id"] == candidate.id for entry in decision.document["candidates"])
    )
    return next(matches, None)


def song_facts(session: Session, facts: SongFacts, decision: Decision | None) -> dict[str, Json]:
    """The facts and the decision as JSON."""
    candidate, song, render = facts.candidate, facts.song, facts.render
    said = [review.line() for review in reviews_of(session, song.id)]
    return {
        "album": song.album_id,
        "song": {"id": song.slug, "title": song.title},
        "candidate": candidate.id,
        "prompt": candidate.prompt,
        "lyrics_digest": candidate.lyrics_digest,
        "recipe": {"digest": render.key, **render.recipe},
        "engine": {"name": render.engine, "revision": render.recipe["revision"]},
        "licences": session.get_one(Album, song.album_id).manifest.get("licences", []),
        "parent": candidate.parent_id,
        "scores": _scores(session, render, _score_keys(session, candidate.id, decision)),
        "decision": None if decision is None else {"winner": decision.winner_id, **decision.document},
        **({"reviews": said} if said else {}),
    }


def _score_keys(session: Session, candidate_id: str, decision: Decision | None) -> list[str]:
    """The steps that scored a candidate for its decision: others may have scored the same bytes for another song with
    other expectations."""
    step = session.get(Step, decision.step_key) if decision else None
    candidates = step.parameters.get("candidates", []) if step else []
    return [
        key for candidate in candidates if candidate["id"] == candidate_id for key in candidate.get("score_keys", ())
    ]


def _scores(session: Session, render: Render, step_keys: list[str]) -> dict[str, Json]:
    """The readings of the audio; only those of ``step_keys`` where any are given."""
    conditions = [in_values(Score.step_key, step_keys)] if step_keys else []
    rows = session.scalars(
        sa.select(Score)
        .join(Activity, sa.and_(Activity.work_key == Score.step_key, Activity.id == Score.activity_id))
        .join(ActivityArtifact, ActivityArtifact.activity_id == Activity.id)
        .where(ActivityArtifact.artifact_digest == render.audio_digest, ActivityArtifact.direction == "used")
        .where(*conditions)
        .order_by(Score.id)
    ).all()
    return {
        row.metric: {"not_measurable": row.not_measurable}
        if row.value is None
        else {
            "value": row.value,
            "unit": row.unit,
            "scorer": row.scorer,
            "revision": row.revision,
            **({"windows": row.windows} if row.windows else {}),
        }
        for row in rows
    }


def candidate_document(database: Database, candidate_id: str) -> dict[str, Json]:
    """A candidate by its id: the facts and the decision as in a lineage, its ``state``, ``seed``, ``error``, whether
    it is still ``active``, and the digest of its ``audio``. Raises InputError where there is none."""
    with understood(), database.read() as session:
        candidate = session.get(Candidate, candidate_id)
        if candidate is None:
            raise InputError(
                f"there is no candidate {candidate_id!r}", remedy="See `songline scores ALBUM` for the ids"
            )
        song = session.get_one(Song, candidate.song_id)
        render = session.get_one(Render, candidate.render_key)
        facts = song_facts(session, SongFacts(candidate, song, render), decision_for(session, candidate, None))
        return {
            **facts,
            "album_title": session.get_one(Album, song.album_id).title,
            "seed": candidate.seed,
            "active": candidate.active and song.active,
            "state": render.state,
            "error": render.error,
            "audio": render.audio_digest,
        }
