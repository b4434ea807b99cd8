"""The tree of activities and artifacts behind one artifact, also as W3C PROV-JSON."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.digests import Json
from db.tables.album import Candidate, Step
from db.tables.provenance import Activity, ActivityArtifact, Artifact, Loss

STEPS_SHOWN = frozenset(
    {"embed", "enhance", "master", "version", "separate", "demix", "resample", "encode", "train", "preview"}
)
"""Steps whose result is part of the lineage: defects of a reference, each mastering stage's settings with
measurements before and after it, a change of the rate, how stems add up, measurements of a lossy file. They are stored
only there."""


@dataclass(frozen=True, slots=True)
class Node:
    """An artifact, the activity that made it (None for a file from outside), and the artifacts that it used, by
    role."""

    artifact: Mapping[str, Json]
    activity: Mapping[str, Json] | None
    used: tuple[tuple[str, Node], ...]


def node_of(
    session: Session,
    digest: str,
    known: dict[str, Node],
    work_keys: Collection[str] = (),
    ancestors: frozenset[str] = frozenset(),
) -> Node:
    """The tree behind an artifact. Where several activities made the same bytes, the one of ``work_keys`` is
    followed, else the first whose render is still requested. ``known`` caches nodes, for one set of ``work_keys``.

    Work may return the bytes that it was given, as a WAV without tags equals its master: artifacts in ``ancestors`` are
    already on the path and are not followed again.
    """
    if digest in known:
        return known[digest]
    row = session.get_one(Artifact, digest)
    artifact = {"digest": row.digest, "size": row.size, "media_type": row.media_type, **_loss(session, row)}
    if digest in ancestors:
        return Node(artifact, None, ())
    maker = _maker(session, digest, work_keys)
    if maker is None:
        known[digest] = Node(artifact, None, ())
        return known[digest]
    links = session.execute(
        sa.select(ActivityArtifact.role, ActivityArtifact.artifact_digest)
        .where(ActivityArtifact.activity_id == maker.id, ActivityArtifact.direction == "used")
        .order_by(ActivityArtifact.role)
    ).all()
    children = tuple(
        (link.role, node_of(session, link.artifact_digest, known, work_keys, ancestors | {digest})) for link in links
    )
    step = session.get(Step, maker.work_key)
    result_document = {"found": step.result} if step is not None and step.kind in STEPS_SHOWN else {}
    known[digest] = Node(artifact, {**_document(maker), **result_document}, children)
    return known[digest]


def activities(root: Node) -> list[Mapping[str, Json]]:
    """Every activity in a tree once, from the artifact backwards."""
    documents: dict[str, Mapping[str, Json]] = {}
    queue = [root]
    while queue:
        node = queue.pop(0)
        if node.activity is not None:
            documents.setdefault(str(node.activity["id"]), node.activity)
        queue += [child for _, child in node.used]
    return list(documents.values())


def prov_json(*roots: Node) -> dict[str, Json]:
    """The trees as W3C PROV-JSON: artifacts are its entities, and Songline's activities its activities."""
    document: dict[str, dict[str, Json]] = {
        "prefix": {"songline": "urn:songline:"},
        "entity": {},
        "activity": {},
        "used": {},
        "wasGeneratedBy": {},
    }
    for root in roots:
        _add_prov(root, document)
    return document


def _loss(session: Session, row: Artifact) -> dict[str, Json]:
    """The loss of the bytes and who accepted it, where they were not restored since; or their pruning, as for old
    builds."""
    if row.pruned_at is None:
        return {}
    query = sa.select(Loss).where(Loss.artifact_digest == row.digest).order_by(Loss.id.desc()).limit(1)
    loss = session.scalars(query).first()
    if loss is None:
        return {"removed_at": row.pruned_at}
    return {"lost": {"found": loss.found, "accepted_by": loss.accepted_by, "accepted_at": loss.accepted_at}}


def _maker(session: Session, digest: str, work_keys: Collection[str]) -> Activity | None:
    query = sa.select(ActivityArtifact.activity_id).where(ActivityArtifact.artifact_digest == digest)
    makers = session.scalars(
        sa.select(Activity)
        .where(Activity.id.in_(query.where(ActivityArtifact.direction == "made")))
        .where(Activity.id.not_in(query.where(ActivityArtifact.direction == "used")))  # those only pass it on
        .order_by(Activity.started_at, Activity.id)
    ).all()
    own_makers = [maker for maker in makers if maker.work_key in work_keys]
    if own_makers or len({maker.work_key for maker in makers}) < 2:
        return next(iter([*own_makers, *makers]), None)
    return _still_asked_for(session, makers)


def _still_asked_for(session: Session, makers: Sequence[Activity]) -> Activity:
    keys = [maker.work_key for maker in makers]
    requested_keys = set(
        session.scalars(sa.select(Candidate.render_key).where(Candidate.render_key.in_(keys), Candidate.active))
    )
    return next((maker for maker in makers if maker.work_key in requested_keys), makers[0])


def _document(row: Activity) -> dict[str, Json]:
    names = "id kind work_key revision parameters seed attempt started_at seconds code_version environment device"
    return {name: getattr(row, name) for name in [*names.split(), "figures", "flow_run_id", "task_run_id"]}


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
