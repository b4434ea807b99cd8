"""The origin of a delivered file: the track of a release, its candidate, and the decision that selected it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.digests import Json
from catalog.common.understood import understood
from catalog.recipe import Recipe
from db.session import Database
from db.statements import chunked
from db.tables.album import Album, Candidate, Render, Song, Step
from db.tables.provenance import Activity, ActivityArtifact, Artifact
from db.tables.release import Release, ReleaseFile

COVER = "cover"
"""Role of the album's cover in the pack step."""


@dataclass(frozen=True, slots=True)
class TrackOrigin:
    """One track as it was packed. ``work_keys`` are the keys of the work that made it, ``inputs`` the artifacts that
    were packed, ``build`` is None while the release is being packed; ``is_kept`` is False once the build's files were
    removed from the store."""

    album_id: str
    song: str
    candidate: str
    decision_key: str
    work_keys: frozenset[str]
    inputs: frozenset[str] = frozenset()
    build: int | None = None
    paths: tuple[str, ...] = ()
    is_kept: bool = True

    def release(self) -> dict[str, Json]:
        """The track's place in its release, as JSON."""
        return {
            "album": self.album_id,
            "build": self.build,
            "is_kept": self.is_kept,
            "song": self.song,
            "candidate": self.candidate,
            "paths": list(self.paths),
        }


def origins_of_pack(
    parameters: Mapping[str, Json],
    inputs: Mapping[str, str],
    *,
    build: int | None = None,
    songs: Collection[str] | None = None,
) -> tuple[TrackOrigin, ...]:
    """The tracks of a release, or those of ``songs``, from the request of its pack step."""
    album_id = parameters["album"]["id"]
    digests_by_song: dict[str, set[str]] = {}
    for role, digest in inputs.items():
        song, slash, _ = role.partition("/")
        if slash:
            digests_by_song.setdefault(song, set()).add(digest)
    tracks = [track for track in parameters["tracks"] if songs is None or track["id"] in songs]
    return tuple(_origin(album_id, track, frozenset(digests_by_song.get(track["id"], ())), build) for track in tracks)


def _origin(album_id: str, track: Mapping[str, Json], inputs: frozenset[str], build: int | None) -> TrackOrigin:
    keys = [track[name] for name in ("decision_key", "master_key", "accepted_key", "separated_key", "drawing_key")]
    keys.append(track.get("resampled_key"))
    keys += [Recipe.from_document(track["recipe"]).digest, *(key for _, key in track["examined"])]
    work_keys = frozenset(key for key in keys if key)
    return TrackOrigin(album_id, track["id"], track["winner"], track["decision_key"], work_keys, inputs, build)


def origins_of(
    session: Session, digest: str, *, album_id: str | None = None, candidate: str | None = None
) -> tuple[TrackOrigin, ...]:
    """The tracks that an artifact belongs to: in the release that has the ``candidate`` where that is given, else in
    one release of every album that has it, the album's current one or the newest; none where the artifact was never
    packed, or not with that candidate. Files of no single track (page, cover, documents) belong to all."""
    # A file of the release or an input of it: both are links of the pack step.
    query = (
        sa.select(Activity.work_key, ActivityArtifact.direction, ActivityArtifact.role)
        .join(Activity, Activity.id == ActivityArtifact.activity_id)
        .where(ActivityArtifact.artifact_digest == digest, Activity.kind == "pack", Activity.outcome == "done")
    )
    roles: dict[str, set[tuple[str, str]]] = {}
    for link in session.execute(query):
        roles.setdefault(link.work_key, set()).add((link.direction, link.role))
    origins_by_album: dict[str, tuple[TrackOrigin, ...]] = {}
    for release in _releases(session, list(roles), album_id):
        if candidate is None and release.album_id in origins_by_album:
            continue
        origins = _in_release(session, release, roles[release.step_key])
        if candidate is None:
            origins_by_album[release.album_id] = origins
        elif candidate in {origin.candidate for origin in origins}:
            return origins
    return tuple(origin for origins in origins_by_album.values() for origin in origins)


def origins_of_release(database: Database, step_key: str) -> tuple[tuple[TrackOrigin, ...], list[str]]:
    """The tracks of the release that a pack step made, and the artifacts of its album as a whole (its cover). Raises
    NoResultFound where there is no such release."""
    with database.read() as session:
        release = session.scalars(sa.select(Release).where(Release.step_key == step_key)).one()
        inputs = session.get_one(Step, step_key).inputs
        covers = [digest for role, digest in inputs.items() if role == COVER]
        return _in_release(session, release, set()), covers


def _releases(session: Session, step_keys: list[str], album_id: str | None) -> list[Release]:
    """Releases by their pack step: albums' current ones first, then the newest."""
    query = (
        sa.select(Release, Album.release_key)
        .join(Album, Album.id == Release.album_id)
        .where(Release.step_key.in_(step_keys), *([Release.album_id == album_id] if album_id else []))
        .order_by(Release.created_at.desc(), Release.id.desc())
    )
    rows = session.execute(query).all()
    return [row.Release for row in sorted(rows, key=lambda row: row.release_key != row.Release.step_key)]


def _in_release(session: Session, release: Release, roles: set[tuple[str, str]]) -> tuple[TrackOrigin, ...]:
    step = session.get_one(Step, release.step_key)
    is_kept = step.activity_id is not None
    tracks = {track["song"]: track for track in release.document["tracks"]}
    made_roles = {role for direction, role in roles if direction == "made"}
    song_ids = {role.partition("/")[0] for direction, role in roles if direction == "used" and "/" in role}
    song_ids |= {song for song, track in tracks.items() if not made_roles.isdisjoint(_paths(track))}
    origins = origins_of_pack(step.parameters, step.inputs, build=release.build, songs=song_ids or None)
    return tuple(
        replace(origin, paths=tuple(_paths(tracks.get(origin.song, {}))), is_kept=is_kept) for origin in origins
    )


