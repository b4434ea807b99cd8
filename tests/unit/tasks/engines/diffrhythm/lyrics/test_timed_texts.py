"""Lyrics that were timed from plain text: DiffRhythm sings every line at its stamp."""

from __future__ import annotations

import pytest

from catalog.lyrics.reading import read_lyrics
from catalog.lyrics.timing.times import time_lyrics
from tasks.engines.diffrhythm.lyrics.place import place_lyrics, warnings
from tests.support.diffrhythm.lyric_readers import reader
from tests.support.places import DATA

TEXTS = sorted((DATA / "timed").glob("*.txt"))


@pytest.mark.parametrize("bpm", [52, 96, 128, 171])
@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_no_line_of_a_timed_text_is_late_or_cut(path, bpm) -> None:
    language = path.stem.partition("-")[0]
    timed = time_lyrics(read_lyrics(path.read_bytes()), bpm=bpm, language=language)
    length_s = max(96, min(285, int(timed.length_s)))
    assert timed.sung_until_s < length_s
    placement = place_lyrics(timed.lyrics, reader(), length_s=length_s, language=language)
    assert warnings(placement) == ()


def test_there_are_twelve_texts_in_four_languages() -> None:
    assert len(TEXTS) == 12
    assert {path.stem.partition("-")[0] for path in TEXTS} == {"en", "de", "es", "zh"}
