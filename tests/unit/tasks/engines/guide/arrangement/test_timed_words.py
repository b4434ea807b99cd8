"""Words that were timed from plain text: the guide plays them on its bars, also where the song states no tempo."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.album.album import Song
from catalog.common.settings import Settings
from catalog.manifest.loader import load_manifest
from flows.planning.read_manifest import vocabulary
from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.engine import GuideEngine
from tests.support.places import DATA

WORDS = (DATA / "timed" / "en-marks.txt").read_text()


def song_with(folder: Path, fields: str) -> Song:
    (folder / "words.txt").write_text(WORDS)
    (folder / "album.yaml").write_text(
        "schema_version: 1\nalbum: {title: A, artist: B}\ndefaults: {engine: guide}\n"
        f"songs: [{{title: A, prompt: slow ballad, lyrics: words.txt, length_s: 200, {fields}}}]\n"
    )
    return load_manifest(folder / "album.yaml", vocabulary(Settings())).songs[0]


@pytest.mark.parametrize(("fields", "bpm"), [("language: en", 96), ("bpm: 72", 72), ("bpm: 131.5", 131.5)])
def test_lines_begin_on_the_bars_of_the_arrangement(tmp_path: Path, fields: str, bpm: float) -> None:
    song = song_with(tmp_path, fields)
    for seed in (1, 2, 3):
        arrangement = arrange(GuideEngine(Settings()).recipe(song, seed))
        grid = arrangement.grid
        assert grid.bpm == bpm
        for line in song.lyrics.sung:
            beats = grid.beats(line.start_s)
            assert abs(beats / 4 - round(beats / 4)) * grid.bar_s < 0.03
