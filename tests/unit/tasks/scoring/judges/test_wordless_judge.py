"""The judge of lyrics on a song without words: its voice is measured, and nothing is loaded to transcribe it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.audio.audio import Audio
from tasks.scoring.base import Brief
from tasks.scoring.judges import voice
from tasks.scoring.judges.lyrics import LyricsScorer
from tasks.scoring.judges.transcript import NEEDED, Whisper
from tests.support.judge_inputs import music, settings, store, words
from tests.support.models import install
from tests.unit.tasks.scoring.judges.lyric_readings import BRIEF, RIGHT, Hears, needs_whisper, value

FILES = (*NEEDED, "vocabulary.json")


@needs_whisper
def test_a_song_without_words_loads_no_transcriber(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Path] = []

    def load(folder: Path, *, device: str) -> Hears:
        loaded.append(folder)
        return Hears(RIGHT)

    def half(model: object, settings: object) -> object:
        return lambda mix: Audio(mix.samples * 0.5, mix.rate)

    monkeypatch.setattr(Whisper, "load", load)
    monkeypatch.setattr(voice, "voice_of", half)
    held = store(tmp_path)
    whisper = install(held, "whisper-large-v3", dict.fromkeys(FILES, b"-"))
    judge = LyricsScorer(LyricsScorer.load([whisper, words(held), whisper], settings(tmp_path)))
    assert value(judge.score(music(), Brief(24.0))["unwanted_voice_lu"]) == pytest.approx(-6.02, abs=0.01)
    assert loaded == []
    for _ in range(2):
        assert value(judge.score(music(), BRIEF)["lyric_cer"]) == 0.0
    assert loaded == [whisper.folder], "once, by the first song with words"
