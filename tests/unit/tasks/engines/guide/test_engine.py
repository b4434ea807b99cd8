"""The light half: what goes into a recipe, and that it costs nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from catalog.common.digests import canonical_json
from catalog.common.errors import InputError
from catalog.common.settings import Settings
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.recipe import Recipe
from tasks.engines.base import Failed, RenderJob
from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.engine import GuideEngine
from tasks.engines.guide.genres.library import genre
from tasks.engines.registry import get_engine
from tests.support.guide_songs import SHORT, recipe, song


@pytest.mark.slow
def test_the_light_half_imports_nothing_heavy() -> None:
    code = (
        "import sys; from catalog.common.settings import Settings;"
        "from tasks.engines.registry import get_engine; engine = get_engine('guide', Settings());"
        "from tasks.engines.guide.engine import instruments; instruments();"
        "print([name for name in ('numpy', 'scipy', 'pedalboard', 'symusic', 'pretty_midi') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_unknown_engine_names_the_known_ones() -> None:
    assert get_engine("guide", Settings()).name == "guide"
    with pytest.raises(InputError) as caught:
        get_engine("orchestra", Settings())
    assert "guide" in caught.value.remedy


def test_a_recipe_holds_what_is_heard_and_survives_storage() -> None:
    made = recipe(((2.0, "Hello darling"), (5.25, "")))
    assert made.inputs["lines"] == [[2000, "Hello darling", 4], [5250, "", 0]]
    assert made.inputs["stress"] == [[0, 1, 1, 0], []]
    assert "sections" not in made.inputs
    assert set(made.inputs["instruments"]) == {"soundfont", "numpy", "pedalboard", "scipy"}
    stored = Recipe.from_document(json.loads(canonical_json(made.document())))
    assert stored.digest == made.digest


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Other"},
        {"position": 3},
        {"artist": "Bo"},
        {"seeds": (1, 2)},
        {"isrc": "X"},
        {"key": "Am"},
        {"settings": {"genre": "pop"}},
        {"settings": {"groove": "pop"}},
    ],
)
def test_what_is_not_heard_leaves_the_recipe_alone(changes: dict[str, Any]) -> None:
    assert recipe(**changes).digest == recipe().digest


@pytest.mark.parametrize(
    "changes",
    [{"prompt": "rock"}, {"bpm": 121.0}, {"key": "B minor"}, {"length_s": 13.0}, {"settings": {"swing": 0.5}}],
)
def test_what_is_heard_changes_the_recipe(changes: dict[str, Any]) -> None:
    assert recipe(**changes).digest != recipe().digest
    assert recipe(seed=2).digest != recipe().digest


@pytest.mark.parametrize(
    ("bpm", "key", "prompt", "expected"),
    [
        (100.0, "D major", "pop, 96 BPM, A minor", (100.0, "D major")),
        (None, None, "pop, 96 BPM, A minor", (96.0, "A minor")),
        (None, "F#m", "pop, 96 BPM", (96.0, "F# minor")),
        (None, None, "pop", (None, None)),
        (None, None, None, (None, None)),
    ],
)
def test_tempo_and_key_come_from_fields_then_prompt_then_seed(
    bpm: float | None, key: str | None, prompt: str | None, expected: tuple[float | None, str | None]
) -> None:
    made = recipe(bpm=bpm, key=key, prompt=prompt)
    assert (made.inputs["bpm"], made.inputs["key"]) == expected


@pytest.mark.parametrize("settings", [{"swing": 2.0}, {"tuba": 1}, {"vocals": "kazoo"}, {"reverb": "0.4"}])
def test_settings_that_do_not_fit_are_named(settings: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        GuideEngine(Settings()).recipe(song(settings=settings), 1)
    assert next(iter(settings)) in caught.value.what
    assert "reverb" in caught.value.remedy


def test_the_forecast_grows_with_length() -> None:
    engine = GuideEngine(Settings())
    short, long = (engine.forecast(recipe(SHORT, length_s=length_s)) for length_s in (12.0, 95.0))
    assert 0 < short.seconds < long.seconds
    assert short.memory_bytes < long.memory_bytes < 500 << 20
    assert long.stored_bytes > 95 * 44100 * 8


@pytest.mark.parametrize(
    ("settings", "prompt", "genre"),
    [
        ({}, "jazz, piano", "jazz"),
        ({"groove": "dance"}, "jazz", "house"),
        ({"groove": "dance", "genre": "trap"}, "jazz", "trap"),
        ({}, None, "pop"),
    ],
)
def test_the_genre_comes_from_settings_then_words(settings: dict[str, object], prompt: str | None, genre: str) -> None:
    made = recipe(settings=settings, prompt=prompt, bpm=None)
    assert made.inputs["genre"] == genre
    assert not {"groove", "genre"} & set(made.inputs["settings"])


def test_a_genre_of_the_users_own_stands_in_the_recipe() -> None:
    own = {**genre("folk").document(), "name": "my folk"}
    made = recipe(settings={"genre": own})
    assert made.inputs["genre"] == own
    assert arrange(made).genre == "my folk"
    assert len(canonical_json(made.document())) < 32_000
    changed = recipe(settings={"genre": {**own, "swing": 0.5}})
    assert changed.digest != made.digest


def test_section_marks_are_in_the_recipe() -> None:
    lines = (LyricLine(2.0, "Hello", section="Verse 1"), LyricLine(6.0, "you", section="Refrain x2"))
    assert recipe(lyrics=Lyrics(lines)).inputs["sections"] == ["verse", "chorus"]


def test_what_was_understood_is_told() -> None:
    engine = GuideEngine(Settings())
    sung = song(prompt="smoky jazz, piano, sad", bpm=None, key=None)
    told = engine.explain(sung, engine.recipe(sung, 1))
    assert told["genre"] == "jazz (smoky 0.5, jazz 3), before ballad 1.5"
    assert told["tempo"].endswith("BPM, fitted to the lines' times")
    assert told["key"].endswith("minor, chosen for its words")
    assert "verse" in told["form"]
    stated = song(settings={"genre": "rock"})
    told = engine.explain(stated, engine.recipe(stated, 1))
    assert (told["genre"], told["tempo"]) == ("rock, stated", "120 BPM, stated")


def test_who_sings_is_told_and_why() -> None:
    engine = GuideEngine(Settings())

    def singer(**fields: Any) -> str:
        sung = song(**fields)
        return str(engine.explain(sung, engine.recipe(sung, sung.seeds[0])).get("singer", ""))

    assert singer(prompt="indie pop", seeds=(42, 43)) == "alto, by the seed"
    assert singer(prompt="indie pop", seeds=(44, 45)) == "alto (seed 44) and tenor (seed 45), by the seed"
    assert singer(prompt="folk, male vocal", seeds=(42,)) == 'tenor, the prompt says "male"'
    assert singer(settings={"singer": "tenor"}, seeds=(42,)) == "tenor, stated"
    assert singer(language="de", prompt="pop", seeds=(42,)) == "alto, by the seed; by espeak-ng"
    assert singer(settings={"voice": "instrument"}, seeds=(42,)) == ""


def test_a_take_of_another_revision_is_not_played_again() -> None:
    made = recipe()
    (earlier,) = GuideEngine(Settings()).earlier(song(), made)
    (failed,) = GuideEngine(Settings()).load().render([RenderJob(earlier)])
    assert isinstance(failed, Failed)
    assert "its revision differ" in failed.error.what
    assert "Plan the album again" in failed.error.remedy
