"""The schema of a manifest file: field names, types and bounds, and the JSON Schema with which editors check it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from catalog.album.album import NATIVE_STEMS, NONE, Song
from catalog.album.cover.cover import Cover
from catalog.album.mastering import MasteringSpec
from catalog.album.notices import Notice
from catalog.album.tempo_and_key import MAX_BPM, MIN_BPM
from catalog.album.waivers import MASTER, waiver
from catalog.common.digests import Json
from catalog.manifest.fields import FilePath, Id, Isrc, Key, Language, Length, Name, Pause, Prompt, Seed, Upc
from catalog.selection.decide import DEFAULT_FAMILIES, Policy
from catalog.selection.metrics import MetricSpec

MAX_SEEDS = 1024
MAX_SONGS = 2000
MAX_LYRICS_CHARACTERS = 64 * 1024
MAX_CANDIDATES = 20_000
"""Per album, unless the setting `SONGLINE_MAX_CANDIDATES` is set: a plan of this size is fast."""

DEFAULT_LENGTH_S = 95.0
DEFAULT_SEEDS = (42, 43, 44, 45)
DEFAULT_DELIVERABLES = ("wav24", "flac24", "mp3_320")


class FileModel(BaseModel):
    """Base of all parts of a manifest: no unknown fields, no coercion, no change after reading."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class SeedRange(FileModel):
    """Consecutive seeds."""

    start: Seed = Field(description="The first seed.")
    count: int = Field(ge=1, le=MAX_SEEDS, description="How many, counting up.")


def _seeds_form(value: Any) -> str:
    return "(range)" if isinstance(value, Mapping | SeedRange) else "(list)"


SeedList = Annotated[list[Seed], Field(min_length=1, max_length=MAX_SEEDS)]
Seeds = Annotated[
    Annotated[SeedList, Tag("(list)")] | Annotated[SeedRange, Tag("(range)")],
    Discriminator(_seeds_form),
]


Deliverables = Annotated[list[str], Field(min_length=1, max_length=20)]


class AlbumFile(FileModel):
    """What the album is."""

    id: Id | None = Field(None, description="The album's identity; left out: made from the title.")
    title: Name = Field(description="The album's title.")
    artist: Name = Field(description="Who it is by.")
    year: int | None = Field(None, ge=1900, le=2100, description="Year of release.")
    genre: Name | None = Field(None, description="Genre, as players show it.")
    cover: FilePath | None = Field(None, description="JPEG or PNG, relative to this file.")
    upc: Upc | None = Field(None, description="UPC or EAN of the release: 12 or 13 digits, in quotes.")
    label: Name | None = Field(None, description="The label that releases it.")


class _Choices(FileModel):
    engine: str | None = Field(None, description="What renders the candidates.")
    length_s: Length | None = Field(
        None,
        description="Length of the song in seconds; where neither the song nor the defaults say it: 95. "
        "diffrhythm makes whole seconds from 95 to 285, acestep whole seconds.",
    )
    language: Language | None = Field(
        None, description="Language of the lyrics; where neither the song nor the defaults say it: en."
    )
    seeds: Seeds | None = Field(
        None,
        description="One candidate each: [7, 11, 19], or {start: 42, count: 4}, which is taken where neither the song "
        "nor the defaults say it.",
    )
    settings: dict[str, Json] = Field(default_factory=dict, description="The engine's own settings.")


class DefaultsFile(_Choices):
    """What every song takes unless it says otherwise; ``settings`` reach the songs that use the same engine."""


class CreditFile(FileModel):
    """Somebody who had a part in a song."""

    name: Name = Field(description="Who.")
    role: Name = Field(description="As what: producer, vocals, mixing engineer …")


