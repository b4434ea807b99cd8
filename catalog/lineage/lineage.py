"""Traces any bytes back to their origin: every activity and artifact on the path, and the songs they belong to.

Bytes alone do not identify a song: two recipes may sound the same, and two albums may share one render. So the trace
starts at the track of a release and its decision where there is one; songs that only share the bytes are listed as
such.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.digests import Json
from catalog.common.errors import InputError
from catalog.common.understood import understood
from catalog.lineage.provenance_tree import Node, activities, node_of, prov_json
from catalog.lineage.songs import SongFacts, candidates_of, decision_for, song_facts
from catalog.lineage.track_origins import TrackOrigin, origins_of
from catalog.models.used import ModelUsed
from catalog.recipe import Recipe
from db.session import Database
from db.statements import starts_with
from db.tables.album import Candidate, Render
from db.tables.provenance import ActivityArtifact, Artifact

__all__ = ["Lineage", "ModelsOf", "Node", "activities", "prov_json", "trace", "trace_all"]

ModelsOf = Callable[[Recipe, Collection[str]], Sequence[ModelUsed]]
"""Maps a recipe and the names of scorers and separation models used on it to the models that took part."""

ITSELF, SAME_RECIPE, SAME_BYTES, SOURCE = "itself", "same recipe", "same bytes", "source"
"""The relation of a song to the file: it is of that song; the song was offered the same render; another render made
the same bytes; or it is a take that this one was made from."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """The tree of one artifact, the songs it belongs to, and after them those that share its audio; ``origins`` are
    the tracks of the release at which the trace starts."""

    root: Node
    role: str | None
    songs: tuple[Mapping[str, Json], ...]
    origins: tuple[TrackOrigin, ...] = ()

    @property
    def albums(self) -> tuple[str, ...]:
        """The albums whose releases contain it: where there are several, a copy cannot be assigned to one of them."""
        return tuple(dict.fromkeys(origin.album_id for origin in self.origins))

    @property
    def own(self) -> tuple[Mapping[str, Json], ...]:
        """The songs that the artifact belongs to."""
        return tuple(song for song in self.songs if song["relation"] == ITSELF)

    def document(self) -> dict[str, Json]:
        """The lineage as JSON: the songs with recipe, scores and decision, then every activity, newest first."""
        first_song = self.songs[0] if self.songs else {}
        return {
            "artifact": dict(self.root.artifact),
            "role": self.role,
            "releases": [origin.release() for origin in self.origins],
            **{name: first_song.get(name) for name in ("album", "song", "prompt", "lyrics_digest", "recipe", "engine")},
            "models": first_song.get("models", []),
            "licences": first_song.get("licences", []),
            "scores": first_song.get("scores", {}),
            "decision": first_song.get("decision"),
            "songs": [dict(song) for song in self.songs],
            "albums": list(self.albums),
            "activities": [dict(activity) for activity in activities(self.root)],
        }


def trace(
    database: Database,
    digest: str,
    *,
    models_of: ModelsOf,
    album_id: str | None = None,
    candidate: str | None = None,
    alike: Sequence[str] = (),
    is_build_known: bool = True,
) -> Lineage:
    """The lineage of an artifact by digest or unambiguous prefix. ``models_of`` gives the models that a recipe used,
    ``album_id`` restricts it to one album where several share a render, ``candidate`` is the one in a file's tags,
    ``alike`` are other artifacts that the file may be a copy of. Without ``is_build_known`` the trace starts at no
    release. Raises InputError where there is no such artifact."""
    with understood(), database.read() as session:
        artifact = _find(session, digest)
        origins: tuple[TrackOrigin, ...] = ()
        if is_build_known:
            origins = _origins(session, [artifact.digest, *alike], album_id, candidate)
        work_keys = [*(key for origin in origins for key in origin.work_keys), *_render_keys(session, candidate)]
        root = node_of(session, artifact.digest, {}, frozenset(work_keys))
        decision_keys: dict[str, str | None] = {origin.candidate: origin.decision_key for origin in origins}
        candidates = [*_tagged(root), *([candidate] if candidate else [])]
        decision_keys = {**dict.fromkeys(candidates), **decision_keys}
        songs = _Songs(session, models_of, album_id, separators=_separators(activities(root)))
        role = session.scalar(
            sa.select(ActivityArtifact.role)
            .where(ActivityArtifact.artifact_digest == artifact.digest, ActivityArtifact.direction == "made")
            .order_by(ActivityArtifact.role)
            .limit(1)
        )
        return Lineage(root, role, tuple(songs.of(activities(root), decision_keys)), origins)


def trace_all(
    database: Database,
    files: Mapping[str, str],
    *,
    models_of: ModelsOf,
    album_id: str,
    tracks: Sequence[TrackOrigin],
    album_inputs: Collection[str] = (),
) -> dict[str, Json]:
    """The lineage of all files of a release, by path and digest, from its ``tracks`` and the artifacts of the album
    as a whole: every song and activity is listed once, the songs of the tracks first. Files that packing itself
    writes start at the release; other work that made the same bytes earlier is unrelated to it."""
    all_activities: dict[str, Mapping[str, Json]] = {}
    songs_by_candidate: dict[str, dict[str, Json]] = {}
    with understood(), database.read() as session:
        for track in tracks:
            nodes: dict[str, Node] = {}
            for digest in sorted(track.inputs):
                node_of(session, digest, nodes, track.work_keys)
            track_activities = _of_nodes(nodes.values())
            all_activities |= track_activities
            songs = _Songs(session, models_of, album_id, separators=_separators(track_activities.values()))
            for song in songs.of(list(track_activities.values()), {track.candidate: track.decision_key}):
                is_own = song["relation"] == ITSELF
                paths = {"paths": list(track.paths)} if is_own else {}
                if is_own or song["candidate"] not in songs_by_candidate:
                    songs_by_candidate[str(song["candidate"])] = {**song, **paths}
        album_nodes: dict[str, Node] = {}
        for digest in sorted(album_inputs):
            node_of(session, digest, album_nodes)
        all_activities |= _of_nodes(album_nodes.values())
    return {
        "files": dict(files),
        "songs": sorted(songs_by_candidate.values(), key=lambda song: song["relation"] != ITSELF),
        "activities": [
            dict(all_activities[id_])
            for id_ in sorted(all_activities, key=lambda id_: float(all_activities[id_]["started_at"]))
        ],
    }


def _of_nodes(nodes: Iterable[Node]) -> dict[str, Mapping[str, Json]]:
    """The activities of nodes, by id."""
    return {str(node.activity["id"]): node.activity for node in nodes if node.activity}


@dataclass(frozen=True, slots=True)
class _Songs:
    """Finds the songs behind activities: first those that a file belongs to, then those that share its audio."""

    session: Session
    models_of: ModelsOf
    album_id: str | None
    separators: Sequence[str]

    def of(self, done: Sequence[Mapping[str, Json]], own: Mapping[str, str | None]) -> list[dict[str, Json]]:
        """``own`` maps the candidates that the file is known to belong to to the keys of their decisions, None where
        the newest counts; where ``own`` is empty, all candidates of its render are returned."""
        render_keys = list(
            dict.fromkeys(str(activity["work_key"]) for activity in done if activity["kind"] == "render")
        )
        songs = list(self._found(render_keys, own))
        return sorted(songs, key=lambda song: _RELATIONS.index(song["relation"]))

    def _found(self, rendered: Sequence[str], own: Mapping[str, str | None]) -> Iterator[dict[str, Json]]:
        facts_by_key = {key: candidates_of(self.session, key, self.album_id) for key in rendered}
        named_keys = {key for key, facts in facts_by_key.items() if any(entry.candidate.id in own for entry in facts)}
        own_keys = named_keys or set(rendered[:1])
        for key, facts in facts_by_key.items():
            for entry in facts:
                is_own = entry.candidate.id in own or not named_keys
                if key not in own_keys:
                    yield self._song(entry, SOURCE, None)
                elif is_own:
                    yield self._song(entry, ITSELF, own.get(entry.candidate.id))
                else:
                    yield self._song(entry, SAME_RECIPE, None)
        for key in self._sounding_alike(own_keys, except_ids=rendered):
            for entry in candidates_of(self.session, key, self.album_id):
                is_own = entry.candidate.id in own
                yield self._song(entry, ITSELF if is_own else SAME_BYTES, own.get(entry.candidate.id))

    def _song(self, facts: SongFacts, relation: str, decision_key: str | None) -> dict[str, Json]:
        decision = decision_for(self.session, facts.candidate, decision_key)
        document = song_facts(self.session, facts, decision)
        judges = dict.fromkeys(str(score["scorer"]) for score in document["scores"].values() if "scorer" in score)
        models = self.models_of(Recipe.from_document(facts.render.recipe), [*judges, *self.separators])
        return {**document, "models": [model.model_dump(mode="json") for model in models], "relation": relation}

    def _sounding_alike(self, keys: Collection[str], *, except_ids: Collection[str]) -> Sequence[str]:
        """Other renders that made the same bytes as these."""
        audio = sa.select(Render.audio_digest).where(Render.key.in_(keys), Render.audio_digest.is_not(None))
        query = sa.select(Render.key).where(Render.audio_digest.in_(audio), Render.key.not_in(except_ids))
        return self.session.scalars(query.order_by(Render.key)).all()


_RELATIONS = (ITSELF, SAME_RECIPE, SAME_BYTES, SOURCE)


def _origins(
    session: Session, digests: Sequence[str], album_id: str | None, candidate: str | None
) -> tuple[TrackOrigin, ...]:
    """The tracks of all these artifacts, each once; for an album that has them in several builds, the newest."""
    origins_by_track: dict[tuple[str, str], TrackOrigin] = {}
    newest_builds: dict[str, int] = {}
    for digest in digests:
        for origin in origins_of(session, digest, album_id=album_id, candidate=candidate):
            origins_by_track.setdefault((origin.album_id, origin.candidate), origin)
            newest_builds[origin.album_id] = max(newest_builds.get(origin.album_id, 0), origin.build or 0)
    return tuple(
        origin for origin in origins_by_track.values() if (origin.build or 0) == newest_builds[origin.album_id]
    )


def _render_keys(session: Session, candidate: str | None) -> list[str]:
    if candidate is None:
        return []
    return list(session.scalars(sa.select(Candidate.render_key).where(Candidate.id == candidate)))


def _separators(done: Iterable[Mapping[str, Json]]) -> list[str]:
    """The separation models that were used on a song."""
    return [str(activity["parameters"]["model"]) for activity in done if activity["kind"] == "demix"]


def _tagged(root: Node) -> list[str]:
    """Candidates that a delivered file names in its own tags: it was made for them."""
    tags = (activity["parameters"].get("tags", {}) for activity in activities(root) if activity["kind"] == "encode")
    return [str(tag["candidate"]) for tag in tags if tag.get("candidate")]


def _find(session: Session, digest: str) -> Artifact:
    rows = session.scalars(sa.select(Artifact).where(starts_with(Artifact.digest, digest.lower())).limit(2)).all()
    if len(rows) == 1:
        return rows[0]
    if rows:
        raise InputError(f"{digest!r} fits several artifacts", remedy="Give more of the digest")
    raise InputError(
        f"nothing in the catalog has the digest {digest[:16]}",
        remedy="Give a file that Songline delivered from this catalog, or a digest from its release.json",
    )
