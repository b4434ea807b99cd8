"""Adapters in manifests: what is refused or doubted before anything is rendered, licences, and a take's identity."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="adapters are made with torch")

from catalog.album.notices import Notice  # noqa: E402
from catalog.common.errors import InputError, LicenceRefused, ManifestError  # noqa: E402
from catalog.models.install import install_session  # noqa: E402
from catalog.models.spec import Licence  # noqa: E402
from catalog.models.store import ModelStore, remove_model  # noqa: E402
from flows.planning.read_manifest import read_album  # noqa: E402
from tasks.engines.base import Passage  # noqa: E402
from tasks.engines.diffrhythm.engine import DiffRhythmEngine  # noqa: E402
from tasks.engines.registration import register_adapter  # noqa: E402
from tasks.engines.registry import get_engine  # noqa: E402
from tasks.weights.adapters.writing import write_adapter  # noqa: E402
from tests.integration.sung_album import document_with, sung_document, write_sung  # noqa: E402
from tests.support.models import AT  # noqa: E402
from tests.support.places import ROOT  # noqa: E402
from tests.support.tiny_adapters import tiny_adapter, tiny_layers  # noqa: E402
from tests.support.tiny_models import settings_of  # noqa: E402

BASE, FULL = "diffrhythm-1.2-base", "diffrhythm-1.2-full"
OWN = Licence("own", "own", True, "Commercial use is allowed, as stated")
NOT_FOR_SALE = Licence("nc", "nc", False, "No commercial use, as stated")


@pytest.fixture(scope="module")
def styled(tmp_path_factory: pytest.TempPathFactory, variables):
    """The variables of a store with adapters for the base network, with different histories and licences."""
    folder = tmp_path_factory.mktemp("styled")
    shutil.copytree(Path(variables["SONGLINE_MODELS"]), folder / "models")
    store = ModelStore(folder / "models", Path(variables["SONGLINE_MODELS_TABLE"]))
    base = store.need(BASE)
    layers = tiny_layers(base.weights)
    kinds = {
        "my-style": {"base": base.digest, "rope": "float16"},
        "bought": {},
        "older": {"base": "ab" * 32},
        "exact": {"rope": "exact"},
    }
    for seed, (name, stated) in enumerate(kinds.items()):
        source = folder / name
        source.mkdir()
        write_adapter(tiny_adapter(layers, seed=seed, **stated), source)
        licence = NOT_FOR_SALE if name == "bought" else OWN
        register_adapter(store, name, source, base=BASE, licence=licence, origin="test", at=AT)
    return {**variables, "SONGLINE_MODELS": str(store.folder)}


@pytest.fixture
def here(tmp_path: Path, styled):
    """Settings with those models and a home of the test's own."""
    return settings_of(tmp_path / "home", styled)


@pytest.fixture
def store(here):
    return ModelStore(here.models_path, here.models_table)


@pytest.fixture
def song(read):
    """The song of an album with such adapters."""

    def reader(*pairs, **settings):
        adapters = [{"model": name, "weight": weight} for name, weight in pairs]
        return read({"settings": {"adapters": adapters, **settings}}).songs[0]

    return reader


def warnings(notices) -> list[str]:
    return [notice.message for notice in notices if isinstance(notice, Notice) and notice.kind == "warning"]


# --- faults and warnings


@pytest.mark.parametrize(
    ("adapters", "told"),
    [
        ([{"model": "my-stile"}], "there is no adapter 'my-stile'. Did you mean 'my-style'"),
        ([{"model": BASE}], f"{BASE} is no adapter"),
        ([{"model": "my-style"}, {"model": "bought"}, {"model": "my-style"}], "my-style is named twice"),
        ([{"model": "my-style", "weight": 2.5}], "adapters[0].weight"),
        ([{"model": "my-style", "weight": -2.1}], "adapters[0].weight"),
        ([{"model": "my-style", "weight": float("nan")}], "adapters[0].weight"),
        ([{"model": "my-style", "strength": 1}], "adapters[0].strength: there is no such field. Remove it"),
        ([{"weight": 1}], "adapters[0].model"),
        ([{"model": f"a-{n}"} for n in range(9)], "settings.adapters"),
        ("my-style", "settings.adapters"),
    ],
)
def test_faults_are_told_with_their_place(faults, adapters, told: str) -> None:
    (fault, *more) = faults({"settings": {"adapters": adapters}})
    assert told in fault
    assert fault.startswith("album.yaml:")
    assert not more


