"""What a recipe of the DiffRhythm engine depends on, and what of a retake is refused or told when planning."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the tiny models need torch")

from catalog.common.errors import RefusedError
from catalog.lyrics.lrc import parse_lrc
from catalog.models.store import ModelStore
from tasks.engines.base import Passage
from tasks.engines.registry import get_engine
from tests.integration.sung_album import PROMPT, first_recipe, lrc
from tests.support.models import install
from tests.support.tiny_diffrhythm import write_tiny_dit


def test_precision_is_resolved_when_planning_and_stands_in_the_recipe(
    read, here, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stated(settings, **chosen):
        inputs = first_recipe(read({"settings": chosen}), settings).inputs
        return inputs["dtype"], inputs["vae_dtype"]

    assert stated(here) == ("float32", "float32")
    monkeypatch.setattr(type(here), "device_here", property(lambda _: "cuda"))
    assert stated(here) == ("bfloat16", "float16")
    assert stated(here, dtype="float16", vae_dtype="float32") == ("float16", "float32")
    assert stated(here.model_copy(update={"render_device": "cpu"})) == ("float32", "float32")
    monkeypatch.undo()
    modern = here.model_copy(update={"cpu_dtype": "bfloat16"})
    assert stated(modern) == ("bfloat16", "float32"), "the decoder stays in float32 on a CPU"
    assert stated(modern, weights="int8") == ("float32", "float32")
    assert stated(here.model_copy(update={"render_device": "cuda"})) == ("bfloat16", "float16")


SAME = {
    "title": {"title": "Another Title"},
    "writers": {"writers": ["Bo"]},
    "key that the prompt says": {"prompt": f"{PROMPT}", "isrc": "GBAYE2600001"},
    "order of seeds": {"seeds": [1, 9]},
    "defaults written out": {"settings": {"cfg_strength": 4.0, "sway": 0.0, "vae": "chunked", "weights": "full"}},
    "layout of the lyrics": {"lyrics": f"[ti:x]\n{lrc()}"},
    "language, where no digit is read": {"language": "de"},
}
OTHER = {
    "words": {"lyrics": lrc({6: "Another line"})},
    "time of a line": {"lyrics": lrc().replace("[00:06", "[00:07")},
    "steps": {"settings": {"steps": 9}},
    "sway": {"settings": {"sway": -1.0}},
    "guidance": {"settings": {"cfg_strength": 3.0}},
    "negative style": {"settings": {"negative_style": "none"}},
    "negative prompt": {"settings": {"negative_prompt": "opera"}},
    "rope": {"settings": {"rope": "exact"}},
    "compile": {"settings": {"compile": True}},
    "weights": {"settings": {"weights": "int8"}},
    "prompt": {"prompt": "jazz"},
    "tempo in the text": {"bpm": 97},
    "key in the text": {"key": "A minor"},
    "style vector": {"style": "vector.npy"},
    "length": {"length_s": 96},
    "seed": {"seeds": [3]},
}


def test_a_recipe_changes_with_what_is_heard_and_with_nothing_else(read, here) -> None:
    known = first_recipe(read(), here).digest
    for what, change in SAME.items():
        assert first_recipe(read(change), here).digest == known, what
    others = {what: first_recipe(read(change), here).digest for what, change in OTHER.items()}
    assert known not in others.values()
    assert len(set(others.values())) == len(OTHER)
    vector = {"style": "vector.npy", "bpm": 97}
    assert first_recipe(read(vector), here).digest == others["style vector"], "no text is embedded"
    free = {"settings": {"cfg_strength": 0.0}}, {"settings": {"cfg_strength": 0.0, "negative_prompt": "opera"}}
    assert len({first_recipe(read(change), here).digest for change in free}) == 1, "nothing is led away from"


def test_a_recipe_names_the_content_of_the_model_files_that_are_heard(read, here, tmp_path: Path) -> None:
    known = first_recipe(read(), here)
    shutil.copytree(here.models, tmp_path / "models")
    moved = here.model_copy(update={"models": tmp_path / "models"})
    store = ModelStore(moved.models_path, moved.models_table)
    assert first_recipe(read(), moved).digest == known.digest

    def with_changed(name, **changes):
        model = store.need(name)
        contents = {path: model.path(path).read_bytes() for path in model.digests}
        shutil.rmtree(tmp_path / "models" / name)
        install(store, name, contents | changes)
        return first_recipe(read(), moved)

    polyphones = store.need("diffrhythm-data").path("polychar.txt").read_bytes()
    same = with_changed("diffrhythm-data", **{"polychar.txt": polyphones + b"\n"})
    assert same.digest == known.digest, "no Chinese is sung"
    vector = np.zeros((1, 512), np.float32)
    vector[0, 0] = 1.0
    np.save(tmp_path / "vocal.npy", vector)
    led = with_changed("diffrhythm-data", **{"vocal.npy": tmp_path / "vocal.npy"})
    assert {name for name in known.inputs if known.inputs[name] != led.inputs[name]} == {"negative_style"}
    network = with_changed(
        "diffrhythm-1.2-base", **{"cfm_model.pt": write_tiny_dit(tmp_path / "n.pt", full=False, seed=9)}
    )
    assert {name for name in led.inputs if led.inputs[name] != network.inputs[name]} == {"files"}


def test_an_engine_refuses_a_take_without_its_parents_files(read, here) -> None:
    parent = first_recipe(read(), here)
    engine = get_engine("diffrhythm", here)
    with pytest.raises(RefusedError, match="latent"):
        engine.retakes(Passage(parent, {"audio": "a" * 64}, 5, 10, "en"), [2])


def test_new_words_that_leave_their_passage_are_told(read, here) -> None:
    parent = first_recipe(read(), here)
    words = parse_lrc(lrc({6: "A line of far too many words to be sung in the time there is " * 4}))
    products = {"audio": "a" * 64, "latent": "b" * 64}
    taken = get_engine("diffrhythm", here).retakes(Passage(parent, products, 5, 10, "en", words), [2])
    assert any("[00:06.00]" in warning for warning in taken.warnings)