class SongFile(_Choices):
    """One song; it needs a prompt, a reference or a style vector, or several of them."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": [name]} for name in ("prompt", "reference", "style")]}
    )

    id: Id | None = Field(None, description="The song's identity; left out: made from the title.")
    title: Name = Field(description="The song's title.")
    title_language: Language | None = Field(None, description="Language of the title (BCP 47), as shops ask for it.")
    lyrics: Annotated[str, Field(min_length=1, max_length=MAX_LYRICS_CHARACTERS)] | None = Field(
        None,
        description="One line: path of an LRC file; more: the LRC itself. Left out: a song without words.",
    )
    instrumental: bool | None = Field(None, description="true: a song without words; `lyrics` is then left out.")
    prompt: Prompt | None = Field(None, description="Style in words: genre, tempo, key, instruments, voice, mood.")
    reference: FilePath | None = Field(None, description="Audio that sets the style, relative to this file.")
    style: FilePath | None = Field(
        None, description="Style vector (.npy, 512 numbers) in place of the prompt, relative to this file."
    )
    bpm: float | None = Field(None, ge=MIN_BPM, le=MAX_BPM, description="Tempo in beats per minute; also scored.")
    key: Key | None = Field(None, description="Key such as 'A minor' or 'Bb major'; also scored.")
    writers: list[Name] = Field(default_factory=list, max_length=50, description="Who wrote it.")
    isrc: Isrc | None = Field(None, description="International recording code.")
    explicit: bool | None = Field(None, description="Whether its words are explicit; left out: not said.")
    credits: list[CreditFile] = Field(default_factory=list, max_length=100, description="Who else had a part in it.")
    fade_out_s: Pause | None = Field(None, description="Length of a fade at its end, in seconds.")
    gap_s: Pause | None = Field(None, description="Silence before the next song, as the cue sheet gives it.")
    deliverables: Deliverables | None = Field(
        None, description="The kinds of files to make of this song, in place of the album's."
    )


class LicenceFile(FileModel):
    """A licence that was obtained apart for one model; it lifts what the model's own licence forbids."""

    model: Name = Field(description="The model's name, as `songline models list` gives it.")
    agreement: Name = Field(description="What was agreed, with whom: shown in the lineage of every release.")


class WavFile(FileModel):
    """What delivered WAV files hold; some distributors refuse any chunk but the format and the samples."""

    tags: Literal["all", "none"] = Field(
        "all", description="all: loudness (bext), LIST INFO and ID3; none: the format and the samples, nothing else."
    )


class ManifestFile(FileModel):
    """An album, declared: its songs, how candidates are chosen, and what is delivered."""

    schema_version: Literal[1] = Field(description="Version of this format.")
    album: AlbumFile = Field(description="The album's title, artist, cover and codes.")
    commercial: bool = Field(False, description="true: refused while any model that made it forbids that.")
    licences: list[LicenceFile] = Field(
        default_factory=list, max_length=50, description="Licences obtained apart, for `commercial: true`."
    )
    reference_check: Literal["warn", "refuse"] = Field(
        "warn", description="What to do where a reference is short, clipped, mono or was lossy once."
    )
    release: Literal["all", "partial"] = Field(
        "all", description="all: every song must have a winner; partial: release those that have one."
    )
    defaults: DefaultsFile = Field(DefaultsFile(), description="What every song takes unless it says otherwise.")
    songs: list[SongFile] = Field(min_length=1, max_length=MAX_SONGS, description="The songs in their order.")
    selection: Policy = Field(default_factory=Policy, description="How the winner of each song is chosen.")
    mastering: MasteringSpec = Field(default_factory=MasteringSpec, description="How the winners are mastered.")
    enhance: str = Field(NONE, description="none, or what the winners go through before they are mastered.")
    stems: str = Field(NONE, description="none, native (the engine's own parts) or a separation model's name.")
    two_stems: Literal["vocals", "drums", "bass", "other"] | None = Field(
        None, description="Only this part and all the rest, where a separation model makes the stems."
    )
    deliverables: Deliverables = Field(list(DEFAULT_DELIVERABLES), description="The kinds of files to make.")
    wav: WavFile = Field(WavFile(), description="What WAV files hold beside their sound.")


def _no_remarks(song: Song, manifest: ManifestFile) -> Sequence[Notice]:
    return ()


def is_plain_sound(_path: Path) -> bool:
    """Default for an installation without this check: ffmpeg is never needed."""
    return False


def accept_reference(path: Path, digest: str) -> None:
    """Default: accepts every mastering reference."""


def no_cover_remarks(cover: Cover) -> Sequence[str]:
    """Default: no remarks about a cover."""
    return ()


