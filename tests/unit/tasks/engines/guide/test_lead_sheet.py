"""The lead sheet that the guide gives with a take: the tune that is sung, on the words of the lyrics."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.common.settings import Settings
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.notation.lead_sheet import PRODUCT, LeadSheet
from catalog.recipe import Recipe
from tasks.engines.base import RenderJob, RenderResult
from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.engine import GuideEngine
from tasks.engines.guide.lead_sheet import lead_sheet_of
from tests.support.guide_songs import CHORUS, VERSE, recipe, song_lines

LANGUAGES = {
    "de": "Über allen Dächern ist Ruh",
    "ja": "きみはとおくに",
    "zh": "月亮代表我的心",
    "ru": "я иду домой под дождём",
    "hi": "बारिश में भीगता हूँ",
    "ar": "يا ليل يا عين",
}


def sheet_of(made: Recipe) -> LeadSheet:
    return lead_sheet_of(made, arrange(made))


def line_of(sheet: LeadSheet, number: int) -> str:
    """The words of one line, as its syllables give them."""
    notes = [note for note in sheet.melody if note.line == number and note.text]
    return "".join(note.text + ("" if note.joined else " ") for note in notes).strip()


@pytest.mark.parametrize("voice", ["sung", "instrument"])
def test_each_syllable_has_its_note_and_lines_are_whole(voice: str) -> None:
    rows = song_lines()
    sheet = sheet_of(recipe(rows, length_s=130.0, settings={"voice": voice}))
    for number, (start_s, text) in enumerate(rows):
        assert line_of(sheet, number) == text
        assert min(note.start_s for note in sheet.melody if note.line == number) == pytest.approx(start_s, abs=1e-3)
    assert (sheet.bpm, sheet.key, sheet.length_s) == (120.0, "A minor", 130.0)
    assert sheet.sections[0].start_s == 0
    assert sheet.sections[-1].end_s == 130
    assert all(before.end_s == after.start_s for before, after in zip(sheet.sections, sheet.sections[1:], strict=False))


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_words_of_other_languages_are_whole(language: str) -> None:
    text = LANGUAGES[language]
    assert line_of(sheet_of(recipe([(2.0, text)], language=language, settings={"voice": "sung"})), 0) == text


def test_a_rest_is_no_line_of_the_lyrics() -> None:
    lyrics = Lyrics((LyricLine(1.0, ""), LyricLine(2.0, VERSE[0]), LyricLine(5.0, ""), LyricLine(6.0, CHORUS[0])))
    sheet = sheet_of(recipe(lyrics=lyrics))
    assert [line_of(sheet, number) for number in (0, 1)] == [line.text for line in lyrics.sung]


def test_a_tenor_is_written_as_he_sings() -> None:
    def lowest(singer: str) -> int:
        settings = {"voice": "sung", "singer": singer}
        return min(note.pitch for note in sheet_of(recipe(settings=settings)).melody)

    assert lowest("tenor") == lowest("alto") - 12


@pytest.mark.parametrize("changes", [{"lyrics": Lyrics(())}, {"lyrics": Lyrics((LyricLine(3.0, ""),))}])
def test_the_tune_of_an_instrumental_has_no_words(changes: dict[str, Any]) -> None:
    sheet = sheet_of(recipe(length_s=40.0, **changes))
    assert sheet.melody
    assert not any(note.text for note in sheet.melody)


def test_a_render_gives_it_beside_the_midi() -> None:
    made = recipe(settings={"voice": "instrument"})
    (result,) = GuideEngine(Settings()).load().render([RenderJob(made)])
    assert isinstance(result, RenderResult)
    assert set(result.extras) == {"midi", PRODUCT}
    assert LeadSheet.from_bytes(result.extras[PRODUCT].data) == sheet_of(made)
