"""The work that each album needs in the catalog, and the artifacts that the work used and made.

The catalog is read as one graph. A piece of work (a render or a step, by its key) needs the artifacts and the work
that its row names; an artifact needs the work that made it. An album needs its candidates' renders, the steps of its
decisions, its releases with their files, and what its manifest names; :meth:`Graph.held` returns all of these with
their ancestors. Artifacts and work that several albums need are shared. Trainings belong to no album: what they made,
used, and are in the middle of is always held.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from catalog.training.style import DOCUMENT_TYPE
from db.tables.album import Album, Candidate, Render, Song, Step
from db.tables.base import database_now
from db.tables.provenance import Activity, ActivityArtifact, Artifact
from db.tables.release import Release, ReleaseFile
from db.tables.selection import Decision
from db.tables.training import Checkpoint

_DIGEST = re.compile(r'"([0-9a-f]{64})"')
_TEXT = sa.Text()
TRAINING_KINDS = ("train_latent", "train", "preview")
"""Kinds of steps of a training."""


@dataclass(frozen=True, slots=True)
class HeldArtifact:
    """An artifact: its size in the store (0 where its bytes were pruned), and the kind and role of the work that made
    it (None for a file from outside)."""

    size: int
    kind: str | None
    role: str | None
    is_pruned: bool = False


@dataclass(frozen=True, slots=True)
class Holdings:
    """Keys of work, and digests of artifacts."""

    work: frozenset[str] = frozenset()
    artifacts: frozenset[str] = frozenset()

    def __sub__(self, other: Holdings) -> Holdings:
        return Holdings(self.work - other.work, self.artifacts - other.artifacts)

    def __or__(self, other: Holdings) -> Holdings:
        return Holdings(self.work | other.work, self.artifacts | other.artifacts)


class Graph:
    """The catalog at one moment; read it with :func:`read_graph`."""

    def __init__(
        self,
        *,
        work: Mapping[str, frozenset[str]],
        makers: Mapping[str, frozenset[str]],
        artifacts: Mapping[str, HeldArtifact],
        leased: frozenset[str],
        roots: Mapping[str, frozenset[str]],
        releases: Mapping[int, frozenset[str]],
        release_albums: Mapping[int, str],
        trained: frozenset[str] = frozenset(),
    ) -> None:
        """``work``: the digests and keys that each piece of work names; ``makers``: the work that made an artifact;
        ``leased``: work in progress; ``roots``: what an album names, without its releases; ``releases``: what a
        release names, by its row id; ``trained``: the work and the checkpoints of trainings."""
        self._work = work
        self._makers = makers
        self._products: dict[str, set[str]] = {}
        for digest, keys in makers.items():
            for key in keys:
                self._products.setdefault(key, set()).add(digest)
        self.artifacts = artifacts
        self.leased = leased
        self._roots = roots
        self._releases = releases
        self._trained = trained
        self.release_albums = release_albums

    @property
    def albums(self) -> tuple[str, ...]:
        """The albums by id."""
        return tuple(sorted(self._roots))

    def names_of_album(self, album_id: str) -> frozenset[str]:
        """Everything that an album and its releases name."""
        name_sets = (names for row, names in self._releases.items() if self.release_albums[row] == album_id)
        return self._roots[album_id].union(*name_sets)

    def names_of_releases(self, rows: Iterable[int]) -> frozenset[str]:
        """Everything that these releases name."""
        return frozenset[str]().union(*(self._releases[row] for row in rows))

    def held_by_others(self, *, album: str | None = None, releases: frozenset[int] = frozenset()) -> Holdings:
        """Everything needed by other albums and other releases, and by trainings."""
        names = set(self._trained)
        for album_id, roots in self._roots.items():
            names |= roots if album_id != album else frozenset()
        for row, files in self._releases.items():
            names |= files if row not in releases and self.release_albums[row] != album else frozenset()
        return self.held(names)

    def held(self, names: Iterable[str]) -> Holdings:
        """The work and the artifacts that the names refer to, all their ancestors, and what that work made.

        Where several pieces of work made the same bytes, those that the names reach otherwise are included; where
        they reach none, all are.
        """
        work: set[str] = set()
        artifacts: set[str] = set()
        queue = list(names)
        while queue:
            while queue:
                name = queue.pop()
                if name in self._work and name not in work:
                    work.add(name)
                    queue.extend(self._work[name])
                    queue.extend(self._products.get(name, ()))
                if name in self.artifacts:
                    artifacts.add(name)
            for digest in artifacts:
                makers = self._makers.get(digest, frozenset())
                if makers.isdisjoint(work):
                    queue.extend(makers & self._work.keys())
        return Holdings(frozenset(work), frozenset(artifacts))

    def only_for(self, names: Iterable[str], others: Holdings) -> Holdings:
        """Work and artifacts that ``names`` lead to and ``others`` do not need, with all later work that used them."""
        holding = self.held(names) - others
        while True:
            all_names = holding.artifacts | holding.work
            later_work = frozenset(
                key for key, names in self._work.items() if key not in others.work and not names.isdisjoint(all_names)
            )
            products = frozenset(digest for key in later_work for digest in self._products.get(key, ()))
            grown_holding = (holding | Holdings(later_work, products)) - others
            if grown_holding == holding:
                return holding
            holding = grown_holding

    def names_bytes(self, digest: str) -> bool:
        """Whether an artifact with this digest has bytes; a pruned one has none."""
        artifact = self.artifacts.get(digest)
        return artifact is not None and not artifact.is_pruned

    def size(self, artifacts: Iterable[str]) -> int:
        """Bytes of these artifacts in the store."""
        return sum(self.artifacts[digest].size for digest in artifacts)


def read_graph(session: Session) -> Graph:
    """The whole catalog as a graph: a few hundred bytes of memory per row."""
    artifacts = _artifacts(session)
    work = _work(session)
    release_albums = {row.id: row.album_id for row in session.execute(sa.select(Release.id, Release.album_id))}
    return Graph(
        work=work,
        makers=_makers(session),
        artifacts=artifacts,
        leased=_leased(session),
        roots=_roots(session),
        releases=_releases(session),
        release_albums=release_albums,
        trained=_trained(session),
    )


def _artifacts(session: Session) -> dict[str, HeldArtifact]:
    """Every artifact; the work that first made it determines its kind. Pruned ones have size 0."""
    query = sa.select(ActivityArtifact.artifact_digest, Activity.kind, ActivityArtifact.role).join(
        Activity, Activity.id == ActivityArtifact.activity_id
    )
    origins: dict[str, tuple[str, str]] = {}
    for digest, kind, role in session.execute(
        query.where(ActivityArtifact.direction == "made").order_by(Activity.started_at)
    ):
        origins.setdefault(digest, (kind, role))
    artifacts = {}
    for digest, size, pruned_at in session.execute(sa.select(Artifact.digest, Artifact.size, Artifact.pruned_at)):
        kind, role = origins.get(digest, (None, None))
        is_pruned = pruned_at is not None
        artifacts[digest] = HeldArtifact(0 if is_pruned else size, kind, role, is_pruned)
    return artifacts


def _work(session: Session) -> dict[str, frozenset[str]]:
    """The digests and keys that each render and step names in its row, and those that its attempts used."""
    names_by_key: dict[str, set[str]] = {}
    for key, recipe in session.execute(sa.select(Render.key, _text(Render.recipe))):
        names_by_key[key] = set(_DIGEST.findall(recipe))
    for key, parameters, inputs in session.execute(sa.select(Step.key, _text(Step.parameters), _text(Step.inputs))):
        names_by_key[key] = {*_DIGEST.findall(parameters), *_DIGEST.findall(inputs)}
    query = sa.select(Activity.work_key, ActivityArtifact.artifact_digest).join(
        ActivityArtifact, ActivityArtifact.activity_id == Activity.id
    )
    for key, digest in session.execute(query.where(ActivityArtifact.direction == "used")):
        names_by_key.setdefault(key, set()).add(digest)
    return {key: frozenset(names) for key, names in names_by_key.items()}


def _makers(session: Session) -> dict[str, frozenset[str]]:
    query = sa.select(ActivityArtifact.artifact_digest, Activity.work_key).join(
        Activity, Activity.id == ActivityArtifact.activity_id
    )
    keys_by_digest: dict[str, set[str]] = {}
    for digest, key in session.execute(query.where(ActivityArtifact.direction == "made")):
        keys_by_digest.setdefault(digest, set()).add(key)
    return {digest: frozenset(keys) for digest, keys in keys_by_digest.items()}


def _leased(session: Session) -> frozenset[str]:
    """Work in progress: its lease has not expired."""
    return frozenset(
        key
        for table in (Render, Step)
        for key in session.scalars(
            sa.select(table.key).where(table.state == "leased", table.lease_until > database_now())
        )
    )


def _trained(session: Session) -> frozenset[str]:
    """The keys of training steps, and the artifacts of checkpoints and of trainings' documents."""
    keys = session.scalars(sa.select(Step.key).where(Step.kind.in_(TRAINING_KINDS)))
    rows = session.execute(sa.select(Checkpoint.adapter_digest, Checkpoint.state_digest))
    documents = session.scalars(sa.select(Artifact.digest).where(Artifact.media_type == DOCUMENT_TYPE))
    return frozenset([*keys, *documents]).union(*((row.adapter_digest, row.state_digest) for row in rows))


