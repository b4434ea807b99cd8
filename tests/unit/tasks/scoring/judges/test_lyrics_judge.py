"""Lyric accuracy with an ear that hears what the test says."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.selection.metrics import Measured, NotMeasurable
from tasks.audio.audio import Audio
from tasks.scoring.base import Brief
from tasks.scoring.judges.lyrics import LyricsModels, LyricsScorer
from tasks.scoring.judges.transcript import Phrase
from tests.support.judge_inputs import LINES, music
from tests.support.signals.scoring import noise, silence, stereo
from tests.unit.tasks.scoring.judges.lyric_readings import BRIEF, RIGHT, Hears, letters, no_sound, read, value


def test_what_is_sung_as_written_has_no_error() -> None:
    per, cer, coverage = read(Hears(RIGHT)).values()
    assert (value(per), value(cer), value(coverage)) == (0.0, 0.0, 1.0)


def test_only_what_sounds_different_is_a_phoneme_error() -> None:
    sung = (Phrase(1, 4, "talking home again"), RIGHT[1])
    per, cer, _ = read(Hears(sung)).values()
    assert value(per) == 0
    assert value(cer) == pytest.approx(1 / 35)


def test_readings_have_a_window_for_each_line() -> None:
    per, _, coverage = read(Hears((RIGHT[0],))).values()
    assert isinstance(per, Measured)
    assert [(w.start_s, w.end_s, w.value) for w in per.windows] == [(1.0, 6.0, 0.0), (6.0, 21.0, 1.0)]
    assert isinstance(coverage, Measured)
    assert [w.value for w in coverage.windows] == [1.0, 0.0]
    assert coverage.value == 0.5


def test_a_line_sung_at_the_wrong_time_is_not_covered() -> None:
    late = (RIGHT[0], Phrase(26.0, 29.0, RIGHT[1].text))
    per, _, coverage = read(Hears(late)).values()
    assert (value(per), value(coverage)) == (0.0, 0.5)


def test_the_nearest_of_the_passes_counts() -> None:
    assert value(read(Hears((), RIGHT, (RIGHT[0],)))["lyric_mix_per"]) == 0


def test_what_is_added_counts_too() -> None:
    chatter = (*RIGHT, Phrase(10, 20, "thank you for watching " * 10))
    assert value(read(Hears(chatter))["lyric_mix_cer"]) > 1


def test_other_languages_are_judged_by_phonemes_too() -> None:
    brief = Brief(24.0, language="pt-BR", lines=((1.0, "Às vezes é só chuva"),))
    per, cer, coverage = read(Hears((Phrase(1, 5, "às lezes é só chuva"),)), brief).values()
    assert value(per) == 0, "only a consonant differs, and these phonemes know vowels alone"
    assert value(cer) == pytest.approx(1 / 15)
    assert value(coverage) == 1.0


@pytest.mark.parametrize("language", ["th", "gl"])
def test_without_rules_for_its_phonemes_a_language_is_judged_by_characters(language: str) -> None:
    brief = Brief(24.0, language=language, lines=((1.0, "Às vezes é só chuva"),))
    per, cer, coverage = read(Hears((Phrase(1, 5, "as vezes é só chuva"),)), brief).values()
    assert per == cer
    assert value(per) == pytest.approx(1 / 15)
    assert value(coverage) == 1.0


def test_words_without_a_sound_in_their_language_are_judged_by_characters() -> None:
    lines = ((1.0, "夜"),)
    per, cer, _ = read(Hears((Phrase(1, 5, "夜"),)), Brief(24.0, language="pt", lines=lines), sound=no_sound).values()
    assert (value(per), value(cer)) == (0.0, 0.0)
    english, _, _ = read(Hears((Phrase(1, 5, "夜"),)), Brief(24.0, lines=lines), sound=no_sound).values()
    assert english == NotMeasurable("no line has a sound that is read for English or Chinese")


@pytest.mark.parametrize(("tag", "code"), [("pt-BR", "pt"), ("deu", "de"), ("cmn", "zh"), ("nb", "no"), ("jv", "jw")])
def test_the_transcriber_gets_its_own_code(tag: str, code: str) -> None:
    ear = Hears(RIGHT)
    read(ear, Brief(24.0, language=tag, lines=LINES))
    assert ear.languages == [code]


@pytest.mark.parametrize(
    ("brief", "reason"),
    [
        (Brief(24.0), "no lyric is stated"),
        (Brief(24.0, lines=((1.0, " … "),)), "no lyric is stated"),
        (Brief(24.0, language="eo", lines=LINES), "does not know the language 'eo'"),
    ],
)
def test_what_cannot_be_compared_says_why(brief: Brief, reason: str) -> None:
    for reading in read(Hears(RIGHT), brief).values():
        assert isinstance(reading, NotMeasurable)
        assert reason in reading.reason


@pytest.mark.parametrize("audio", [stereo(silence(12)), stereo(noise(12) * np.nan), Audio.of(np.zeros((2, 0)), 44100)])
def test_what_cannot_be_heard_is_not_measurable(audio: Audio) -> None:
    assert all(isinstance(reading, NotMeasurable) for reading in read(Hears(RIGHT), audio=audio).values())


@pytest.mark.slow
def test_the_voice_is_heard_at_the_common_level_and_not_the_mix() -> None:
    ear, voice = Hears(RIGHT), music(24.0, seed=11)
    for gain in (0.3, 1.0):
        quiet = Audio(voice.samples * np.float32(gain), voice.rate)
        model = LyricsModels(ear, letters, lambda _, quiet=quiet: quiet)
        assert value(LyricsScorer(model).score(music(), BRIEF)["lyric_per"]) == 0
    np.testing.assert_allclose(ear.given[0].samples, ear.given[1].samples, atol=1e-5)
    assert float(np.corrcoef(ear.given[0].samples[0], voice.samples[0])[0, 1]) > 0.999


@pytest.mark.parametrize("gain", [0.0, 0.003])
def test_where_nobody_sings_nothing_is_heard(gain: float) -> None:
    ear = Hears(RIGHT)
    model = LyricsModels(ear, letters, lambda mix: Audio(mix.samples * np.float32(gain), mix.rate))
    per, _, coverage, _ = LyricsScorer(model).score(music(), BRIEF).values()
    assert (value(per), value(coverage)) == (1.0, 0.0)
    assert ear.given == []


def test_a_voice_in_an_instrumental_is_told_by_its_loudness() -> None:
    readings = []
    for gain in (0.5, 0.0):
        model = LyricsModels(Hears(), letters, lambda mix, gain=gain: Audio(mix.samples * np.float32(gain), mix.rate))
        readings.append(LyricsScorer(model).score(music(), Brief(24.0)))
    assert [value(each["unwanted_voice_lu"]) for each in readings] == pytest.approx([-6.02, -60.0], abs=0.01)
    assert readings[0]["lyric_per"] == NotMeasurable("no lyric is stated")


def test_a_song_with_words_states_no_instrumental() -> None:
    model = LyricsModels(Hears(RIGHT), letters, lambda mix: mix)
    reading = LyricsScorer(model).score(music(), BRIEF)["unwanted_voice_lu"]
    assert isinstance(reading, NotMeasurable)
    assert reading.is_not_stated


def test_words_without_times_may_be_sung_at_any_time_and_their_windows_are_where() -> None:
    brief = Brief(24.0, lines=tuple((None, text) for _, text in BRIEF.lines))
    late = (Phrase(10.0, 12.0, RIGHT[0].text), Phrase(20.0, 22.0, RIGHT[1].text))
    per, _, coverage = read(Hears(late), brief).values()
    assert (value(per), value(coverage)) == (0.0, 1.0)
    assert isinstance(per, Measured)
    assert [10.0 < window.start_s < 12.0 for window in per.windows] == [True, False]
    assert [20.0 < window.start_s < 22.0 for window in per.windows] == [False, True]


def test_a_line_without_a_time_that_is_not_sung_has_no_place() -> None:
    brief = Brief(24.0, lines=((None, RIGHT[0].text), (None, "zzz qqq")))
    _, cer, coverage = read(Hears((RIGHT[0],)), brief).values()
    assert isinstance(cer, Measured)
    assert (cer.windows[1].start_s, cer.windows[1].end_s, value(coverage)) == (0.0, 0.0, 0.5)