def test_an_adapter_is_no_network(faults) -> None:
    (fault,) = faults({"settings": {"model": "my-style"}})
    assert "my-style is an adapter, not a network" in fault
    assert "adapters: [{model: my-style" in fault


def test_an_adapter_whose_files_are_gone_is_a_fault(tmp_path: Path, styled, variables) -> None:
    shutil.copytree(Path(styled["SONGLINE_MODELS"]), tmp_path / "models")
    settings = settings_of(tmp_path / "home", {**styled, "SONGLINE_MODELS": str(tmp_path / "models")})
    store = ModelStore(settings.models_path, settings.models_table)
    store.need("my-style").path("adapter_config.json").unlink()
    manifest = write_sung(tmp_path / "album", document_with({"settings": {"adapters": [{"model": "my-style"}]}}))
    with pytest.raises(ManifestError, match="files of the adapter my-style are damaged or missing"):
        read_album(manifest, settings)
    with install_session(store, "my-style") as session:
        remove_model(session.home, forget=False)
    with pytest.raises(ManifestError, match="there is no adapter 'my-style'"):
        read_album(manifest, settings)


@pytest.mark.parametrize(
    ("pairs", "settings", "told"),
    [
        ([("my-style", 0.8), ("bought", -1)], {}, []),
        ([("older", 1)], {}, [f"older was trained on another network than {BASE}: it may sound otherwise than meant."]),
        ([("exact", 1)], {}, ["exact was trained with `rope: exact`, and the song has `rope: float16`."]),
        ([("exact", 1)], {"rope": "exact"}, []),
        ([("my-style", 1)], {"rope": "exact"}, ["my-style was trained with `rope: float16`"]),
    ],
)
def test_an_adapter_made_for_something_else_is_warned_of(here, song, pairs, settings, told) -> None:
    found = warnings(DiffRhythmEngine(here).notices(song(*pairs, **settings)))
    assert len(found) == len(told)
    assert all(sentence in each for sentence, each in zip(told, found, strict=True))


def test_a_song_of_another_length_means_another_network(here, song) -> None:
    engine = DiffRhythmEngine(here)
    longer = replace(song(("bought", 1), ("my-style", 1)), length_s=100.0)
    assert [each.partition(" was")[0] for each in warnings(engine.notices(longer))] == ["bought", "my-style"]


def test_an_adapter_without_weight_is_told_to_change_nothing(here, song) -> None:
    engine = DiffRhythmEngine(here)
    assert engine.unused(song(("my-style", 0)))["settings.adapters"] == (
        "The adapter my-style has the weight 0 and changes nothing."
    )
    assert "settings.adapters" not in engine.unused(song(("my-style", 1)))


# --- licences


def test_an_adapter_that_may_not_be_sold_refuses_a_commercial_album(read, song) -> None:
    agreed = [{"model": name, "agreement": "ours"} for name in ("diffrhythm-vae", "muq-mulan-large")]
    settings = {"adapters": [{"model": "bought", "weight": 0.5}]}
    with pytest.raises(LicenceRefused) as caught:
        read({"settings": settings}, commercial=True, licences=agreed)
    assert "bought (generates)" in caught.value.what
    assert caught.value.exit_code == 3
    agreed.append({"model": "bought", "agreement": "Letter of 2 May 2026"})
    assert read({"settings": settings}, commercial=True, licences=agreed).songs
    own = {"adapters": [{"model": "my-style"}]}
    assert read({"settings": own}, commercial=True, licences=agreed[:2]).songs


# --- identity