def _paths(track: Mapping[str, Json]) -> list[str]:
    """Every file of a track in a release's document."""
    files = [*track.get("deliverables", {}).values(), *track.get("stems", {}).values()]
    files += track.get("lead_sheet", {}).values()
    files += [track[name] for name in ("lyrics", "midi", "project") if track.get(name)]
    return [str(file["path"]) for file in files]


@dataclass(frozen=True, slots=True)
class DeliveredFile:
    """A deliverable as it was packed: its path inside the release, and its artifact."""

    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class SameSamples:
    """An audio artifact with certain samples, the ``others`` artifacts that have the same, and the candidates that
    such samples belong to."""

    digest: str
    others: tuple[str, ...]
    candidates: frozenset[str]


def is_artifact(database: Database, digest: str) -> bool:
    """Whether the catalog names these bytes."""
    with database.read() as session:
        return session.get(Artifact, digest) is not None


def is_candidate(database: Database, candidate: str) -> bool:
    """Whether the catalog has this candidate."""
    with database.read() as session:
        return session.get(Candidate, candidate) is not None


@dataclass(frozen=True, slots=True)
class Delivery:
    """The deliverables of a candidate in one build, and the key of their master."""

    build: int
    master_key: str
    files: tuple[DeliveredFile, ...]


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The builds in which a candidate is the winner: that of its album's current release first, then the newest.
    ``unknown`` are builds of its album that the catalog no longer describes, ``audio_digest`` is the rendered audio."""

    known: tuple[Delivery, ...]
    unknown: tuple[int, ...]
    audio_digest: str | None


def deliveries_of(database: Database, candidate: str) -> Deliveries:
    """The builds that a candidate was delivered in, including those whose files were removed."""
    with understood(), database.read() as session:
        facts = session.execute(
            sa.select(Song.album_id, Render.audio_digest)
            .select_from(Candidate)
            .join(Song, Song.id == Candidate.song_id)
            .join(Render, Render.key == Candidate.render_key)
            .where(Candidate.id == candidate)
        ).one()
        release_keys = session.scalars(sa.select(Release.step_key).where(Release.album_id == facts.album_id)).all()
        releases = _releases(session, list(release_keys), facts.album_id)
        deliveries = [delivery for release in releases for delivery in _deliveries(session, release, candidate)]
    builds = {release.build for release in releases}
    unknown_builds = tuple(sorted(set(range(1, max(builds, default=0))) - builds))
    return Deliveries(tuple(deliveries), unknown_builds, facts.audio_digest)


def _deliveries(session: Session, release: Release, candidate: str) -> Iterator[Delivery]:
    masters = {
        track["id"]: str(track["master_key"]) for track in session.get_one(Step, release.step_key).parameters["tracks"]
    }
    for track in release.document["tracks"]:
        if track["winner"]["candidate"] == candidate:
            files = tuple(DeliveredFile(file["path"], file["sha256"]) for file in track["deliverables"].values())
            yield Delivery(release.build, masters.get(track["song"], ""), files)


def with_samples(database: Database, samples: str, *, candidate: str | None) -> SameSamples | None:
    """An artifact with these decoded samples: one of the ``candidate`` first, then one that was delivered, in the
    newest build; None where there is none."""
    with understood(), database.read() as session:
        query = sa.select(Artifact.digest).where(Artifact.sample_digest == samples).order_by(Artifact.created_at)
        digests = session.scalars(query).all()
        if not digests:
            return None
        origins = {digest: origins_of(session, digest, candidate=candidate) for digest in digests}
        render_rows = session.execute(
            sa.select(Render.audio_digest, Candidate.id)
            .join(Candidate, Candidate.render_key == Render.key)
            .where(Render.audio_digest.in_(digests))
        ).all()
    candidates_by_digest = {digest: {origin.candidate for origin in tracks} for digest, tracks in origins.items()}
    for row in render_rows:
        candidates_by_digest[row.audio_digest].add(row.id)
    builds = {digest: max((origin.build or 0 for origin in origins[digest]), default=0) for digest in digests}
    best_digest = min(
        digests,
        key=lambda digest: (candidate not in candidates_by_digest[digest], not origins[digest], -builds[digest]),
    )
    other_digests = tuple(digest for digest in digests if digest != best_digest)
    return SameSamples(
        best_digest, other_digests, frozenset(id_ for ids in candidates_by_digest.values() for id_ in ids)
    )


def undecoded(database: Database, digests: Collection[str]) -> dict[str, str]:
    """The artifacts that are delivered audio whose samples have no digest yet, with the suffix of their files."""
    suffixes: dict[str, str] = {}
    with database.read() as session:
        for batch in chunked(sorted(digests)):
            files = (
                sa.select(Artifact.digest, ReleaseFile.path)
                .join(ReleaseFile, ReleaseFile.artifact_digest == Artifact.digest)
                .where(Artifact.digest.in_(batch), Artifact.sample_digest.is_(None))
                .where(Artifact.media_type.like("audio/%"))
            )
            suffixes.update((row.digest, PurePosixPath(row.path).suffix) for row in session.execute(files))
    return suffixes


def note_samples(database: Database, samples: Mapping[str, str]) -> None:
    """Store the digest of the samples of each artifact."""

    def note(session: Session) -> None:
        for digest, sample_digest in samples.items():
            row = sa.update(Artifact).where(Artifact.digest == digest).values(sample_digest=sample_digest)
            session.execute(row)

    if samples:
        database.transact(note)
