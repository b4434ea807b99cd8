"""Songs and recipes for tests of the guide engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from catalog.album.album import Song
from catalog.common.settings import Settings
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.recipe import Recipe
from tasks.audio.audio import Audio
from tasks.engines.base import RenderJob, RenderResult
from tasks.engines.guide.engine import GuideEngine

Row = tuple[float, str]

VERSE = ("The last bus home is running late again", "I count the lights along the window pane")
CHORUS = ("Carry me home on the night bus line", "Every stop is a borrowed sign")
SHORT: Sequence[Row] = ((2.0, VERSE[0]), (6.0, VERSE[1]))


def song_lines() -> list[Row]:
    """Verse, chorus, verse, chorus, verse and chorus, four lines each, with gaps between them."""
    rows: list[Row] = []
    start_s = 10.0
    for block in range(6):
        words = CHORUS if block % 2 else tuple(f"{line} {block}" for line in VERSE)
        for line in words * 2:
            rows.append((start_s, line))
            start_s += 4.0
        start_s += 4.0
    return rows


def song(lines: Sequence[Row] = SHORT, **changes: Any) -> Song:
    """A song of 12 s, two lines and a given tempo and key, with changed fields."""
    fields: Mapping[str, Any] = {
        "id": "night-bus",
        "position": 1,
        "title": "Last Bus Home",
        "artist": "Ada Vale",
        "lyrics": Lyrics(tuple(LyricLine(start_s, text) for start_s, text in lines)),
        "prompt": "indie pop",
        "reference": None,
        "reference_digest": None,
        "bpm": 120.0,
        "key": "A minor",
        "language": "en",
        "length_s": 12.0,
        "engine": "guide",
        "settings": {},
        "seeds": (1,),
    }
    return Song(**{**fields, **changes})


def recipe(lines: Sequence[Row] = SHORT, *, seed: int = 1, **changes: Any) -> Recipe:
    """The recipe of :func:`song`."""
    return GuideEngine(Settings()).recipe(song(lines, **changes), seed)


@cache
def guide_audio(length_s: float = 20.0, seed: int = 1) -> Audio:
    """The song as the guide plays it without a singer, at 44.1 kHz."""
    (result,) = (
        GuideEngine(Settings())
        .load()
        .render([RenderJob(recipe(seed=seed, length_s=length_s, settings={"voice": "instrument"}))])
    )
    assert isinstance(result, RenderResult)
    return result.audio