def test_a_recipe_states_adapters_by_digest_in_the_order_given(here, store, song) -> None:
    engine = DiffRhythmEngine(here)
    recipe = engine.recipe(song(("my-style", 0.8), ("bought", -1)), 1)
    digests = [store.need(name).digest for name in ("my-style", "bought")]
    assert recipe.inputs["adapters"] == [[digests[0], 0.8], [digests[1], -1]]
    turned = engine.recipe(song(("bought", -1), ("my-style", 0.8)), 1)
    other = engine.recipe(song(("my-style", 0.7), ("bought", -1)), 1)
    assert len({recipe.digest, turned.digest, other.digest}) == 3
    assert recipe.digest == engine.recipe(song(("my-style", 0.8), ("bought", -1.0)), 1).digest


def test_without_adapters_nothing_is_stated_anywhere(here, read, song) -> None:
    engine, plain, empty = DiffRhythmEngine(here), read().songs[0], song()
    assert "adapters" not in plain.settings
    assert plain == empty
    assert "adapters" not in engine.recipe(plain, 1).inputs
    assert engine.recipe(plain, 1).digest == engine.recipe(empty, 1).digest


def test_defaults_hold_for_songs_that_name_none_of_their_own(tmp_path: Path, here) -> None:
    document = sung_document()
    document["defaults"]["settings"]["adapters"] = [{"model": "my-style", "weight": 0.5}]
    document["songs"][1]["settings"] = {"adapters": [], "cfg_strength": 0.0}
    one, two = read_album(write_sung(tmp_path / "album", document), here).songs
    assert one.settings["adapters"] == [{"model": "my-style", "weight": 0.5}]
    assert "adapters" not in two.settings


def test_lineage_lists_every_adapter_among_the_models(here, song) -> None:
    engine = DiffRhythmEngine(here)
    recipe = engine.recipe(song(("my-style", 0.8), ("bought", -1)), 1)
    used = {model.name: model for model in engine.models(recipe)}
    assert [(used[n].role, used[n].adapts, used[n].licence) for n in ("my-style", "bought")] == [
        ("generates", BASE, "own"),
        ("generates", BASE, "nc"),
    ]
    assert used[BASE].adapts is None
    assert "adapts" not in used[BASE].model_dump(), "documents without adapters are as they were"
    assert used["my-style"].model_dump()["adapts"] == BASE


def test_a_retake_keeps_its_parents_adapters_and_needs_them(tmp_path: Path, here, styled, song) -> None:
    parent = DiffRhythmEngine(here).recipe(song(("my-style", 0.8)), 1)
    products = {"latent": "1" * 64, "audio": "2" * 64}
    passage = Passage(parent, products, 5.0, 10.0, "en")
    (take,) = DiffRhythmEngine(here).retakes(passage, [3]).recipes
    assert take.inputs["adapters"] == parent.inputs["adapters"]
    shutil.copytree(Path(styled["SONGLINE_MODELS"]), tmp_path / "models")
    elsewhere = here.model_copy(update={"models": tmp_path / "models"})
    with install_session(ModelStore(elsewhere.models_path, elsewhere.models_table), "my-style") as session:
        remove_model(session.home, forget=False)
    with pytest.raises(InputError, match="another version of my-style"):
        get_engine("diffrhythm", elsewhere).retakes(passage, [3])


PLANNED = """
import sys
from pathlib import Path
from catalog.common.settings import load_settings
from flows.planning.read_manifest import read_album
from tasks.engines.registry import get_engine
settings = load_settings()
album = read_album(Path(sys.argv[1]), settings)
engine = get_engine("diffrhythm", settings)
recipes = [engine.recipe(song, 1) for song in album.songs]
assert recipes[0].inputs["adapters"]
assert engine.models(recipes[0]) and engine.uses(album.songs[0])
assert not {"torch", "peft", "safetensors"} & sys.modules.keys()
"""


@pytest.mark.slow
def test_adapters_are_checked_and_planned_without_torch(tmp_path: Path, styled) -> None:
    document = document_with({"settings": {"adapters": [{"model": "my-style"}, {"model": "older"}]}})
    manifest = write_sung(tmp_path / "album", document)
    environment = os.environ | styled | {"SONGLINE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", PLANNED, manifest], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
