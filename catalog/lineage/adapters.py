"""Where the adapters of a sound come from: the training of each, and the recordings that it learned from.

A recipe names an adapter by the digest of its content, which is the result of the step that trained it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.digests import Json
from catalog.common.understood import understood
from catalog.lineage.lineage import Lineage
from catalog.lineage.provenance_tree import Node, activities, node_of
from db.session import Database
from db.tables.album import Step
from db.tables.provenance import ActivityArtifact

MOMENTS = "moments."


@dataclass(frozen=True, slots=True)
class TrainedSong:
    """A song of a training: its name there, the digest of its recording, and whether it was only listened to."""

    name: str
    audio: str
    held_out: bool


@dataclass(frozen=True, slots=True)
class AdapterOrigin:
    """An adapter of a recipe with its weight. ``root`` is its artifact's tree, None where it was trained elsewhere."""

    digest: str
    weight: float
    root: Node | None = None
    training: str = ""
    rights: str = ""
    commercial: bool = False
    trained_at: float = 0.0
    songs: tuple[TrainedSong, ...] = ()

    def document(self) -> dict[str, Json]:
        """The same as JSON, with every activity of the training, newest first."""
        stated = {"digest": self.digest, "weight": self.weight, "trained_here": self.root is not None}
        if self.root is None:
            return stated
        return {
            **stated,
            "artifact": self.root.artifact["digest"],
            "training": self.training,
            "rights": self.rights,
            "commercial": self.commercial,
            "songs": [asdict(song) for song in self.songs],
            "activities": [dict(activity) for activity in activities(self.root)],
        }


def adapters_of(database: Database, lineage: Lineage) -> tuple[AdapterOrigin, ...]:
    """The adapters of the songs that a file belongs to, each once at each weight, in the order of the recipes."""
    recipes: list[Mapping[str, Json]] = [song["recipe"] for song in lineage.own]
    stated = dict.fromkeys(tuple(entry) for recipe in recipes for entry in recipe["inputs"].get("adapters", []))
    with understood(), database.read() as session:
        trainings = _trainings(session) if stated else {}
        return tuple(_origin(session, digest, weight, trainings.get(digest)) for digest, weight in stated)


def _trainings(session: Session) -> dict[str, Step]:
    """Every finished training by the digest of its adapter."""
    rows = session.scalars(sa.select(Step).where(Step.kind == "train", Step.activity_id.is_not(None)))
    return {str((row.result or {}).get("digest")): row for row in rows if row.state == Step.finished_state}


def _origin(session: Session, digest: str, weight: float, step: Step | None) -> AdapterOrigin:
    if step is None:
        return AdapterOrigin(digest, weight)
    artifact = session.scalars(
        sa.select(ActivityArtifact.artifact_digest).where(
            ActivityArtifact.activity_id == step.activity_id,
            ActivityArtifact.direction == "made",
            ActivityArtifact.role == "adapter",
        )
    ).one()
    root = node_of(session, artifact, {}, (step.key,))
    recordings = {
        role.removeprefix(MOMENTS): dict(child.used)["audio"].artifact["digest"]
        for role, child in root.used
        if role.startswith(MOMENTS) and child.activity is not None
    }
    return AdapterOrigin(
        digest,
        weight,
        root=root,
        training=step.key,
        rights=step.parameters["rights"],
        commercial=step.parameters["commercial"],
        trained_at=float(root.activity["started_at"]) if root.activity else 0.0,
        songs=tuple(
            TrainedSong(song["name"], str(recordings.get(song["name"], "")), song["held_out"])
            for song in step.parameters["songs"]
        ),
    )
