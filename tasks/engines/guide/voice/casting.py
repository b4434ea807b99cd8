"""Who sings a song, and what of the singing is part of its recipe; loads nothing that sounds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256

from catalog.album.album import Song
from catalog.album.notices import Notice
from catalog.common.digests import Json
from catalog.common.errors import InputError, MachineError
from catalog.models.used import ModelUsed
from tasks.engines.guide.settings import GuideSettings
from tasks.engines.guide.voice import piper
from tasks.engines.guide.words.espeak import espeak_package
from tasks.engines.guide.words.phonemes import Phone, is_english, line_phones

SINGING_REVISION = 1
"""Raised when the samples of a sung recipe change and those of an instrument do not."""

DIGESTS: Mapping[str, str] = {
    "alto": "ddb02210f5f01eb0de9e438a9f33800879f2f6a53d21f0a1e6c68ebcd6d95bb3",
    "tenor": "aac13c3c38b3e9082d7cd9b9f36fb44d80fe4e210c01d99a349f97c6cf214d3d",
}
"""SHA-256 of the banks' files; they are part of every recipe that is sung from a bank."""

FLITE_VOICES: Mapping[str, str] = {"alto": "slt", "tenor": "rms"}
TRANSPOSITION: Mapping[str, int] = {"alto": 0, "tenor": -12}
"""Semitones from the written notes: the tenor sings an octave lower."""

_ENGLISH_ONLY = "the bank sings English only"
_OTHER_SOURCE = "Leave singer_source out, or set it to espeak"
_NEURAL_IN_ENGLISH = "The neural singer sings English only: espeak-ng sings this song."

_ALTO_WORDS = r"female|woman|women|girl|lady|she|alto|soprano|mezzo|contralto|songstress"
_TENOR_WORDS = r"male|man|men|boy|guy|he|tenor|baritone"
_SINGER_WORDS = re.compile(rf"\b(?:(?P<alto>{_ALTO_WORDS})|(?P<tenor>{_TENOR_WORDS}))\b")


def chosen_singer(name: str, prompt: str | None, seed: int) -> str:
    """``alto`` or ``tenor``: the stated one, else the first that the prompt names, else the seed's."""
    if name != "auto":
        return name
    found = _SINGER_WORDS.search((prompt or "").casefold())
    if found:
        return str(found.lastgroup)
    return "alto" if sha256(f"singer {seed}".encode()).digest()[0] % 2 else "tenor"


def singer_reason(name: str, prompt: str | None) -> str:
    """Why :func:`chosen_singer` chooses as it does, in words."""
    if name != "auto":
        return "stated"
    found = _SINGER_WORDS.search((prompt or "").casefold())
    return f'the prompt says "{found[0]}"' if found else "by the seed"


def singers_of_demos(prompt: str | None, seeds: Sequence[int]) -> tuple[str, ...]:
    """Who sings each of several demos where nobody is stated: the seeds' singers, and where all are the same the other
    one for the second demo. A prompt that names a voice gets no other."""
    singers = [chosen_singer("auto", prompt, seed) for seed in seeds]
    if len(set(singers)) == 1 and len(singers) > 1 and not _SINGER_WORDS.search((prompt or "").casefold()):
        singers[1] = next(name for name in TRANSPOSITION if name != singers[1])
    return tuple(singers)


def chosen_source(name: str, song: Song) -> str:
    """``bank`` for English, ``espeak`` for other languages, ``neural`` where it is asked for and can sing the language.

    Raises InputError for the bank in another language.
    """
    if name == "auto":
        return "bank" if is_english(song.language) else "espeak"
    if name == "neural" and not is_english(song.language):
        return "espeak"
    if name == "bank" and not is_english(song.language):
        raise InputError(f"Song {song.id}: {_ENGLISH_ONLY}", remedy=_OTHER_SOURCE, song=song.id)
    return name


def singing_notices(song: Song, settings: GuideSettings) -> tuple[Notice, ...]:
    """Faults where the bank should sing another language or the neural singer is not installed; warnings of a singer
    who is not heard and of silent lines."""
    if settings.voice != "sung":
        stated = [name for name in ("singer", "singer_source") if getattr(settings, name) != "auto"]
        return tuple(
            Notice("warning", f"settings.{name}", f"`{name}` counts only with `voice: sung`.") for name in stated
        )
    if settings.singer_source == "bank" and not is_english(song.language):
        return (Notice("fault", "settings.singer_source", _ENGLISH_ONLY, _OTHER_SOURCE),)
    source = chosen_source(settings.singer_source, song)
    if source == "neural" and (names := piper.missing()):
        return (Notice("fault", "settings.singer_source", f"{piper.NOT_HERE}: {names}", piper.REMEDY),)
    try:
        phones = phones_of(song, source)
    except MachineError as error:
        return (Notice("hint", "lyrics", f"Whether the lyrics can be sung was not checked: {error}"),)
    other = settings.singer_source == "neural" and source != "neural"
    fallback = (Notice("warning", "settings.singer_source", _NEURAL_IN_ENGLISH),) if other else ()
    return fallback + tuple(
        Notice("warning", "lyrics", "has nothing that can be pronounced, so nothing is sung there.", line=index)
        for index, (line, sounds) in enumerate(zip(song.lyrics.lines, phones, strict=True))
        if line.text.strip() and not sounds
    )


def singing(singer: str, source: str) -> dict[str, Json]:
    """The part of a recipe that says who sings and with what."""
    return {"name": singer, "source": source, "revision": SINGING_REVISION, **_made_by(singer, source)}


def _made_by(singer: str, source: str) -> dict[str, Json]:
    """What the samples of a voice depend on. Raises MachineError where the neural singer is not installed."""
    if source == "neural":
        return {"voice": piper.VOICE_DIGEST, "onnxruntime": piper.runtime()}
    return {"bank": DIGESTS[singer]} if source == "bank" else {"espeakng-loader": espeak_package()}


def phones_of(song: Song, source: str) -> list[tuple[Phone, ...]]:
    """The phones of every line of a song."""
    return [line_phones(line.text, song.language, english=source != "espeak") for line in song.lyrics.lines]


def singer_models(singer: Mapping[str, Json]) -> tuple[ModelUsed, ...]:
    """What sings in a recipe, under its licence."""
    if singer["source"] == "espeak":
        return (ModelUsed(name="espeak-ng", revision=singer["espeakng-loader"], licence="GPL-3.0-or-later"),)
    if singer["source"] == "neural":
        return (piper.used(singer["voice"]),)
    voice = FLITE_VOICES[singer["name"]]
    return (ModelUsed(name=f"CMU Flite voice {voice}", revision="2.2", licence="CMU-Flite", digest=singer["bank"]),)
