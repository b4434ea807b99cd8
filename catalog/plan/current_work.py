"""Finished work that the current manifests still request, as opposed to superseded work.

Work is requested where a manifest names its take, where requested work used its products, or where it is in progress:
made from such takes after the album's release, or before there is one. Everything else belongs to superseded takes,
settings or builds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from db.tables.album import Album, Candidate, Render, Song, Step
from db.tables.provenance import Activity, ActivityArtifact
from db.tables.release import Release


@dataclass(frozen=True, slots=True)
class Maker:
    """Work that made an artifact, and the artifact's role in it."""

    kind: str
    role: str
    key: str


def makers_of(session: Session, digest: str) -> list[Maker]:
    """All work that made an artifact, oldest first; none for a file from outside."""
    rows = session.execute(
        sa.select(Activity.kind, ActivityArtifact.role, Activity.work_key)
        .join(ActivityArtifact, ActivityArtifact.activity_id == Activity.id)
        .where(ActivityArtifact.artifact_digest == digest, ActivityArtifact.direction == "made")
        .order_by(Activity.started_at)
    ).all()
    return list(dict.fromkeys(Maker(row.kind, row.role, row.work_key) for row in rows))


class CurrentWork:
    """Answers for one moment: used within one transaction, it examines each piece of work once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._asked: dict[str, bool] = {}
        self._albums: dict[str, frozenset[str] | None] = {}

    def makers(self, digest: str) -> list[Maker]:
        """The makers of an artifact that are requested: where takes of a manifest made it, only these."""
        requested_makers = [
            maker for maker in makers_of(self._session, digest) if self.is_asked_for(maker.kind, maker.key)
        ]
        named_makers = [
            maker for maker in requested_makers if maker.kind == "render" and self._albums_of_render(maker.key)
        ]
        return named_makers or requested_makers

    def is_asked_for(self, kind: str, key: str) -> bool:
        """Whether a piece of work is still requested."""
        if key not in self._asked:
            self._asked[key] = False  # during the search, which may reach this key again
            self._asked[key] = self._is_named(kind, key) or self._is_used(key) or self._is_on_the_way(kind, key)
        return self._asked[key]

    def is_of_a_manifest(self, kind: str, key: str) -> bool:
        """Whether unfinished work uses only takes of a manifest, or files from outside."""
        return self._albums_of(kind, key) is not None

    def _is_named(self, kind: str, key: str) -> bool:
        if kind == "render":
            return bool(self._albums_of_render(key))
        query = sa.select(Album.id).where(Album.release_key == key)
        return kind == "pack" and self._session.scalar(query.limit(1)) is not None

    def _is_used(self, key: str) -> bool:
        return any(self.is_asked_for(kind, user) for kind, user in self._users(key))

    def _users(self, key: str) -> Sequence[tuple[str, str]]:
        """Kind and key of all work that used what this work made."""
        made_link, used_link = aliased(ActivityArtifact), aliased(ActivityArtifact)
        maker, user = aliased(Activity), aliased(Activity)
        rows = self._session.execute(
            sa.select(user.kind, user.work_key)
            .join(used_link, used_link.activity_id == user.id)
            .join(made_link, made_link.artifact_digest == used_link.artifact_digest)
            .join(maker, maker.id == made_link.activity_id)
            .where(
                maker.work_key == key,
                made_link.direction == "made",
                used_link.direction == "used",
                user.work_key != key,
            )
            .distinct()
            .order_by(user.kind, user.work_key)
        )
        return [(row.kind, row.work_key) for row in rows]

    def _is_on_the_way(self, kind: str, key: str) -> bool:
        """Whether a step was made from takes of a manifest for a release that does not exist yet."""
        albums = None if kind == "render" else self._albums_of(kind, key)
        if albums is None:
            return False
        if not albums:
            return not self._users(key)
        start_query = sa.select(sa.func.max(Activity.started_at)).where(Activity.work_key == key)
        begun_at = self._session.scalar(start_query) or 0.0
        release_query = sa.select(Album.id, Release.created_at).outerjoin(
            Release, Release.step_key == Album.release_key
        )
        rows = self._session.execute(release_query.where(Album.id.in_(albums)))
        return any(row.created_at is None or begun_at >= row.created_at for row in rows)

    def _albums_of(self, kind: str, key: str) -> frozenset[str] | None:
        """Albums whose takes this work used, none for work on files from outside; None where it used a take that no
        manifest names."""
        if key not in self._albums:
            self._albums[key] = frozenset()
            self._albums[key] = self._albums_of_render(key) or None if kind == "render" else self._albums_of_step(key)
        return self._albums[key]

    def _albums_of_step(self, key: str) -> frozenset[str] | None:
        row = self._session.get(Step, key)
        if row is None:
            return None
        albums: set[str] = set()
        for digest in row.inputs.values():
            makers = makers_of(self._session, str(digest))
            maker_albums = [self._albums_of(maker.kind, maker.key) for maker in makers]
            if makers and all(album_ids is None for album_ids in maker_albums):
                return None
            albums.update(*(album_ids for album_ids in maker_albums if album_ids is not None))
        return frozenset(albums)

    def _albums_of_render(self, key: str) -> frozenset[str]:
        """Albums whose manifests name this take, or a retake of it."""
        retake = aliased(Candidate)
        has_retake = sa.exists(sa.select(retake.id).where(retake.parent_id == Candidate.id, retake.active))
        rows = self._session.scalars(
            sa.select(Song.album_id)
            .join(Candidate, Candidate.song_id == Song.id)
            .where(Candidate.render_key == key, Song.active, sa.or_(Candidate.active, has_retake))
        )
        return frozenset(rows)


def failed_for(session: Session, lost: set[str]) -> dict[str, set[Maker]]:
    """The work that failed because one of these artifacts was missing, by artifact; its role is empty."""
    makers: dict[str, set[Maker]] = {}
    renders = sa.select(Render.key, Render.error, sa.literal("render").label("kind")).where(Render.state == "failed")
    steps = sa.select(Step.key, Step.error, Step.kind).where(Step.state == "failed")
    for query in (renders, steps):
        for row in session.execute(query):
            digest = (row.error or {}).get("ids", {}).get("digest")
            if digest in lost:
                makers.setdefault(digest, set()).add(Maker(row.kind, "", row.key))
    return makers
