"""The light half: what a recipe holds, what is refused or doubtful before rendering, and what a first song needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from catalog.common.errors import InputError, ModelMissing, RefusedError
from catalog.common.settings import Settings
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.recipe import Recipe
from tasks.engines.acestep.engine import AceStepEngine
from tasks.engines.acestep.forecast import forecast
from tasks.engines.base import Passage
from tests.support.guide_songs import SHORT

PRODUCTS = {"latent": "a" * 64, "audio": "b" * 64}
WORDS = Lyrics((LyricLine(2.0, "Other words"),))
NO_WORDS = Lyrics(())


def told(engine: AceStepEngine, song: object, kind: str) -> list[tuple[str, str]]:
    return [(notice.field, notice.message) for notice in engine.notices(song) if notice.kind == kind]


# --- recipes


def test_a_recipe_holds_everything_that_is_heard(engine, song, models) -> None:
    recipe = engine.recipe(song(key="a minor", settings={"time_signature": 3}), 7)
    assert (recipe.engine, recipe.revision, recipe.seed, recipe.length_s) == ("acestep", 1, 7, 12.0)
    digests = {part: stated["digest"] for part, stated in recipe.inputs["files"].items()}
    names = {"network": "acestep-1.5-turbo", "vae": "acestep-1.5-vae", "text": "qwen3-embedding-0.6b"}
    assert digests == {part: models.need(name).digest for part, name in names.items()}
    assert "- bpm: 120\n- timesignature: 3\n- keyscale: A minor\n- duration: 12 seconds\n" in recipe.inputs["prompt"]
    assert SHORT[0][1] in recipe.inputs["lyrics"]
    rest = {name: value for name, value in recipe.inputs.items() if name not in ("files", "prompt", "lyrics")}
    assert rest == {"frames": 300, "steps": 8, "shift": 3.0, "dtype": "float32", "vae_dtype": "float32"}


def test_what_is_heard_changes_the_recipe_and_nothing_else_does(engine, song, tmp_path: Path) -> None:
    plain = engine.recipe(song(), 1).digest
    reference = {"reference": tmp_path / "clip.wav", "reference_digest": "c" * 64}
    heard = [
        {"prompt": "folk"},
        {"lyrics": WORDS},
        {"bpm": 121.0},
        {"key": "B minor"},
        {"language": "de"},
        {"length_s": 13.0},
        reference,
        *({"settings": each} for each in ({"steps": 9}, {"shift": 2.0}, {"time_signature": 4}, {"model": "sft"})),
        *({"settings": each} for each in ({"dtype": "bfloat16"}, {"vae_dtype": "float16"})),
    ]
    digests = [engine.recipe(song(**changes), 1).digest for changes in heard]
    assert len({plain, *digests}) == len(heard) + 1
    unheard = [{"title": "Other"}, {"writers": ("Ada",)}, {"language": "en-GB"}, {"settings": {"steps": 8}}]
    moved = Lyrics(tuple(LyricLine(start_s + 1.0, text) for start_s, text in SHORT))
    for changes in [*unheard, {"lyrics": moved}, {"style": tmp_path / "style.npy", "style_digest": "d" * 64}]:
        assert engine.recipe(song(**changes), 1).digest == plain, changes


def test_tempo_and_key_of_the_prompt_lead_where_no_field_states_them(engine, song) -> None:
    stated = song(prompt="indie pop, 104 BPM, D major", bpm=None, key=None)
    assert "- bpm: 104\n" in engine.recipe(stated, 1).inputs["prompt"]
    assert "- keyscale: D major\n" in engine.recipe(stated, 1).inputs["prompt"]
    assert "- bpm: N/A\n" in engine.recipe(song(bpm=None), 1).inputs["prompt"]


def test_guidance_is_stated_where_a_network_takes_one(engine, song) -> None:
    guided = engine.recipe(song(settings={"model": "sft"}), 1).inputs
    assert (guided["steps"], guided["guidance"], guided["files"]["network"]["name"]) == (50, 7.0, "acestep-1.5-sft")
    assert "guidance" not in engine.recipe(song(), 1).inputs


def test_a_song_without_words_is_sung_by_nobody(engine, song) -> None:
    silent = song(lyrics=NO_WORDS)
    assert "# Lyric\n[Instrumental]<|endoftext|>" in engine.recipe(silent, 1).inputs["lyrics"]
    assert told(engine, silent, "warning") == []


# --- settings


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"guidance": 7.0}, "turbo takes no `guidance`"),
        ({"steps": 21}, "takes 1 to 20 steps, not 21"),
        ({"model": "base", "steps": 7}, "takes 8 to 100 steps, not 7"),
        ({"model": "huge"}, "Setting model"),
        ({"shift": 0.5}, "Setting shift"),
        ({"time_signature": 5}, "Setting time_signature"),
        ({"adapters": [{"model": "a"}, {"model": "a"}]}, "a is named twice"),
    ],
)
def test_settings_that_do_not_fit_are_refused(engine, song, settings, what: str) -> None:
    with pytest.raises(InputError, match=what):
        engine.recipe(song(settings=settings), 1)


# --- notices


def test_that_times_are_not_kept_is_said_once(engine, song) -> None:
    assert [message for field, message in told(engine, song(), "warning") if field == "lyrics"] == [
        "ACE-Step does not keep the times of the lyrics: it sings the lines in order, when it likes."
    ]


def test_more_words_than_the_length_has_room_for_are_warned_of(engine, song) -> None:
    twelve = Lyrics(tuple(LyricLine(0.0, "one two three four") for _ in range(12)), timed=False)
    assert told(engine, song(lyrics=twelve), "warning") == []
    more = Lyrics((*twelve.lines, LyricLine(0.0, "five", section="Outro")), timed=False)
    ((field, message),) = told(engine, song(lyrics=more), "warning")
    assert (field, message) == (
        "lyrics",
        "The words have 49 syllables in 12 s, 4.1 a second without a pause, so some may be left out. "
        "Make the song at least 13 s long, or give it fewer words.",
    )


@pytest.mark.parametrize("length_s", [9.0, 601.0, 30.5])
def test_lengths_that_are_not_made_are_faults(engine, song, length_s: float) -> None:
    ((field, message),) = told(engine, song(length_s=length_s), "fault")
    assert field == "length_s"
    assert "whole seconds from 10 to 600" in message
    with pytest.raises(InputError, match="whole seconds from 10 to 600"):
        engine.recipe(song(length_s=length_s), 1)


def test_a_prompt_that_is_too_long_is_shortened_with_a_warning(engine, song) -> None:
    long = song(prompt=" ".join(f"word{number}" for number in range(400)))
    assert any(field == "prompt" and "are left out" in message for field, message in told(engine, long, "warning"))
    assert engine.recipe(long, 1).inputs["prompt"].endswith("- duration: 12 seconds\n<|endoftext|>\n")


def test_lyrics_that_are_too_long_are_a_fault_at_their_line(engine, song) -> None:
    lines = tuple(LyricLine(number * 0.02, f"line number {number} of many", number + 1) for number in range(300))
    (fault,) = [notice for notice in engine.notices(song(lyrics=Lyrics(lines))) if notice.kind == "fault"]
    assert (fault.field, 50 < fault.line < 299) == ("lyrics", True)


def test_marks_of_the_tokenizer_are_faults(engine, song) -> None:
    marked = Lyrics((LyricLine(1.0, "one"), LyricLine(2.0, "two <|endoftext|>", 2)))
    faults = [
        notice for notice in engine.notices(song(lyrics=marked, prompt="pop <|im_end|>")) if notice.kind == "fault"
    ]
    assert [(fault.field, fault.line) for fault in faults] == [("prompt", None), ("lyrics", 2)]
    in_label = Lyrics((LyricLine(0.0, "one", 2, "Verse - <|im_end|>"),), timed=False)
    assert [notice.line for notice in engine.notices(song(lyrics=in_label))] == [2]
    for changes in ({"lyrics": marked}, {"lyrics": in_label}, {"prompt": "pop <|im_end|>"}):
        with pytest.raises(InputError, match=r"<\|"):
            engine.recipe(song(**changes), 1)


def test_languages_and_tempos_that_are_doubtful_are_told(engine, song) -> None:
    fields = [field for field, _ in told(engine, song(language="tlh", bpm=96.5), "warning")]
    assert fields == ["lyrics", "language", "bpm"]
    assert "- bpm: 96\n" in engine.recipe(song(bpm=96.5), 1).inputs["prompt"]
    for tag, code in {"pt-BR": "pt", "cmn-Hans": "zh", "nb": "no"}.items():
        assert [field for field, _ in told(engine, song(language=tag), "warning")] == ["lyrics"]
        assert engine.recipe(song(language=tag), 1).inputs["lyrics"].startswith(f"# Languages\n{code}\n")


def test_what_has_no_effect_is_told(engine, song, tmp_path: Path) -> None:
    assert engine.unused(song()) == {}
    assert set(engine.unused(song(style=tmp_path / "style.npy"))) == {"style"}


def test_without_the_models_budgets_are_a_hint_only_where_a_text_may_not_fit(bare: Settings, song) -> None:
    engine = AceStepEngine(bare)
    assert told(engine, song(prompt="pop", lyrics=WORDS), "hint") == []
    ((field, message),) = told(engine, song(prompt="indie pop " * 20), "hint")
    assert field == "prompt"
    assert "was not checked" in message
    with pytest.raises(ModelMissing) as caught:
        engine.recipe(song(), 1)
    assert caught.value.remedy == "Run `songline models pull acestep-1.5-turbo acestep-1.5-vae qwen3-embedding-0.6b`"


# --- models


def test_the_models_of_a_song_and_of_its_recipe(engine, song) -> None:
    uses = [(use.model, use.role) for use in engine.uses(song(settings={"model": "xl-turbo"}))]
    assert uses == [
        ("acestep-1.5-xl-turbo", "generates"),
        ("acestep-1.5-vae", "generates"),
        ("qwen3-embedding-0.6b", "conditions"),
    ]
    used = [(model.name, model.role, model.licence) for model in engine.models(engine.recipe(song(), 1))]
    assert used == [
        ("acestep-1.5-turbo", "generates", "MIT"),
        ("acestep-1.5-vae", "generates", "MIT"),
        ("qwen3-embedding-0.6b", "conditions", "Apache-2.0"),
    ]


def test_the_registry_fetches_neither_code_nor_the_planner(models) -> None:
    specs = [spec for name, spec in models.specs().items() if name.startswith(("acestep", "qwen3"))]
    assert len(specs) == 8
    origins = [file.origin for spec in specs for file in spec.files]
    assert all(Path(origin).suffix in (".json", ".safetensors", ".pt") for origin in origins)
    assert not any("lm" in origin.lower() for origin in origins)
    assert {spec.licence.id for spec in specs} == {"MIT", "Apache-2.0"}


def test_the_explanation_shows_both_texts_as_they_are_tokenised(engine, song) -> None:
    recipe = engine.recipe(song(), 1)
    shown = engine.explain(song(), recipe)
    assert (shown["prompt"], shown["lyrics"]) == (recipe.inputs["prompt"], recipe.inputs["lyrics"])
    assert 20 < shown["prompt_tokens"] < shown["lyric_tokens"] + 60 < 300
    assert (shown["network"], shown["steps"]) == ("acestep-1.5-turbo", 8)


# --- retakes


def passage(parent: Recipe, **changes: object) -> Passage:
    return Passage(
        **{"parent": parent, "products": PRODUCTS, "start_s": 3.0, "end_s": 5.0, "language": "en", **changes}
    )


def test_a_retake_states_its_passage_and_its_parent(engine, song) -> None:
    parent = engine.recipe(song(), 1)
    retakes = engine.retakes(passage(parent, start_s=3.01, end_s=4.99), [8, 9])
    assert (retakes.start_s, retakes.end_s) == (3.0, 5.0)
    assert [recipe.seed for recipe in retakes.recipes] == [8, 9]
    inputs = retakes.recipes[0].inputs
    assert inputs["passage"] == {"frames": [75, 125], "seconds": [3.0, 5.0], **PRODUCTS}
    assert inputs["parent"] == parent.digest
    assert inputs["prompt"].startswith("# Instruction\nRepaint the mask area based on the given conditions:\n")
    assert inputs["prompt"].partition("# Caption")[2] == parent.inputs["prompt"].partition("# Caption")[2]
    assert inputs["lyrics"] == parent.inputs["lyrics"]
    roles = engine.materials(retakes.recipes[0])
    assert {role: material.digest for role, material in roles.items()} == {
        "parent_latent": PRODUCTS["latent"],
        "parent_audio": PRODUCTS["audio"],
    }
    again = engine.retakes(passage(retakes.recipes[0]), [8]).recipes[0]
    assert again.inputs["prompt"] == inputs["prompt"]


def test_a_retake_sings_new_words(engine, song) -> None:
    parent = engine.recipe(song(), 1)
    (recipe,) = engine.retakes(passage(parent, lyrics=WORDS, language="de-AT"), [8]).recipes
    assert recipe.inputs["lyrics"] == "# Languages\nde\n\n# Lyric\nOther words<|endoftext|>"


def test_retakes_that_cannot_be_made_are_refused(engine, song) -> None:
    parent = engine.recipe(song(), 1)
    with pytest.raises(RefusedError, match="no latent"):
        engine.retakes(passage(parent, products={"audio": "b" * 64}), [1])
    with pytest.raises(InputError, match="the song has 12 s"):
        engine.retakes(passage(parent, end_s=14.0), [1])
    files = {**parent.inputs["files"], "vae": {"name": "acestep-1.5-vae", "digest": "0" * 64}}
    other = replace(parent, inputs={**parent.inputs, "files": files})
    for changed, what in ((other, "another version of acestep-1.5-vae"), (replace(parent, revision=0), "the engine")):
        with pytest.raises(InputError, match=what):
            engine.retakes(passage(changed), [1])


# --- cost


def test_the_forecast_counts_sampler_and_decoder(engine, song) -> None:
    recipe = engine.recipe(song(length_s=240.0, settings={"dtype": "bfloat16"}), 1)
    sizes = {"network_bytes": 4_787_825_604, "other_bytes": 1_540_000_000, "device": "cuda", "has_bfloat16": False}
    whole = forecast(recipe, **sizes)
    assert 0.3e-3 < whole.seconds * 2.5e14 / 1e15 / 240 < 0.7e-3  # 72 TFLOP for the sampler, 40 for the decoder
    assert 6e9 < whole.memory_bytes < 14e9
    longer = forecast(replace(recipe, inputs={**recipe.inputs, "frames": 12_000}), **sizes)
    assert 2.0 < longer.seconds / whole.seconds < 2.4
    assert longer.stored_bytes == 2 * whole.stored_bytes
    guided = forecast(replace(recipe, inputs={**recipe.inputs, "guidance": 7.0, "steps": 50}), **sizes)
    assert 7 < guided.seconds / whole.seconds < 12.5


def test_reduced_precision_counts_as_the_same_more_freely(engine, song) -> None:
    exact, reduced = (engine.recipe(song(settings={"dtype": dtype}), 1) for dtype in ("float32", "bfloat16"))
    assert (engine.tolerance_dbfs(exact), engine.tolerance_note(exact)) == (-80.0, "")
    assert engine.tolerance_dbfs(reduced) == -30.0
    assert "bfloat16" in engine.tolerance_note(reduced)
