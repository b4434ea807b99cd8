"""A sung song as a whole: its recipe, its parts and its mix, and an instrument in place of the singer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.album.album import Song
from catalog.common.errors import InputError, WorkError
from catalog.common.settings import Settings
from catalog.recipe import Recipe
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import unit_powers
from tasks.engines.base import RenderJob, RenderResult
from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.arrangement.tune.melody import HIGHEST as HIGHEST_SUNG
from tasks.engines.guide.arrangement.tune.melody import LOWEST
from tasks.engines.guide.engine import GuideEngine
from tasks.engines.guide.sound.mix import PEAK_DBFS
from tests.support.guide_songs import CHORUS, SHORT, VERSE, Row, recipe, song, song_lines

SUNG: dict[str, Any] = {"voice": "sung"}


def sung_recipe(lines: Any = SHORT, *, seed: int = 1, settings: dict[str, Any] | None = None, **changes: Any) -> Recipe:
    return recipe(lines, seed=seed, settings=SUNG | (settings or {}), **changes)


def rendered(made: Recipe) -> RenderResult:
    (result,) = GuideEngine(Settings()).load().render([RenderJob(made)])
    assert isinstance(result, RenderResult), result
    return result


def test_where_an_instrument_has_the_tune_nobody_is_stated_who_sings() -> None:
    plain = recipe(settings={"voice": "instrument"})
    assert recipe(settings={"voice": "instrument", "singer": "alto"}).inputs == plain.inputs
    assert set(plain.inputs["settings"]) == {"vocals", "swing", "density", "reverb"}
    assert not {"singer", "phones"} & set(plain.inputs)
    assert {"singer", "phones"} <= set(recipe().inputs)


def test_a_sung_recipe_holds_the_phones_and_who_sings() -> None:
    made = sung_recipe(((2.0, "Fire"), (6.0, "")), settings={"singer": "tenor"})
    assert made.inputs["lines"] == [[2000, "Fire", 1], [6000, "", 0]]
    assert made.inputs["phones"] == ["f ˈay r", ""]
    assert made.inputs["singer"]["name"] == "tenor"
    assert len(made.inputs["singer"]["bank"]) == 64
    assert GuideEngine(Settings()).models(made)[-1].licence == "CMU-Flite"


def test_a_song_without_words_is_the_same_with_and_without_a_singer() -> None:
    assert sung_recipe(()).digest == recipe(()).digest


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("pop, female vocal", "alto"),
        ("soul, tender male vocal", "tenor"),
        ("folk, baritone", "tenor"),
        ("a woman and a man", "alto"),
        ("human touch, women's choir", "alto"),
    ],
)
def test_the_prompt_says_who_sings(prompt: str, name: str) -> None:
    assert sung_recipe(prompt=prompt).inputs["singer"]["name"] == name
    other = "tenor" if name == "alto" else "alto"
    assert sung_recipe(prompt=prompt, settings={"singer": other}).inputs["singer"]["name"] == other


def test_else_the_seed_does() -> None:
    assert {sung_recipe(seed=seed).inputs["singer"]["name"] for seed in range(12)} == {"alto", "tenor"}


def notices(**changes: Any) -> list[tuple[str, str, int | None]]:
    made: Song = song(**changes)
    return [(notice.kind, notice.field, notice.line) for notice in GuideEngine(Settings()).notices(made)]


def test_what_cannot_be_as_it_is_set_is_said_before_rendering() -> None:
    assert notices() == []
    assert notices(settings=SUNG) == []
    assert notices(settings={"voice": "instrument", "singer": "alto"}) == [("warning", "settings.singer", None)]
    assert notices(settings=SUNG | {"singer_source": "bank"}, language="de") == [
        ("fault", "settings.singer_source", None)
    ]
    assert notices(lines=((1.0, "Hello"), (3.0, "…!")), settings=SUNG) == [("warning", "lyrics", 1)]
    with pytest.raises(InputError, match="English only"):
        sung_recipe(language="de", settings={"singer_source": "bank"})


def test_every_syllable_has_a_note_in_the_singers_range() -> None:
    made = sung_recipe(song_lines(), length_s=130.0, prompt="pop, female vocal")
    parts = {part.name: part.notes for part in arrange(made).parts}
    counts = [count for _, _, count in made.inputs["lines"]]
    found = [sum(note.line == row for note in parts["vocals"]) for row in range(len(counts))]
    assert found == counts
    for note in (*parts["vocals"], *parts["second voice"]):
        assert note.pitch >= LOWEST
    assert max(note.pitch for note in parts["vocals"]) <= HIGHEST_SUNG


@pytest.mark.slow
def test_a_sung_song_is_its_stems_with_the_voice_above_the_band() -> None:
    rows: list[Row] = [(2.0 + 4 * index, line) for index, line in enumerate((*VERSE, *CHORUS, *VERSE, *CHORUS))]
    made = sung_recipe(rows, length_s=40.0)
    mix = rendered(made).audio.samples
    assert mix.shape == (2, 40 * 44100)
    assert np.isfinite(mix).all()
    assert 20 * np.log10(np.abs(mix).max()) <= PEAK_DBFS + 0.01
    stems = GuideEngine(Settings()).load().stems(made)
    total = np.sum([stem.samples for stem in stems.values()], axis=0)
    assert np.abs(total - mix).max() < 1e-4
    band = np.sum([stem.samples for name, stem in stems.items() if name != "vocals"], axis=0)
    voice_power, band_power = (
        unit_powers(Audio(sound, 44100))[150:1600].mean() for sound in (stems["vocals"].samples, band)
    )
    assert 0.5 < 10 * np.log10(voice_power / band_power) < 4


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.sampled_from((*VERSE, *CHORUS, "Oh", "Straße", "...", "月光", "strengths and lengths")), max_size=5),
    st.sampled_from(("en", "zh", "de", "fr", "th")),
    st.sampled_from((None, 60.0, 128.0, 200.0)),
    st.sampled_from((5.0, 20.0, 31.7)),
    st.integers(0, 2**31),
)
def test_any_song_is_finite_right_to_the_sample_and_under_the_peak(
    texts: list[str], language: str, bpm: float | None, length_s: float, seed: int
) -> None:
    rows = [(0.5 + index * 0.9 * length_s / max(1, len(texts)), text) for index, text in enumerate(texts)]
    made = sung_recipe(rows, seed=seed, language=language, bpm=bpm, length_s=length_s)
    samples = rendered(made).audio.samples
    assert samples.shape == (2, round(length_s * 44100))
    assert np.isfinite(samples).all()
    assert 20 * np.log10(max(1e-9, np.abs(samples).max())) <= PEAK_DBFS + 0.01


def test_a_recipe_of_another_bank_is_refused() -> None:
    made = sung_recipe()
    other = Recipe(
        engine=made.engine,
        revision=made.revision,
        seed=made.seed,
        length_s=made.length_s,
        inputs={**made.inputs, "singer": {**made.inputs["singer"], "bank": "0" * 64}},
    )
    with pytest.raises(WorkError, match="singer"):
        GuideEngine(Settings()).load().stems(other)


def test_the_midi_words_stand_on_their_own_syllables() -> None:
    made = sung_recipe(((1.0, "Every fire desires an avenue"),))
    notes = next(part.notes for part in arrange(made).parts if part.name == "vocals")
    pieces = "".join(note.lyric.removesuffix("-") + (" " * (not note.lyric.endswith("-"))) for note in notes)
    assert pieces.split() == ["Every", "fire", "desires", "an", "avenue"]
    assert len(notes) == 9
