"""Frees disk space: removes an album with everything that only it needs, or builds that newer ones have replaced.

What another album needs stays, with all its ancestors, so that its lineage remains complete. For an album, its rows
are deleted; for an old build, only the bytes: its release, tracks, steps and artifacts stay as rows, so that the
lineage of a file delivered long ago can still be traced. Rows are written in one transaction that excludes every
other writer; the bytes are deleted after it, and what a crash leaves is garbage that ``songline gc`` removes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.errors import RefusedError
from catalog.housekeeping.artifact_kinds import Sizes, sizes_of
from catalog.housekeeping.holdings import Graph, Holdings, read_graph
from catalog.housekeeping.old_builds import old_builds, prune, superseded, with_bytes_yet
from catalog.plan.queries import require_album
from catalog.store.base import Store
from catalog.store.gc import GarbageReport, collect_these
from db.session import Database
from db.statements import chunked
from db.tables.album import Album, Candidate, Render, Song, Step
from db.tables.provenance import Activity, ActivityArtifact, Artifact, Loss
from db.tables.release import Release, ReleaseFile
from db.tables.selection import Decision, Review, Score, Vote
from db.tables.submission import Shard, Submission
from db.tables.training import Checkpoint


@dataclass(frozen=True, slots=True)
class Removal:
    """The contents of a removal: its counts, and its bytes by kind. ``shared_bytes`` stay because other albums,
    or kept builds of this one, need them. ``collected`` is the result of deleting the bytes, None where nothing was
    removed."""

    albums: tuple[str, ...]
    songs: int
    candidates: int
    builds: tuple[tuple[str, int], ...]
    freed: Sizes
    shared_bytes: int
    collected: GarbageReport | None = None


def plan_removal(database: Database, album_id: str) -> Removal:
    """The removal that :func:`remove_album` would make. Raises InputError for an unknown album."""
    require_album(database, album_id)
    with database.read() as session:
        graph = read_graph(session)
        return _removal(session, graph, _of_album(graph, album_id), album_id=album_id)


def remove_album(database: Database, store: Store, album_id: str) -> Removal:
    """Remove an album, its songs, candidates, decisions and builds, and everything that nothing else needs.

    Raises InputError for an unknown album, RefusedError while work on it is in progress.
    """
    require_album(database, album_id)
    with database.write(exclusive=True) as session:
        graph = read_graph(session)
        holding = _of_album(graph, album_id)
        _refuse_if_made(session, graph, holding, album_id)
        removal = _removal(session, graph, holding, album_id=album_id)
        rows = [row for row, album in graph.release_albums.items() if album == album_id]
        _delete_releases(session, rows)
        _delete_album(session, album_id)
        digests = _delete_work(session, holding)
    return _with_bytes(removal, collect_these(database, store, digests))


def remove_old_builds(database: Database, store: Store, keep: int, *, dry_run: bool = False) -> Removal:
    """Remove the bytes of all builds of every album except its ``keep`` newest and its current one, as far as only
    they need them, and of work that no album needs: files of earlier plans, and results of plans that were replaced.
    The rows stay; a removed build that is requested again is packed again under its old number.

    Raises RefusedError while work on anything to be removed is in progress. With ``dry_run`` nothing is removed.
    """
    if dry_run:
        with database.read() as session:
            graph = read_graph(session)
            builds = old_builds(session, keep)
            holding = _of_releases(graph, builds.all) | superseded(session, graph)
            return _removal(session, graph, holding, builds=builds.kept)
    with database.write(exclusive=True) as session:
        graph = read_graph(session)
        builds = old_builds(session, keep)
        holding = _of_releases(graph, builds.all)
        if leased_work := holding.work & graph.leased:
            raise _under_way("an old build", len(leased_work))
        holding |= superseded(session, graph)
        removal = _removal(session, graph, holding, builds=builds.kept)
        digests = prune(session, holding, builds.kept)
    return _with_bytes(removal, collect_these(database, store, digests))


def bytes_of_old_builds(database: Database, keep: int) -> frozenset[str]:
    """Digests of the artifacts whose bytes :func:`remove_old_builds` would remove."""
    with database.read() as session:
        graph = read_graph(session)
        holding = _of_releases(graph, old_builds(session, keep).all)
        return frozenset(with_bytes_yet(session, holding.artifacts))


def _of_album(graph: Graph, album_id: str) -> Holdings:
    return graph.only_for(graph.names_of_album(album_id), graph.held_by_others(album=album_id))


def _of_releases(graph: Graph, rows: Iterable[int]) -> Holdings:
    row_ids = frozenset(rows)
    return graph.only_for(graph.names_of_releases(row_ids), graph.held_by_others(releases=row_ids))


def _removal(
    session: Session,
    graph: Graph,
    unshared: Holdings,
    *,
    album_id: str | None = None,
    builds: Sequence[int] | None = None,
) -> Removal:
    condition = Release.album_id == album_id if builds is None else Release.id.in_(builds)
    build_rows = session.execute(sa.select(Release.album_id, Release.build).where(condition).order_by(*_IN_ORDER)).all()
    names = graph.names_of_album(album_id) if album_id else graph.names_of_releases(builds or ())
    songs, candidates = _counts(session, album_id) if album_id else (0, 0)
    return Removal(
        albums=(album_id,) if album_id else tuple(dict.fromkeys(row.album_id for row in build_rows)),
        songs=songs,
        candidates=candidates,
        builds=tuple((row.album_id, row.build) for row in build_rows),
        freed=sizes_of(graph, unshared.artifacts),
        shared_bytes=graph.size(graph.held(names).artifacts - unshared.artifacts),
    )


_IN_ORDER = (Release.album_id, Release.build)


def _counts(session: Session, album_id: str) -> tuple[int, int]:
    songs = sa.select(Song.id).where(Song.album_id == album_id)
    count = sa.select(sa.func.count())
    return (
        session.scalar(count.select_from(songs.subquery())) or 0,
        session.scalar(count.select_from(Candidate).where(Candidate.song_id.in_(songs))) or 0,
    )


def _refuse_if_made(session: Session, graph: Graph, unshared: Holdings, album_id: str) -> None:
    """Raises RefusedError while work on anything to be removed is in progress."""
    submission = session.get(Submission, album_id)
    if submission is not None and submission.state in ("active", "paused"):
        state = "is being made" if submission.state == "active" else "is paused"
        raise RefusedError(
            f"{album_id} {state} on work pools", remedy=f"Run `songline cancel {album_id}` first", album=album_id
        )
    if leased_work := unshared.work & graph.leased:
        raise _under_way(album_id, len(leased_work))


def _under_way(target: str, count: int) -> RefusedError:
    pieces_of_work = "a piece of work" if count == 1 else f"{count} pieces of work"
    return RefusedError(
        f"{pieces_of_work} of {target} {'is' if count == 1 else 'are'} under way",
        remedy="Wait until it is done; work of a killed command is free again after a minute",
    )


def _delete_releases(session: Session, rows: Sequence[int]) -> None:
    for batch in chunked(rows):
        session.execute(sa.delete(ReleaseFile).where(ReleaseFile.release_id.in_(batch)))
        session.execute(sa.delete(Release).where(Release.id.in_(batch)))


def _delete_album(session: Session, album_id: str) -> None:
    songs = sa.select(Song.id).where(Song.album_id == album_id)
    candidates = sa.select(Candidate.id).where(Candidate.song_id.in_(songs))
    session.execute(sa.delete(Review).where(Review.candidate_id.in_(candidates)))
    for column in (Decision.song_id, Vote.song_id, Candidate.song_id):
        session.execute(sa.delete(column.class_).where(column.in_(songs)))
    for album in (Song.album_id, Shard.album_id, Submission.album_id):
        session.execute(sa.delete(album.class_).where(album == album_id))
    session.execute(sa.delete(Album).where(Album.id == album_id))


def _delete_work(session: Session, unshared: Holdings) -> list[str]:
    """Delete the rows of work and artifacts; returns the digests whose bytes may be deleted."""
    keys = sorted(unshared.work)
    for batch in chunked(keys):
        session.execute(sa.delete(Score).where(Score.step_key.in_(batch)))
        for table in (Step, Render):
            session.execute(sa.delete(table).where(table.key.in_(batch)))
    for batch in chunked(keys):
        attempts = sa.select(Activity.id).where(Activity.work_key.in_(batch), *_not_referred_to())
        session.execute(sa.delete(ActivityArtifact).where(ActivityArtifact.activity_id.in_(attempts)))
        session.execute(sa.delete(Activity).where(Activity.work_key.in_(batch), *_not_referred_to()))
    digests: list[str] = []
    for batch in chunked(sorted(unshared.artifacts)):
        free_digests = session.scalars(
            sa.select(Artifact.digest).where(Artifact.digest.in_(batch), *_nowhere_named())
        ).all()
        session.execute(sa.delete(Loss).where(Loss.artifact_digest.in_(free_digests)))
        session.execute(sa.delete(Artifact).where(Artifact.digest.in_(free_digests)))
        digests += free_digests
    return digests


def _not_referred_to() -> list[sa.ColumnElement[bool]]:
    """Conditions that keep attempts to which a row outside the removed work refers."""
    columns = (Render.activity_id, Step.activity_id, Score.activity_id, Decision.activity_id, Release.activity_id)
    return [~sa.exists().where(column == Activity.id) for column in columns]


def _nowhere_named() -> list[sa.ColumnElement[bool]]:
    """Conditions that keep artifacts that a row outside the removed work names."""
    columns = (
        ActivityArtifact.artifact_digest,
        ReleaseFile.artifact_digest,
        Render.audio_digest,
        Album.cover_digest,
        Checkpoint.adapter_digest,
        Checkpoint.state_digest,
    )
    return [~sa.exists().where(column == Artifact.digest) for column in columns]


def _with_bytes(removal: Removal, collected: GarbageReport) -> Removal:
    return Removal(
        removal.albums,
        removal.songs,
        removal.candidates,
        removal.builds,
        removal.freed,
        removal.shared_bytes,
        collected,
    )
