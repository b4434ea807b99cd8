"""The words that a track's tags hold: none where lyrics only name sections."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from catalog.lyrics.reading import read_lyrics
from tasks.delivery.package.release_request import encode_tags
from tests.support.guide_songs import song as any_song


def tags_of(text: str) -> dict[str, Any]:
    """The tags of a track with these lyrics, its head not cut."""
    song = any_song(lyrics=read_lyrics(text))
    names = {"title": "Three", "artist": "Ada Vale", "year": 2026, "genre": None, "upc": None, "label": None}
    planned: Any = SimpleNamespace(album=SimpleNamespace(songs=(song,), **names))
    recipe = SimpleNamespace(engine="guide", revision=1)
    winner: Any = SimpleNamespace(id="one-1-abcdef", recipe=recipe, of=lambda song: song)
    master: Any = SimpleNamespace(result={"ends": {"head_s": 0.0}, "integrated_lufs": -14.0, "true_peak_dbtp": -1.0})
    return encode_tags(planned, song, winner, master=master, level=None)


@pytest.mark.parametrize("text", ["[Instrumental]\n", "[Intro]\n\n[Solo]\n", "[00:01.00][Intro]\n[00:05.00][Solo]\n"])
def test_marks_without_words_are_no_lyrics_of_a_track(text: str) -> None:
    tags = tags_of(text)
    assert not tags["lyrics_lrc"]
    assert not tags["lyrics_text"]
    assert tags["language"] == "zxx"


def test_words_are_written_with_their_marks() -> None:
    tags = tags_of("[00:01.00][Intro]\n[00:05.00][Verse]La\n")
    assert tags["lyrics_lrc"] == "[00:01.00]\n[00:05.00]La"
    assert tags["lyrics_text"] == "[Intro]\n\n[Verse]\nLa"
