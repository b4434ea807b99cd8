"""The document ``release.json``: the files of a release, how each track was selected, and its measurements."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    Field,
    ValidationError,
    model_validator,
)

from catalog.common.digests import Json, digest_value
from catalog.common.errors import InputError
from catalog.models.used import Agreement, Digest, ModelUsed, Number, StoredPart
from catalog.release.resampled import Resampled
from db.files.regular_file import read_regular

SCHEME = "release/v1"
MAX_DOCUMENT_BYTES = 64 << 20


class ReleasedFile(StoredPart):
    """One file by its path inside the release (forward slashes)."""

    path: str = Field(min_length=1, max_length=1000)
    sha256: Digest
    bytes: int = Field(ge=0)
    media_type: str


class EngineUsed(StoredPart):
    """The engine that rendered a track, with the revision of its behaviour and the models or sounds it used."""

    name: str
    revision: int
    models: tuple[ModelUsed, ...] = ()


class Winner(StoredPart):
    """The selected take, by whom, and a sentence that says why. A retake names its parent candidate and the passage
    (start and end in seconds) that it renders again."""

    candidate: str
    seed: int
    parent: str | None = None
    passage_s: tuple[Number, Number] | None = None
    chosen_by: Literal["policy", "person"] = "policy"
    sentence: str


class Targets(StoredPart):
    """Mastering targets."""

    profile: str
    mode: Literal["tracks", "album"]
    integrated_lufs: Number
    true_peak_dbtp: Number


class Readings(StoredPart):
    """Measurements of the written master. None where a value cannot be measured; ``stopped_by`` names the limit that
    applied."""

    integrated_lufs: Number | None
    true_peak_dbtp: Number | None
    loudness_range_lu: Number | None = None
    gain_db: Number | None = None
    stopped_by: str | None = None


class Check(StoredPart):
    """One check of a finished file, its measurement and whether the manifest waives it. ``file`` is ``master`` or the
    deliverable that was measured."""

    file: str
    check: str
    verdict: Literal["pass", "warn", "fail"]
    value: Number | None
    limit: Number | None
    unit: str
    sentence: str
    waived: bool = False


class Credit(StoredPart):
    """A contributor to a song, and the role."""

    role: str
    name: str


class Separation(StoredPart):
    """The separation of the stems: ``null_dbfs`` is the largest sample of the mix minus all stems, ``residual_db``
    the part of the mix that the model alone leaves out, ``common_gain_db`` the one gain applied to all stems."""

    model: str
    null_dbfs: Number
    residual_db: Number | None = None
    common_gain_db: Number = 0.0


class ReleasedTrack(StoredPart):
    """One song of a release. ``deliverables`` and ``stems`` are mapped by name; ``head_s`` is the silence that was
    cut before its first sound, so that the lyrics' stamps are that much earlier than the manifest's. ``resampled`` is
    given where the engine's rate is not the release's; it holds for the master and everything made from it, and for
    the stems. ``lead_sheet`` is the written one by its form (``musicxml``, ``svg``), ``project`` that of a workstation;
    both have the times of the stems."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"explicit", "credits", "gap_s", "head_s", "checks", "separation", "enhanced_by", "unused", "title_language"}
        | {"resampled", "lead_sheet", "project"}
    )

    position: int = Field(ge=1)
    song: str
    title: str
    artist: str
    duration_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    language: str | None = None
    isrc: str | None = None
    writers: tuple[str, ...] = ()
    engine: EngineUsed
    winner: Winner
    targets: Targets
    readings: Readings
    master_sha256: Digest
    deliverables: Mapping[str, ReleasedFile]
    stems: Mapping[str, ReleasedFile] = Field(default_factory=dict)
    lyrics: ReleasedFile | None = None
    midi: ReleasedFile | None = None
    explicit: bool | None = None
    credits: tuple[Credit, ...] = ()
    gap_s: Number = 0.0
    head_s: Number = 0.0
    checks: tuple[Check, ...] = ()
    separation: Separation | None = None
    enhanced_by: str | None = None
    unused: tuple[str, ...] = Field(default=(), description="what the manifest states and the engine did not use")
    resampled: Resampled | None = None
    title_language: str | None = Field(default=None, description="of the title, as a BCP 47 tag, where it is stated")
    lead_sheet: Mapping[str, ReleasedFile] = Field(default_factory=dict)
    project: ReleasedFile | None = None

    @property
    def files(self) -> tuple[ReleasedFile, ...]:
        """Every file of the track."""
        track_files = (self.lyrics, self.midi, *self.lead_sheet.values(), self.project)
        return (*self.deliverables.values(), *self.stems.values(), *(file for file in track_files if file is not None))

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the files."""
        return tuple(file.path for file in self.files)


class PolicyUsed(StoredPart):
    """The policy that selected the winners: the manifest's own, or one applied over it from a ``file``, by whom and
    when (ISO 8601, UTC), where that was stored."""

    later: ClassVar[frozenset[str]] = frozenset({"file", "by", "at"})

    digest: Digest
    source: Literal["manifest", "applied"]
    file: str | None = None
    by: str | None = None
    at: str | None = None


class ReleasedAlbum(StoredPart):
    """The data of the album as a whole."""

    later: ClassVar[frozenset[str]] = frozenset({"upc", "label", "policy"})

    id: str
    title: str
    artist: str
    year: int | None = None
    genre: str | None = None
    commercial: bool = False
    licences: tuple[Agreement, ...] = ()
    disclosure: str = Field(description="that a model made this music, and which")
    cover: ReleasedFile | None = None
    upc: str | None = None
    label: str | None = None
    policy: PolicyUsed | None = None


class ReleaseDocument(StoredPart):
    """All of ``release.json``. Create it with :meth:`sealed`; a document whose digest does not match is rejected."""

    schema_version: Literal[1] = 1
    songline_version: str
    build: int = Field(ge=1)
    digest: Digest
    album: ReleasedAlbum
    tracks: tuple[ReleasedTrack, ...]
    files: tuple[ReleasedFile, ...] = Field(default=(), description="files of the album as a whole, cover apart")

    @classmethod
    def sealed(
        cls,
        *,
        songline_version: str,
        build: int,
        album: ReleasedAlbum,
        tracks: Sequence[ReleasedTrack],
        files: Sequence[ReleasedFile] = (),
    ) -> Self:
        """The document with its digest, tracks ordered by position and files ordered by path."""
        ordered_tracks = tuple(sorted(tracks, key=lambda track: track.position))
        ordered_files = tuple(sorted(files, key=lambda file: file.path))
        return cls(
            songline_version=songline_version,
            build=build,
            digest=release_digest(album, ordered_tracks, ordered_files),
            album=album,
            tracks=ordered_tracks,
            files=ordered_files,
        )

    @model_validator(mode="after")
    def _is_what_it_says(self) -> Self:
        if self.digest != release_digest(self.album, self.tracks, self.files):
            raise ValueError("the digest does not fit what the document holds")
        paths = [file.path for file in self.all_files]
        if len(set(paths)) < len(paths):
            raise ValueError("two files have one path")
        return self

    @property
    def all_files(self) -> tuple[ReleasedFile, ...]:
        """Every file that the document names: the album's, then each track's."""
        files = [*([self.album.cover] if self.album.cover else []), *self.files]
        for track in self.tracks:
            files += track.files
        return tuple(files)

    def to_json(self) -> bytes:
        """The bytes of ``release.json``: human-readable, and the same for the same document."""
        text = json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=2, allow_nan=False)
        return text.encode() + b"\n"

    @classmethod
    def read(cls, path: Path) -> Self:
        """The document in a file. Raises InputError where it cannot be read or was edited."""
        try:
            return cls.model_validate_json(read_regular(path, max_bytes=MAX_DOCUMENT_BYTES))
        except OSError as fault:
            raise InputError(f"{path} cannot be read ({fault.strerror})", remedy="Check the path") from fault
        except ValidationError as fault:
            detail = fault.errors()[0]
            location = ".".join(map(str, detail["loc"])) or "the document"
            remedy = "Export the release again"
            raise InputError(f"{path} is no release document: {location}: {detail['msg']}", remedy=remedy) from fault


def release_digest(album: ReleasedAlbum, tracks: Sequence[ReleasedTrack], files: Sequence[ReleasedFile]) -> str:
    """Hex SHA-256 of the content alone: it excludes the build number, Songline's version and all times."""
    content: dict[str, Json] = {
        "album": album.model_dump(mode="json"),
        "tracks": [track.model_dump(mode="json") for track in tracks],
        "files": [file.model_dump(mode="json") for file in files],
    }
    return digest_value(SCHEME, content)
