"""A song of lyrics to place, and what was told of it."""

from __future__ import annotations

from catalog.lyrics.lrc import parse_lrc
from tasks.engines.diffrhythm.lyrics.place import Placement, place_lyrics, warnings
from tests.support.diffrhythm.lyric_readers import reader


def song(lrc: str, *, length_s: int = 95, language: str = "en") -> Placement:
    return place_lyrics(parse_lrc(lrc), reader(), length_s=length_s, language=language)


def said(placement: Placement, line: int) -> str:
    return " ".join(message for number, message in warnings(placement) if number == line)
