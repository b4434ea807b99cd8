"""The songs by which the guide's arrangements are measured: eight genres alike but for their word, and seven others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catalog.album.album import Song
from catalog.common.settings import Settings
from catalog.lyrics.reading import read_lyrics
from catalog.recipe import Recipe
from tasks.engines.guide.engine import GuideEngine
from tasks.engines.guide.genres.library import GENRES
from tests.support.guide_songs import Row, song
from tests.support.places import ROOT

SEEDS = (1, 2, 3, 4)
COMPARED_S = 60.0
WORDS_OF_GENRE = {"pop": "indie pop", "soul": "r&b soul"}
VERSES = (
    ("Neon in the puddles on the square", "I count my coins to make the fare"),
    ("A boy asleep, a rose across his knee", "A nurse who breathes the glass and draws the sea"),
    ("The driver hums a tune from long ago", "And every stop's a light that will not go"),
    ("We never speak, we never share a name", "But round the corners we all lean the same"),
)
MIDDLE = ("The morning has a colour of its own", "And every window keeps a telephone")
CHORUS = ("So take the long way through the town", "I'm not ready to come down")


def compared(genre: str) -> tuple[Recipe, ...]:
    """The same song of 60 s in one genre, at 100 BPM in A minor, by four seeds."""
    prompt = WORDS_OF_GENRE.get(genre, genre)
    return recipes(verses_and_choruses(100.0, 8.0, COMPARED_S - 8), prompt, length_s=COMPARED_S, bpm=100.0)


def all_compared() -> dict[str, tuple[Recipe, ...]]:
    """All eight genres."""
    return {genre: compared(genre) for genre in GENRES}


def others() -> dict[str, Recipe]:
    """Songs of other lengths, tempos and words, one seed each."""
    rock = verses_and_choruses(132.0, 14.55, 190.0)
    return {
        "trap 140": recipes(verses_and_choruses(140.0, 13.7, 60.0), "trap", length_s=95.0, bpm=140.0)[0],
        "jazz 168": recipes(standard(168.0), "jazz", length_s=75.0, bpm=168.0, key="F major")[0],
        "rock 132": recipes(rock, "rock", length_s=285.0, bpm=132.0, key="E minor")[0],
        "house 124": recipes(verses_and_choruses(124.0, 15.5, 80.0), "house", length_s=95.0, bpm=124.0)[0],
        "cinematic 68": recipes(
            [(3.5, VERSES[0][0]), (10.6, VERSES[0][1])], "cinematic", length_s=20.0, bpm=68.0, key="D minor"
        )[0],
        "folk 104": recipes(verses_and_choruses(104.0, 9.2, 80.0), "folk", length_s=95.0, bpm=104.0, key="G major")[0],
        **night_bus(),
    }


def night_bus() -> dict[str, Recipe]:
    """The recipes of :func:`night_bus_songs`."""
    return {sung.id: GuideEngine(Settings()).recipe(sung, 42) for sung in night_bus_songs()}


def night_bus_songs(**settings: Any) -> tuple[Song, ...]:
    """Two songs of the example album and one more, in the genres in which they were first measured."""
    entries: tuple[tuple[str, str, float | None, str | None], ...] = (
        ("last-bus", "indie pop, warm synths, female vocal, wistful, steady eighth-note bass", 96.0, "A minor"),
        ("depot-lights", "slow soul ballad, 72 BPM, Eb major, electric piano, tender male vocal", None, None),
        ("first-light-runners", "upbeat dance pop, bright guitars, four on the floor, hopeful, big chorus", None, None),
    )
    return tuple(
        song(
            id=name,
            lyrics=read_lyrics(_words_of(name).read_bytes(), length_s=95.0),
            prompt=prompt,
            bpm=bpm,
            key=key,
            length_s=95.0,
            seeds=(42,),
            settings=settings,
        )
        for name, prompt, bpm, key in entries
    )


def _words_of(name: str) -> Path:
    folders = (ROOT / "examples" / "night-bus" / "lyrics", ROOT / "tests" / "bench" / "lyrics")
    return next(file for file in (folder / f"{name}.lrc" for folder in folders) if file.exists())


def recipes(rows: Sequence[Row], prompt: str, **changes: Any) -> tuple[Recipe, ...]:
    """One recipe a seed."""
    sung = song(rows, prompt=prompt, seeds=SEEDS, **changes)
    return tuple(GuideEngine(Settings()).recipe(sung, seed) for seed in SEEDS)


def verses_and_choruses(bpm: float, start_s: float, until_s: float) -> list[Row]:
    """Verse and chorus of four lines each in turn, two bars a line, a bar's pause after each chorus."""
    bar_s = 240 / bpm
    rows: list[Row] = []
    block = 0
    while start_s + 8 * bar_s <= until_s:
        lines = (*VERSES[block % 4], *VERSES[(block + 1) % 4]) if block % 2 == 0 else CHORUS * 2
        for line in lines:
            rows.append((round(start_s, 2), line))
            start_s += 2 * bar_s
        rows.append((round(start_s - 0.1, 2), ""))
        start_s += 0.0 if block % 2 == 0 else 2 * bar_s
        block += 1
    return rows


def standard(bpm: float) -> list[Row]:
    """A song of four verses, the third of them a bridge, the last the first again."""
    bar_s = 240 / bpm
    rows: list[Row] = []
    start_s = 4 * bar_s
    verses = ((*VERSES[0], *VERSES[1]), (*VERSES[2], *VERSES[3]), (*CHORUS, *MIDDLE), (*VERSES[0], *VERSES[1]))
    for verse in verses:
        for line in verse:
            rows.append((round(start_s, 2), line))
            start_s += 2 * bar_s
    return rows