def _roots(session: Session) -> dict[str, frozenset[str]]:
    names_by_album: dict[str, set[str]] = {}
    rows = session.execute(sa.select(Album.id, Album.cover_digest, _text(Album.manifest)))
    for album_id, cover, manifest in rows:
        names_by_album[album_id] = {*_DIGEST.findall(manifest), *([cover] if cover else [])}
    candidates = sa.select(Song.album_id, Candidate.render_key).join(Song, Song.id == Candidate.song_id)
    decisions = sa.select(Song.album_id, Decision.step_key).join(Song, Song.id == Decision.song_id)
    for query in (candidates, decisions):
        for album_id, key in session.execute(query):
            names_by_album[album_id].add(key)
    return {album_id: frozenset(names) for album_id, names in names_by_album.items()}


def _releases(session: Session) -> dict[int, frozenset[str]]:
    names_by_row: dict[int, set[str]] = {}
    for row_id, key in session.execute(sa.select(Release.id, Release.step_key)):
        names_by_row[row_id] = {key}
    for row_id, digest in session.execute(sa.select(ReleaseFile.release_id, ReleaseFile.artifact_digest)):
        names_by_row[row_id].add(digest)
    return {row_id: frozenset(names) for row_id, names in names_by_row.items()}


def _text(column: InstrumentedAttribute[dict[str, object]]) -> sa.Cast[str]:
    """A document as text: only the digests in it are searched."""
    return sa.cast(column, _TEXT)
