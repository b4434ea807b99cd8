"""The inputs of a guide recipe: what of a song is heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.album.album import Song
from catalog.album.tempo_and_key import bpm_from_prompt, key_from_prompt, parse_key
from catalog.common.digests import Json
from catalog.lyrics.sections import section_kind
from catalog.lyrics.syllables import count_syllables
from tasks.engines.guide.arrangement.variants import variant_of
from tasks.engines.guide.genres.choice import choose_genre
from tasks.engines.guide.genres.library import AUTO, genre, genre_from
from tasks.engines.guide.stress import stress_of
from tasks.engines.guide.voice.casting import chosen_singer, chosen_source, phones_of, singing
from tasks.engines.guide.words.phonemes import Phone, written

GENRE_OF_GROOVE: Mapping[str, str] = {
    "pop": "pop",
    "ballad": "ballad",
    "rock": "rock",
    "dance": "house",
    "folk": "folk",
    "soul": "soul",
}
"""The setting ``groove``, which is older than genres, and the genres that it means."""

_NOT_PLAYED = ("groove", "genre", "voice", "singer", "singer_source")
"""Settings whose meaning is the recipe's genre and singer."""


def inputs_of(song: Song, seed: int, settings: Mapping[str, Json]) -> dict[str, Json]:
    """The inputs of a song and seed, but for the instruments; ``settings`` are the song's, with all defaults.

    Times are whole milliseconds. Sections and stresses stand beside the lines, sections only where there are any. A
    genre of the user's own stands in it as a whole. Where the words are sung, their phones and the singer stand in it,
    and syllables and stresses are those of the phones.
    """
    bpm = song.bpm if song.bpm is not None else bpm_from_prompt(song.prompt)
    style = stated_genre(settings) or choose_genre(song.prompt, bpm).name
    source = chosen_source(settings["singer_source"], song) if settings["voice"] == "sung" else ""
    phones = phones_of(song, source) if source else []
    is_sung = any(phones)
    counts, stresses = _syllables(song, phones if is_sung else [])
    sections = [section_kind(line.section) or "" if line.section else "" for line in song.lyrics.lines]
    lines = zip(song.lyrics.lines, counts, strict=True)
    return {
        "lines": [[round(line.start_s * 1000), line.text, count] for line, count in lines],
        "stress": stresses,
        **({"sections": sections} if any(sections) else {}),
        "language": song.language,
        "prompt": song.prompt,
        "bpm": bpm,
        "key": parse_key(song.key) if song.key is not None else key_from_prompt(song.prompt),
        "genre": style,
        "variant": _variant(song, seed, style),
        "settings": {name: value for name, value in settings.items() if name not in _NOT_PLAYED},
        **(_sung(song, seed, settings, phones, source) if is_sung else {}),
    }


def _syllables(song: Song, phones: Sequence[Sequence[Phone]]) -> tuple[list[int], list[Json]]:
    """The number of syllables of each line and the stress of each: those of its phones, or guessed from spelling."""
    lines = song.lyrics.lines
    if phones:
        stresses = [[phone.stress or 0 for phone in line if phone.is_nucleus] for line in phones]
        return [len(line) for line in stresses], list(stresses)
    counts = [count_syllables(line.text, song.language) for line in lines]
    guessed = [list(stress_of(line.text, count, song.language)) for line, count in zip(lines, counts, strict=True)]
    return counts, list(guessed)


def _sung(
    song: Song, seed: int, settings: Mapping[str, Json], phones: Sequence[Sequence[Phone]], source: str
) -> dict[str, Json]:
    """What is sung, and who sings."""
    singer = chosen_singer(settings["singer"], song.prompt, seed)
    return {"phones": [written(line) for line in phones], "singer": singing(singer, source)}


def stated_genre(settings: Mapping[str, Json]) -> Json:
    """The genre that the settings state, by name or as a whole; None where the prompt chooses."""
    if settings["genre"] != AUTO:
        return settings["genre"]
    return GENRE_OF_GROOVE.get(settings["groove"])


def _variant(song: Song, seed: int, style: Json) -> int:
    """The seed's variant of groove and progression, another one than those of the song's seeds before it."""
    content = genre(style) if isinstance(style, str) else genre_from(style)
    progressions = (len(content.progressions.minor), len(content.progressions.major))
    earlier = song.seeds[: song.seeds.index(seed)] if seed in song.seeds else ()
    return variant_of(seed, earlier, len(content.grooves) * min(progressions))