@dataclass(frozen=True)
class Vocabulary:
    """The names that plug-ins define: the valid values of a manifest on this installation."""

    engines: Mapping[str, type[BaseModel]]
    metrics: Mapping[str, MetricSpec]
    deliverables: frozenset[str]
    stem_models: frozenset[str]
    default_engine: str
    max_candidates: int = MAX_CANDIDATES
    """Maximum number of candidates per album."""
    enhancers: frozenset[str] = frozenset()
    voiced: frozenset[str] = frozenset()
    """Deliverables that need a vocal stem."""
    stemless: frozenset[str] = frozenset()
    """Engines without native stems."""
    checks: frozenset[str] = frozenset()
    """Checks of a finished file, which can be waived."""
    cover_remarks: Callable[[Cover], Sequence[str]] = no_cover_remarks
    hear_reference: Callable[[Path, str], None] = accept_reference
    """Raises a SonglineError where a track, given with its digest, cannot be a mastering reference."""
    needs_ffmpeg: Callable[[Path], bool] = is_plain_sound
    """Whether only ffmpeg can decode an audio file, by its first bytes."""
    notices: Callable[[Song, ManifestFile], Sequence[Notice]] = _no_remarks
    """Remarks of plug-ins about a song without faults."""

    @property
    def weighable(self) -> list[str]:
        """Metrics that have a better direction."""
        return sorted(name for name, spec in self.metrics.items() if spec.direction != "none")

    @property
    def waivable(self) -> list[str]:
        """Valid values of ``mastering.waive``: a check of the master, or one of a deliverable."""
        return sorted({waiver(file, check) for file in (MASTER, *self.deliverables) for check in self.checks})

    @property
    def ranking(self) -> list[str]:
        """Metrics that a family can contain."""
        return [name for name in self.weighable if self.metrics[name].family in DEFAULT_FAMILIES]

    @property
    def stems(self) -> list[str]:
        """Valid values of ``stems``."""
        return [NONE, NATIVE_STEMS, *sorted(self.stem_models - {NONE, NATIVE_STEMS})]


def manifest_json_schema(vocabulary: Vocabulary) -> dict[str, Json]:
    """JSON Schema (2020-12) of a manifest, with the names of this installation as enumerations."""
    schema = ManifestFile.model_json_schema()
    parts, fields = schema["$defs"], schema["properties"]
    for name in ("DefaultsFile", "SongFile"):
        parts[name]["properties"]["engine"]["anyOf"][0]["enum"] = sorted(vocabulary.engines)
        parts[name]["properties"]["settings"] |= _settings_schema(vocabulary, parts)
    policy = parts["Policy"]["properties"]
    policy["gates"]["propertyNames"] = {"enum": sorted(vocabulary.metrics)}
    policy["weights"]["propertyNames"] = {"enum": vocabulary.weighable}
    policy["metrics"]["items"]["enum"] = vocabulary.ranking
    fields["stems"]["enum"] = vocabulary.stems
    parts["MasteringSpec"]["properties"]["waive"]["items"]["enum"] = vocabulary.waivable
    fields["enhance"]["enum"] = [NONE, *sorted(vocabulary.enhancers)]
    for deliverables in (fields["deliverables"], parts["SongFile"]["properties"]["deliverables"]["anyOf"][0]):
        deliverables["items"]["enum"] = sorted(vocabulary.deliverables)
        deliverables["uniqueItems"] = True
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Songline album manifest"}
    return head | {name: _for_readers(part) for name, part in schema.items() if name != "title"}


def _for_readers(part: Json) -> Json:
    """A part of the schema with its descriptions, which are docstrings, reformatted for an editor."""
    if isinstance(part, dict):
        return {
            name: re.sub(r"(?<!\n)\n(?!\n)", " ", value.replace("``", "`"))
            if name == "description" and isinstance(value, str)
            else _for_readers(value)
            for name, value in part.items()
        }
    return [_for_readers(value) for value in part] if isinstance(part, list) else part


def _settings_schema(vocabulary: Vocabulary, parts: dict[str, Json]) -> dict[str, Json]:
    """The settings of every engine; their definitions are merged into those of the manifest."""
    choices = []
    for name, model in sorted(vocabulary.engines.items()):
        settings = model.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
        parts.update({f"{name}.{part}": body for part, body in settings.pop("$defs", {}).items()})
        settings.pop("required", None)  # a required setting may be in the defaults or in the song
        choices.append(settings | {"title": f"settings of {name}"})
    return {"anyOf": choices}
