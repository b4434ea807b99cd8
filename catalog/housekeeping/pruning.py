"""Prunes albums: drops the audio of candidates that are not kept, and what was made from only them.

Rows, recipes, scores, decisions, latents, lead sheets and MIDI stay, so that a song can be decided again, and
``songline rerun`` brings a candidate back. A pruned artifact has ``pruned_at``, and its render stays rendered: a plan
does not make it again. Rows are marked in one transaction that excludes every other writer, and bytes are deleted
after it; what a killed prune leaves is garbage that ``songline gc`` removes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from catalog.common.errors import RefusedError
from catalog.housekeeping.artifact_kinds import Sizes, sizes_of
from catalog.housekeeping.holdings import TRAINING_KINDS, read_graph
from catalog.housekeeping.kept_takes import KeepRule, kept_takes, takes_of
from catalog.ledger.states import redo
from catalog.plan.queries import require_album
from catalog.store.base import Store
from catalog.store.gc import GarbageReport, collect_these
from db.session import Database
from db.statements import chunked
from db.tables.album import Render, Step
from db.tables.base import database_now
from db.tables.provenance import Activity, ActivityArtifact, Artifact
from db.tables.release import ReleaseFile

_DIGEST = re.compile(r'"([0-9a-f]{64})"')
_UNFINISHED = ("planned", "leased")


@dataclass(frozen=True, slots=True)
class Prune:
    """The contents of a prune: ids of the ``dropped`` candidates, the number of those that keep their audio, and the
    bytes by kind. ``shared`` are candidates that would go and stay, since another album or a kept file needs them.
    ``collected`` is the result of deleting the bytes, None where nothing was removed."""

    albums: tuple[str, ...]
    dropped: tuple[str, ...]
    kept: int
    shared: tuple[str, ...]
    artifacts: tuple[str, ...]
    freed: Sizes
    collected: GarbageReport | None = None


def plan_prune(database: Database, album_ids: Sequence[str], rule: KeepRule) -> Prune:
    """The prune that :func:`prune_albums` would make. Raises InputError for an unknown album."""
    _require(database, album_ids)
    with database.read() as session:
        return _planned(session, album_ids, rule)[0]


def prune_albums(database: Database, store: Store, album_ids: Sequence[str], rule: KeepRule) -> Prune:
    """Drop the audio of the albums' candidates that the rule does not keep, as far as nothing kept needs it.

    Steps that made dropped files are planned again, so that they are made where a take becomes the winner
    after it was brought back. Raises InputError for an unknown album, RefusedError while work that uses the dropped
    audio is in progress.
    """
    _require(database, album_ids)
    with database.write(exclusive=True) as session:
        prune, remade = _planned(session, album_ids, rule)
        _refuse_used(session, prune.artifacts)
        for batch in chunked(prune.artifacts):
            session.execute(sa.update(Artifact).where(Artifact.digest.in_(batch)).values(pruned_at=database_now()))
        redo(session, remade)
    return replace(prune, collected=collect_these(database, store, prune.artifacts))


def _require(database: Database, album_ids: Sequence[str]) -> None:
    for album_id in album_ids:
        require_album(database, album_id)


def _planned(session: Session, album_ids: Sequence[str], rule: KeepRule) -> tuple[Prune, frozenset[str]]:
    """The prune, and the keys of the steps whose products it drops."""
    takes = takes_of(session)
    links = _Links(session)
    offered = [take for take in takes if take.album in album_ids]
    kept = kept_takes(session, offered, rule)
    others = {take.render_key for take in takes if take.album not in album_ids}
    needed_keys = others | {take.render_key for take in offered if take.id in kept}
    unwanted = [take for take in offered if take.id not in kept and links.audio_of(take.render_key)]
    protected = _protected(session, links, needed_keys)
    renders = {take.render_key for take in unwanted} - needed_keys
    dropped_audio, remade = links.only_from(renders, protected)
    dropped = tuple(take.id for take in unwanted if links.audio_of(take.render_key) <= dropped_audio)
    shared = tuple(take.id for take in unwanted if take.id not in dropped)
    artifacts = tuple(sorted(dropped_audio))
    count_kept = sum(1 for take in offered if take.id in kept and links.audio_of(take.render_key))
    return Prune(
        tuple(album_ids), dropped, count_kept, shared, artifacts, sizes_of(read_graph(session), artifacts)
    ), remade


def _protected(session: Session, links: _Links, needed_renders: Collection[str]) -> frozenset[str]:
    """Artifacts that stay: those of kept renders, of all releases and of trainings, with everything that these were
    made from, and what unfinished renders (of retakes) name."""
    names = set(session.scalars(sa.select(ReleaseFile.artifact_digest)))
    names.update(digest for key in needed_renders for digest in links.products(key))
    trained = session.scalars(sa.select(Activity.work_key).where(Activity.kind.in_(TRAINING_KINDS)))
    names.update(digest for key in trained for digest in links.used(key))
    unfinished = sa.select(sa.cast(Render.recipe, sa.Text())).where(Render.state.in_(_UNFINISHED))
    names.update(digest for recipe in session.scalars(unfinished) for digest in _DIGEST.findall(recipe))
    return links.with_ancestors(names)


def _refuse_used(session: Session, artifacts: Sequence[str]) -> None:
    """Raise RefusedError where work in progress uses one of the artifacts."""
    used: set[str] = set()
    document: InstrumentedAttribute[dict[str, Any]]
    for table, document in ((Step, Step.inputs), (Render, Render.recipe)):
        rows = session.scalars(sa.select(sa.cast(document, sa.Text())).where(table.is_alive()))
        used.update(digest for text in rows for digest in _DIGEST.findall(text))
    if not used.isdisjoint(artifacts):
        raise RefusedError(
            "work that uses the audio to be pruned is in progress",
            remedy="Wait until it is done; work of a killed command is free again after a minute",
        )


class _Links:
    """Which finished work used and made which artifacts, and which of these are audio whose bytes are there."""

    def __init__(self, session: Session) -> None:
        self._audio = frozenset(
            session.scalars(
                sa.select(Artifact.digest).where(Artifact.media_type.startswith("audio/"), Artifact.pruned_at.is_(None))
            )
        )
        self._used: dict[str, set[str]] = {}
        self._products: dict[str, set[str]] = {}
        self._makers: dict[str, set[str]] = {}
        rows = session.execute(
            sa.select(Activity.work_key, ActivityArtifact.direction, ActivityArtifact.artifact_digest).join(
                ActivityArtifact, ActivityArtifact.activity_id == Activity.id
            )
        ).tuples()
        for key, direction, digest in rows:
            if direction == "made":
                self._products.setdefault(key, set()).add(digest)
                self._makers.setdefault(digest, set()).add(key)
            else:
                self._used.setdefault(key, set()).add(digest)

    def products(self, key: str) -> Collection[str]:
        """Everything that a piece of work made."""
        return self._products.get(key, set())

    def used(self, key: str) -> Collection[str]:
        """Everything that a piece of work used."""
        return self._used.get(key, set())

    def audio_of(self, key: str) -> frozenset[str]:
        """The audio that a piece of work made and that is there."""
        return self._audio.intersection(self.products(key))

    def with_ancestors(self, digests: Iterable[str]) -> frozenset[str]:
        """The artifacts and everything that they were made from."""
        seen: set[str] = set()
        queue = list(digests)
        while queue:
            digest = queue.pop()
            if digest not in seen:
                seen.add(digest)
                queue.extend(used for key in self._makers.get(digest, ()) for used in self.used(key))
        return frozenset(seen)

    def only_from(self, renders: Collection[str], protected: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
        """The audio that only these renders made, with the audio that later work made from nothing else but files
        from outside, both without what is ``protected``; and the keys of that later work."""
        work = set(renders)
        steps: set[str] = set()
        audio = self._made_by_only(work) - protected
        while new_steps := {key for key in self._used if key not in work and self._is_from(key, audio)}:
            steps |= new_steps
            work |= new_steps
            audio = self._made_by_only(work) - protected
        return audio, frozenset(key for key in steps if not audio.isdisjoint(self.products(key)))

    def _made_by_only(self, work: Collection[str]) -> frozenset[str]:
        keys = frozenset(work)
        return frozenset(digest for key in keys for digest in self.audio_of(key) if self._makers[digest] <= keys)

    def _is_from(self, key: str, audio: Collection[str]) -> bool:
        """Whether work used some of the audio, and nothing else that was made here."""
        made_here = [digest for digest in self.used(key) if digest in self._makers]
        return any(digest in audio for digest in made_here) and all(digest in audio for digest in made_here)
