"""The schema of a manifest file: field names, types and bounds, and the JSON Schema with which editors check it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from catalog.album.album import NONE
from catalog.album.mastering import MasteringSpec
from catalog.album.tempo_and_key import MAX_BPM, MIN_BPM
from catalog.common.digests import Json
from catalog.manifest.fields import FilePath, Id, Isrc, Key, Language, Length, Name, Pause, Prompt, Seed, Upc
from catalog.selection.decide import Policy

MAX_SEEDS = 1024
MAX_ENGINES = 8
MAX_SONGS = 2000
MAX_LYRICS_CHARACTERS = 64 * 1024
MAX_CANDIDATES = 20_000
"""Per album, unless the setting `SONGLINE_MAX_CANDIDATES` is set: a plan of this size is fast."""

DEFAULT_LENGTH_S = 95.0
DEFAULT_LANGUAGE = "en"
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
    if isinstance(value, SeedRange):
        return "(range)"
    if not isinstance(value, Mapping):
        return "(list)"
    return "(range)" if not value or "start" in value or "count" in value else "(engines)"


SeedList = Annotated[list[Seed], Field(min_length=1, max_length=MAX_SEEDS)]
SeedsOfOne = Annotated[
    Annotated[SeedList, Tag("(list)")] | Annotated[SeedRange, Tag("(range)")], Discriminator(_seeds_form)
]
Seeds = Annotated[
    Annotated[SeedList, Tag("(list)")]
    | Annotated[SeedRange, Tag("(range)")]
    | Annotated[dict[str, SeedsOfOne], Tag("(engines)")],
    Discriminator(_seeds_form),
]

EngineNames = Annotated[list[str], Field(min_length=1, max_length=MAX_ENGINES)]


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
    engines: EngineNames | None = Field(
        None, description="Several engines in place of one: each makes candidates by every seed, and they compete."
    )
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
        "nor the defaults say it. Each of several engines may have its own: {diffrhythm: [7], acestep: [7, 8]}.",
    )
    settings: dict[str, Json] = Field(
        default_factory=dict,
        description="The engine's own settings. Of several engines each takes those it has; those of one stand under "
        "its name: {acestep: {model: turbo}}.",
    )


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
        description="One line: path of a file (LRC, or plain text with section marks); more: the words themselves. "
        "Left out: a song without words.",
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
    rate: Literal[44100, 48000] | None = Field(
        None, description="Sampling rate of the whole release in Hz; left out: the most frequent among the winners."
    )
    deliverables: Deliverables = Field(list(DEFAULT_DELIVERABLES), description="The kinds of files to make.")
    wav: WavFile = Field(WavFile(), description="What WAV files hold beside their sound.")
