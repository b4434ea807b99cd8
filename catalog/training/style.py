"""A checked training: what its manifest declares, with all defaults filled in and every file looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from catalog.common.digests import Json
from catalog.lyrics.lyrics import Lyrics

DOCUMENT_TYPE = "application/x-songline-training"
"""Media type of the document from which any machine can train a sound."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What was found in an audio file: its length, the digest of its decoded samples, and remarks as sentences."""

    duration_s: float
    sample_digest: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StyleSong:
    """One song to learn from. Its style is that of the ``prompt``, of the file ``style``, or of the audio itself.

    ``style_digest`` is the digest of the file's bytes, as ``audio_digest`` is.
    """

    name: str
    audio: Path
    audio_digest: str
    recording: Recording
    lyrics: Lyrics
    language: str
    prompt: str | None = None
    style: Path | None = None
    style_digest: str | None = None
    held_out: bool = False

    @property
    def has_style_of_audio(self) -> bool:
        """Whether the style vector is made from the recording."""
        return self.prompt is None and self.style is None


@dataclass(frozen=True, slots=True)
class Previews:
    """The prompts that the adapter sings while it is trained; ``every`` is 0 where only the result does."""

    prompts: tuple[str, ...]
    every: int
    seed: int
    steps: int


@dataclass(frozen=True, slots=True)
class Style:
    """A sound to be trained. ``parameters`` are the fields of ``training`` as plain JSON."""

    name: str
    base: str
    rights: str
    commercial: bool
    licence: str | None
    songs: tuple[StyleSong, ...]
    parameters: Mapping[str, Json]
    previews: Previews
    warnings: tuple[str, ...] = ()

    @property
    def learned(self) -> tuple[StyleSong, ...]:
        """The songs that are learned from."""
        return tuple(song for song in self.songs if not song.held_out)


def accept_style(_path: Path) -> None:
    """Default: accepts every style vector."""


@dataclass(frozen=True, slots=True)
class TrainingVocabulary:
    """The names and checks of this installation.

    ``read_recording`` decodes a recording and ``check_style`` reads a style vector; both raise SonglineError.
    ``frame_s`` is the length of a latent frame in seconds, ``style_s`` that of the audio from which a style vector is
    made.
    """

    bases: Collection[str]
    read_recording: Callable[[Path], Recording]
    frame_s: float
    style_s: float
    check_style: Callable[[Path], None] = field(default=accept_style)
