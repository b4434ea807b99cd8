"""An album as a value, for all other code: a checked manifest with every default filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from catalog.album.mastering import MasteringSpec
from catalog.common.digests import Json
from catalog.lyrics.lyrics import Lyrics
from catalog.selection.decide import Policy

PASSED_ON = {"passed_on": True}
"""Marks a field of a song that every document carries under its own name, as plain JSON, where it differs from the
default: the manifest's song, the stored plan, the released track. A new field of this kind needs one edit here, one
in ``SongFile`` and one in ``ReleasedTrack``, and documents without it stay unchanged."""

NONE = "none"
NATIVE_STEMS = "native"
"""The value of `stems` where the engine's own stems are used instead of a separation model's."""

DEMO_ARTIST = "Demo"
"""The artist of a demo by plain words that name none; no lead sheet names it as the composer."""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """One engine of a song, with its own settings and seeds.

    ``keeps_times`` is False where it sings the words at times of its own choice.
    """

    engine: str
    settings: Mapping[str, Json]
    seeds: tuple[int, ...]
    keeps_times: bool = True


@dataclass(frozen=True, slots=True)
class Song:
    """One song of an album. ``bpm`` and ``key`` are the manifest's own fields, None where it states none; words that
    were timed while the manifest was read give their tempo to a song that states none.

    ``style`` is a file with a style vector, which can replace the prompt. ``credits`` are (role, name) pairs;
    ``explicit`` is None where the manifest does not say. ``gap_s`` is the silence before the next song.
    ``deliverables`` are the song's own, empty where the album's apply. ``title_language`` is the language of the
    title where it is stated (BCP 47); it can differ from the language that is sung.

    ``engine``, ``settings``, ``seeds`` and ``keeps_times`` are those of the first engine; ``other_engines`` make
    candidates of the same song. :meth:`for_engines` and :meth:`rendered_by` give the song as a single engine has it.
    ``words`` are the lyrics as they were written, where they were timed for one of the engines and another one sings
    them at times of its own: what that one gets does not depend on the others.
    """

    id: str
    position: int
    title: str
    artist: str
    lyrics: Lyrics
    prompt: str | None
    reference: Path | None
    reference_digest: str | None
    bpm: float | None
    key: str | None
    language: str
    length_s: float
    engine: str
    settings: Mapping[str, Json]
    seeds: tuple[int, ...]
    writers: tuple[str, ...] = ()
    isrc: str | None = None
    style: Path | None = None
    style_digest: str | None = None
    explicit: bool | None = None
    credits: tuple[tuple[str, str], ...] = ()
    fade_out_s: float | None = None
    gap_s: float = 0.0
    deliverables: tuple[str, ...] = ()
    keeps_times: bool = True
    other_engines: tuple[EngineChoice, ...] = ()
    words: Lyrics | None = None
    title_language: str | None = field(default=None, metadata=PASSED_ON)

    def passed_on(self) -> dict[str, Json]:
        """The set fields that are marked with :data:`PASSED_ON`, by name, as plain JSON."""
        return {
            song_field.name: getattr(self, song_field.name)
            for song_field in passed_on_fields()
            if getattr(self, song_field.name) != song_field.default
        }

    @property
    def engines(self) -> tuple[EngineChoice, ...]:
        """Every engine that makes candidates of the song, in the manifest's order."""
        return (EngineChoice(self.engine, self.settings, self.seeds, self.keeps_times), *self.other_engines)

    def for_engines(self) -> tuple[Song, ...]:
        """The song once for each of its engines, with that engine's settings and seeds."""
        if not self.other_engines:
            return (self,)
        return tuple(
            replace(
                self,
                engine=choice.engine,
                settings=choice.settings,
                seeds=choice.seeds,
                keeps_times=choice.keeps_times,
                other_engines=(),
                lyrics=self.lyrics if choice.keeps_times or self.words is None else self.words,
                words=None,
            )
            for choice in self.engines
        )

    def rendered_by(self, engine: str) -> Song:
        """The song as candidates of ``engine`` have it: its words have no times where the engine does not keep them."""
        song = next((song for song in self.for_engines() if song.engine == engine), self)
        return song if song.keeps_times else replace(song, lyrics=song.lyrics.untimed())

    @property
    def instrumental(self) -> bool:
        """Whether the song has no words to sing."""
        return not self.lyrics.sung


def passed_on_fields() -> tuple[Field[Any], ...]:
    """The fields of a song that are marked with :data:`PASSED_ON`."""
    return tuple(song_field for song_field in fields(Song) if "passed_on" in song_field.metadata)


def passed_on_from(source: Mapping[str, Any]) -> dict[str, Any]:
    """The marked fields that a document or a manifest's song sets, as arguments of :class:`Song`."""
    return {
        song_field.name: source[song_field.name]
        for song_field in passed_on_fields()
        if source.get(song_field.name) is not None
    }


@dataclass(frozen=True, slots=True)
class Album:
    """One album: its songs in order, and how their candidates are selected, mastered and delivered.

    ``licences`` maps models to licences obtained separately. ``warnings`` and ``hints`` are finished lines for the
    user. ``wav_tags`` is ``none`` where WAV files must contain only format and samples. ``mastering_reference`` is
    the track that ``mastering.reference`` names; ``two_stems`` is the one stem to separate from the rest. ``rate`` is
    the sampling rate of the release in Hz, None where the manifest leaves it to the winners.
    """

    id: str
    title: str
    artist: str
    year: int | None
    genre: str | None
    cover: Path | None
    commercial: bool
    release: str
    songs: tuple[Song, ...]
    selection: Policy
    mastering: MasteringSpec
    stems: str
    deliverables: tuple[str, ...]
    licences: Mapping[str, str] = field(default_factory=dict)
    reference_check: str = "warn"
    upc: str | None = None
    label: str | None = None
    enhance: str = "none"
    two_stems: str | None = None
    mastering_reference: Path | None = None
    mastering_reference_digest: str | None = None
    warnings: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    wav_tags: str = "all"
    rate: int | None = None

    def deliverables_of(self, song: Song) -> tuple[str, ...]:
        """The kinds of deliverables of a song."""
        return song.deliverables or self.deliverables
