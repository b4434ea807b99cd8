"""From any bytes back to where they came from: every activity and artifact on the way, and the songs they serve."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.digests import Json
from catalog.errors import InputError
from catalog.recipe import Recipe
from catalog.release import ModelUsed
from db.judgement import Decision, Score
from db.production import Album, Candidate, Render, Song, Step
from db.provenance import Activity, ActivityArtifact, Artifact, Loss
from db.rows import starts_with
from db.session import Database

ModelsOf = Callable[[Recipe, Collection[str]], Sequence[ModelUsed]]
"""From a recipe and those that listened to it (scorers, separation models), by name, to the models that took part."""

TOLD_STEPS = frozenset({"embed", "enhance", "master", "version", "separate", "demix", "encode"})
"""Steps whose result is part of the story: what was found wrong with a reference, what each stage of mastering was set
to and read before and after it, how stems add up, what a lossy file reads. It stands only there."""


@dataclass(frozen=True, slots=True)
class Node:
    """An artifact, the activity that made it (None where it came from outside), and what that used, by role."""

    artifact: Mapping[str, Json]
    activity: Mapping[str, Json] | None
    used: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Lineage:
    """The tree of one artifact, and for each render in it the song it was offered for."""

    root: Node
    role: str | None
    songs: tuple[Mapping[str, Json], ...]

    def document(self) -> dict[str, Json]:
        """The lineage as JSON: the songs with recipe, scores and decision, then every activity, newest first."""
        first = self.songs[0] if self.songs else {}
        return {
            "artifact": dict(self.root.artifact),
            "role": self.role,
            **{name: first.get(name) for name in ("album", "song", "prompt", "lyrics_digest", "recipe", "engine")},
            "models": first.get("models", []),
            "licences": first.get("licences", []),
            "scores": first.get("scores", {}),
            "decision": first.get("decision"),
            "songs": [dict(song) for song in self.songs],
            "activities": [dict(activity) for activity in activities(self.root)],
        }


def trace(database: Database, digest: str, *, models_of: ModelsOf, album_id: str | None = None) -> Lineage:
    """The lineage of an artifact by digest or unambiguous prefix. ``models_of`` tells what a recipe was made with,
    ``album_id`` keeps to one album where several share a render. Raises InputError where there is none.
    """
    with database.read() as session:
        artifact = _find(session, digest)
        known: dict[str, Node] = {}
        root = _node(session, artifact.digest, known)
        keys = [a["work_key"] for a in activities(root) if a["kind"] == "render"]
        apart = _separators(activities(root))
        songs = tuple(song for key in keys for song in _songs(session, key, models_of, album_id, apart))
        songs = tuple(sorted(songs, key=lambda song: song["candidate"] not in _tagged(root)))
        role = session.scalar(
            sa.select(ActivityArtifact.role)
            .where(ActivityArtifact.artifact_digest == artifact.digest, ActivityArtifact.direction == "made")
            .order_by(ActivityArtifact.role)
            .limit(1)
        )
        return Lineage(root, role, songs)


def trace_all(database: Database, files: Mapping[str, str], *, models_of: ModelsOf, album_id: str) -> dict[str, Json]:
    """The lineage of many files at once, by path and digest: every song and activity stands once."""
    known: dict[str, Node] = {}
    with database.read() as session:
        for digest in dict.fromkeys(files.values()):
            if digest not in known and session.get(Artifact, digest) is not None:
                _node(session, digest, known)
        found = {str(node.activity["id"]): node.activity for node in known.values() if node.activity}
        renders = dict.fromkeys(each["work_key"] for each in found.values() if each["kind"] == "render")
        apart = _separators(found.values())
        offered = [song for key in renders for song in _songs(session, key, models_of, album_id, apart)]
    songs = {str(song["candidate"]): song for song in offered}
    in_order = sorted(found.values(), key=lambda activity: float(activity["started_at"]))
    return {
        "files": dict(files),
        "songs": [dict(song) for song in songs.values()],
        "activities": [dict(activity) for activity in in_order],
    }


def _separators(done: Iterable[Mapping[str, Json]]) -> list[str]:
    """The separation models that took a song apart."""
    return [str(activity["parameters"]["model"]) for activity in done if activity["kind"] == "demix"]


def _tagged(root: Node) -> set[str]:
    """Candidates that a delivered file names in its own tags: it was made for them."""
    tags = (activity["parameters"].get("tags", {}) for activity in activities(root) if activity["kind"] == "encode")
    return {str(tag.get("candidate")) for tag in tags}


def activities(root: Node) -> list[Mapping[str, Json]]:
    """Every activity in a tree once, from the artifact backwards."""
    found: dict[str, Mapping[str, Json]] = {}
    queue = [root]
    while queue:
        node = queue.pop(0)
        if node.activity is not None:
            found.setdefault(str(node.activity["id"]), node.activity)
        queue += [child for _, child in node.used]
    return list(found.values())


def prov_json(root: Node) -> dict[str, Json]:
    """The tree as W3C PROV-JSON: entities are artifacts, activities are ours."""
    document: dict[str, dict[str, Json]] = {
        "prefix": {"songline": "urn:songline:"},
        "entity": {},
        "activity": {},
        "used": {},
        "wasGeneratedBy": {},
    }
    _add_prov(root, document)
    return document


def _add_prov(node: Node, document: dict[str, dict[str, Json]]) -> None:
    entity = f"songline:artifact/{node.artifact['digest']}"
    if entity in document["entity"]:
        return
    document["entity"][entity] = {
        "songline:size": node.artifact["size"],
        "prov:type": node.artifact["media_type"],
    }
    if node.activity is None:
        return
    activity = f"songline:activity/{node.activity['id']}"
    document["activity"][activity] = {
        "prov:type": node.activity["kind"],
        "songline:seconds": node.activity["seconds"],
        "songline:startedAt": node.activity["started_at"],
        "songline:codeVersion": node.activity["code_version"],
    }
    link = f"_:g{len(document['wasGeneratedBy'])}"
    document["wasGeneratedBy"][link] = {"prov:entity": entity, "prov:activity": activity}
    for role, child in node.used:
        _add_prov(child, document)
        document["used"][f"_:u{len(document['used'])}"] = {
            "prov:activity": activity,
            "prov:entity": f"songline:artifact/{child.artifact['digest']}",
            "prov:role": role,
        }


def _find(session: Session, digest: str) -> Artifact:
    rows = session.scalars(sa.select(Artifact).where(starts_with(Artifact.digest, digest.lower())).limit(2)).all()
    if len(rows) == 1:
        return rows[0]
    if rows:
        raise InputError(f"{digest!r} fits several artifacts", remedy="Give more of the digest")
    raise InputError(
        f"nothing in the catalog has the digest {digest[:16]}",
        remedy="Give a file as Songline delivered it (a changed one has another digest), or a digest from release.json",
    )


def _node(session: Session, digest: str, known: dict[str, Node]) -> Node:
    if digest in known:
        return known[digest]
    row = session.get_one(Artifact, digest)
    artifact = {"digest": row.digest, "size": row.size, "media_type": row.media_type, **_loss(session, row)}
    maker = session.scalars(
        sa.select(Activity)
        .join(ActivityArtifact, ActivityArtifact.activity_id == Activity.id)
        .where(ActivityArtifact.artifact_digest == digest, ActivityArtifact.direction == "made")
        .order_by(Activity.started_at, Activity.id)
        .limit(1)
    ).first()
    if maker is None:
        known[digest] = Node(artifact, None, ())
        return known[digest]
    used = session.execute(
        sa.select(ActivityArtifact.role, ActivityArtifact.artifact_digest)
        .where(ActivityArtifact.activity_id == maker.id, ActivityArtifact.direction == "used")
        .order_by(ActivityArtifact.role)
    ).all()
    children = tuple((link.role, _node(session, link.artifact_digest, known)) for link in used)
    step = session.get(Step, maker.work_key)
    found = {"found": step.result} if step is not None and step.kind in TOLD_STEPS else {}
    known[digest] = Node(artifact, {**_activity(maker), **found}, children)
    return known[digest]


def _loss(session: Session, row: Artifact) -> dict[str, Json]:
    """That the bytes were lost and who accepted it, where they did not come back since."""
    if row.pruned_at is None:
        return {}
    newest = sa.select(Loss).where(Loss.artifact_digest == row.digest).order_by(Loss.id.desc()).limit(1)
    loss = session.scalars(newest).first()
    if loss is None:
        return {}
    return {"lost": {"found": loss.found, "accepted_by": loss.accepted_by, "accepted_at": loss.accepted_at}}


def _activity(row: Activity) -> dict[str, Json]:
    names = "id kind work_key revision parameters seed attempt started_at seconds code_version environment device"
    return {name: getattr(row, name) for name in [*names.split(), "figures", "flow_run_id", "task_run_id"]}


def _songs(
    session: Session, render_key: str, models_of: ModelsOf, album_id: str | None, separators: Collection[str]
) -> list[dict[str, Json]]:
    rows = session.execute(
        sa.select(Candidate, Song)
        .join(Song, Song.id == Candidate.song_id)
        .where(Candidate.render_key == render_key, *([Song.album_id == album_id] if album_id else []))
        .order_by(Candidate.active.desc(), Song.album_id, Song.position, Candidate.id)
    ).all()
    render = session.get_one(Render, render_key)
    scores = _scores(session, render)
    judges = dict.fromkeys(str(score["scorer"]) for score in scores.values() if "scorer" in score)
    used = models_of(Recipe.from_document(render.recipe), [*judges, *separators])
    models = [model.model_dump(mode="json") for model in used]
    return [{**_song(session, candidate, song, render), "scores": scores, "models": models} for candidate, song in rows]


def _song(session: Session, candidate: Candidate, song: Song, render: Render) -> dict[str, Json]:
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
        "decision": _decision(session, candidate),
    }


def _decision(session: Session, candidate: Candidate) -> dict[str, Json] | None:
    """The newest decision that judged this candidate: a later one about others says nothing of it."""
    decisions = session.scalars(
        sa.select(Decision).where(Decision.song_id == candidate.song_id).order_by(Decision.id.desc())
    )
    judged = (d for d in decisions if any(c["id"] == candidate.id for c in d.document["candidates"]))
    found = next(judged, None)
    return None if found is None else {"winner": found.winner_id, **found.document}


def _scores(session: Session, render: Render) -> dict[str, Json]:
    rows = session.scalars(
        sa.select(Score)
        .join(Activity, sa.and_(Activity.work_key == Score.step_key, Activity.id == Score.activity_id))
        .join(ActivityArtifact, ActivityArtifact.activity_id == Activity.id)
        .where(ActivityArtifact.artifact_digest == render.audio_digest, ActivityArtifact.direction == "used")
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
