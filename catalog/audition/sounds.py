"""What can be heard of a song's candidates: takes, their masters and their stems, with loudness, from the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from catalog.audition.levels import Level
from catalog.common.digests import Json
from db.in_values import in_values
from db.session import Database
from db.tables.album import Step
from db.tables.provenance import Activity, ActivityArtifact, Artifact
from db.tables.selection import Score

STEM_KINDS = ("separate", "demix")
MEASURED = ("integrated_lufs", "true_peak_dbtp")
STEM_ORDER = ("vocals", "drums", "bass", "guitar", "piano", "other", "residual")


@dataclass(frozen=True, slots=True)
class Sound:
    """One audio artifact on the time line of its take: it begins ``head_s`` seconds after the take does."""

    digest: str
    level: Level = field(default_factory=Level)
    head_s: float = 0.0


@dataclass(frozen=True, slots=True)
class TakeSounds:
    """A take as rendered, its newest master, and its newest stems by name."""

    mix: Sound
    master: Sound | None = None
    stems: Mapping[str, Sound] = field(default_factory=dict)


def sounds_of(database: Database, audio_digests: Sequence[str]) -> dict[str, TakeSounds]:
    """The sounds of each take by the digest of its audio; sounds whose bytes were pruned are left out."""
    with database.read() as session:
        levels = _levels(session, audio_digests)
        enhanced = _enhanced(session, audio_digests)
        sources = {**{digest: digest for digest in audio_digests}, **enhanced}
        masters = _masters(session, sources)
        stems = _stems(session, audio_digests)
        used = {*audio_digests, *(sound.digest for sound in masters.values())}
        used |= {digest for made in stems.values() for digest in made.values()}
        pruned = _pruned(session, sorted(used))
    return {
        digest: TakeSounds(
            Sound(digest, levels.get(digest, Level())),
            master if (master := masters.get(digest)) and master.digest not in pruned else None,
            {name: Sound(stem) for name, stem in stems.get(digest, {}).items() if stem not in pruned},
        )
        for digest in audio_digests
        if digest not in pruned
    }


def _levels(session: Session, audio_digests: Sequence[str]) -> dict[str, Level]:
    """Loudness and true peak of takes, as the newest scoring found them."""
    query = (
        sa.select(ActivityArtifact.artifact_digest, Score.metric, Score.value)
        .join(Score, Score.activity_id == ActivityArtifact.activity_id)
        .where(
            in_values(ActivityArtifact.artifact_digest, audio_digests),
            ActivityArtifact.direction == "used",
            ActivityArtifact.role == "audio",
            Score.metric.in_(MEASURED),
        )
        .order_by(Score.id)
    )
    found: dict[str, dict[str, float | None]] = {}
    for digest, metric, value in session.execute(query).tuples():
        found.setdefault(digest, {})[metric] = value
    return {digest: Level(*(values.get(metric) for metric in MEASURED)) for digest, values in found.items()}


def _enhanced(session: Session, audio_digests: Sequence[str]) -> dict[str, str]:
    """The take of each enhanced audio: a master may be made from that."""
    return {made.digest: made.source for made in _made_from(session, audio_digests, ("enhance",))}


def _masters(session: Session, sources: Mapping[str, str]) -> dict[str, Sound]:
    """The newest master of each take; ``sources`` maps what a master was made from to the take."""
    made_masters = [made for made in _made_from(session, list(sources), ("master",)) if made.role == "master"]
    return {sources[made.source]: _master(made.digest, made.result) for made in made_masters}


def _master(digest: str, result: Mapping[str, Json]) -> Sound:
    level = Level(_number(result.get("integrated_lufs")), _number(result.get("true_peak_dbtp")))
    return Sound(digest, level, float((result.get("ends") or {}).get("head_s", 0.0)))


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _stems(session: Session, audio_digests: Sequence[str]) -> dict[str, dict[str, str]]:
    """The newest stems of each take by name, in the usual order."""
    newest: dict[str, dict[str, str]] = {}
    activities: dict[str, str] = {}
    for made in _made_from(session, audio_digests, STEM_KINDS):
        if activities.get(made.source) != made.activity:
            activities[made.source], newest[made.source] = made.activity, {}
        newest[made.source][made.role] = made.digest
    return {source: dict(sorted(stems.items(), key=_stem_order)) for source, stems in newest.items()}


def _stem_order(named: tuple[str, str]) -> tuple[int, str]:
    name = named[0]
    return (STEM_ORDER.index(name) if name in STEM_ORDER else len(STEM_ORDER), name)


@dataclass(frozen=True, slots=True)
class _Made:
    """One product that a finished step made from the audio ``source``."""

    source: str
    role: str
    digest: str
    activity: str
    result: Mapping[str, Json]


def _made_from(session: Session, audio_digests: Sequence[str], kinds: Sequence[str]) -> list[_Made]:
    """What finished steps of these kinds made from each audio, oldest step first."""
    used, made = aliased(ActivityArtifact), aliased(ActivityArtifact)
    query = (
        sa.select(used.artifact_digest, made.role, made.artifact_digest, Activity.id, Activity.work_key)
        .join(Activity, Activity.id == used.activity_id)
        .join(made, made.activity_id == used.activity_id)
        .where(
            in_values(used.artifact_digest, audio_digests),
            used.direction == "used",
            used.role == "audio",
            made.direction == "made",
            Activity.kind.in_(kinds),
            Activity.outcome == "done",
        )
        .order_by(Activity.started_at, Activity.id, made.role)
    )
    rows = session.execute(query).tuples().all()
    keys = sorted({key for *_, key in rows})
    results = dict(session.execute(sa.select(Step.key, Step.result).where(in_values(Step.key, keys))).tuples().all())
    return [
        _Made(source, role, digest, activity, results.get(key) or {}) for source, role, digest, activity, key in rows
    ]


def _pruned(session: Session, digests: Sequence[str]) -> set[str]:
    query = sa.select(Artifact.digest).where(in_values(Artifact.digest, digests), Artifact.pruned_at.is_not(None))
    return set(session.scalars(query))
