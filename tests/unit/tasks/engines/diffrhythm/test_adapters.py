"""Songs rendered with adapters: alone and among others, and what is refused."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the renderer's tests need torch")

from catalog.common.errors import MachineError, ModelMissing, WorkError  # noqa: E402
from catalog.models.adapters import install_adapter  # noqa: E402
from catalog.models.spec import AdapterFacts  # noqa: E402
from catalog.models.store import ModelStore  # noqa: E402
from catalog.models.table import read_table  # noqa: E402
from tasks.engines.base import Failed, RenderResult  # noqa: E402
from tasks.engines.diffrhythm import loaded  # noqa: E402
from tasks.engines.diffrhythm.network.checkpoint import load_network  # noqa: E402
from tasks.engines.diffrhythm.renderer import DiffRhythmRenderer  # noqa: E402
from tasks.engines.registration import register_adapter  # noqa: E402
from tasks.weights.adapters.digest import adapter_digest  # noqa: E402
from tasks.weights.adapters.writing import adapter_bytes, config_bytes, write_adapter  # noqa: E402
from tests.support.diffrhythm.short_songs import FULL  # noqa: E402
from tests.support.models import AT  # noqa: E402
from tests.support.places import ROOT  # noqa: E402
from tests.support.tiny_adapters import tiny_adapter, tiny_layers, write_peft  # noqa: E402
from tests.support.tiny_models import settings_of  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

APACHE = read_table().licences["Apache-2.0"]


@pytest.fixture(scope="module")
def styled(tmp_path_factory: pytest.TempPathFactory, tiny_variables):
    """Settings with two adapters, `warm` and `cold`, and their store."""
    folder = tmp_path_factory.mktemp("styled")
    shutil.copytree(Path(tiny_variables["SONGLINE_MODELS"]), folder / "models")
    settings = settings_of(folder, {**tiny_variables, "SONGLINE_MODELS": str(folder / "models")})
    store = ModelStore(settings.models_path, settings.models_table)
    layers = tiny_layers(store.need(FULL).weights)
    for name, rank, seed in (("warm", 4, 1), ("cold", 8, 2)):
        source = write_peft(folder / name, tiny_adapter(layers, rank=rank, seed=seed))
        register_adapter(store, name, source, base=FULL, licence=APACHE, origin="test", at=AT)
    return settings


@pytest.fixture
def with_adapters(styled, make):
    """An order with adapters by name and weight."""
    store = ModelStore(styled.models_path, styled.models_table)

    def order(*pairs, seed=1, **changes):
        stated = [[store.need(name).digest, weight] for name, weight in pairs]
        return make(seed, **({"adapters": stated} if stated else {}), **changes)

    return order


def rendered(settings, orders):
    made = list(DiffRhythmRenderer(settings).render(orders))
    assert all(isinstance(each, RenderResult) for each in made), made
    return {each.recipe.digest: each for each in made}


def latent_of(result):
    return np.load(io.BytesIO(result.extras["latent"].data), allow_pickle=False)


def only(made):
    (result,) = made.values()
    return result


@pytest.mark.slow
def test_songs_of_other_adapters_in_one_shard_are_their_single_renders(styled, with_adapters, calls) -> None:
    orders = [
        with_adapters(("warm", 0.8), seed=1),
        with_adapters(seed=1),
        with_adapters(("cold", 0.5), ("warm", 0.3), seed=1),
        with_adapters(("warm", 0.8), seed=2),
        with_adapters(("warm", 0.5), seed=1),
    ]
    together = rendered(styled, orders)
    assert sorted(map(len, calls)) == [1, 1, 1, 2], "songs of the same adapters share a call, no others do"
    for order in orders:
        alone = only(rendered(styled, [order]))
        shared = together[order.recipe.digest]
        exact = order.recipe.inputs.get("adapters") != orders[0].recipe.inputs["adapters"]
        bound = 0 if exact else 1e-4  # a batch of two rounds otherwise
        assert np.abs(alone.audio.samples - shared.audio.samples).max() <= bound
    latents = [latent_of(together[order.recipe.digest]) for order in orders]
    assert min(np.abs(a - b).max() for n, a in enumerate(latents) for b in latents[:n]) > 0.01


@pytest.mark.slow
def test_weight_nought_is_the_base_bit_for_bit(styled, with_adapters) -> None:
    base = only(rendered(styled, [with_adapters()]))
    nought = only(rendered(styled, [with_adapters(("warm", 0.0), ("cold", 0))]))
    assert np.array_equal(base.audio.samples, nought.audio.samples)
    assert base.extras["latent"].data == nought.extras["latent"].data


@pytest.mark.slow
def test_going_back_to_the_base_is_exact(styled, with_adapters) -> None:
    """The base is read anew: taking an adapter off again by subtraction would leave rounding behind."""
    renderer, base = DiffRhythmRenderer(styled), with_adapters()
    (first,) = renderer.render([base])
    (_,) = renderer.render([with_adapters(("warm", 1.0))])
    (again,) = renderer.render([base])
    assert first.extras["latent"].data == again.extras["latent"].data


@pytest.mark.slow
def test_songs_of_one_network_follow_each_other(styled, with_adapters, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []

    def load(*paths, **named):
        loads.append(named)
        return load_network(*paths, **named)

    monkeypatch.setattr(loaded, "load_network", load)
    orders = [
        with_adapters(),
        with_adapters(("warm", 0.8)),
        with_adapters(frames=64),
        with_adapters(("warm", 0.8), steps=9),
    ]
    rendered(styled, orders)
    assert len(loads) == 2


def test_an_adapter_that_is_gone_is_told(styled, make) -> None:
    (made,) = DiffRhythmRenderer(styled).render([make(adapters=[["ab" * 32, 1.0]])])
    assert isinstance(made, Failed)
    assert isinstance(made.error, ModelMissing)
    assert "adapter abababababab" in made.error.what
    assert "models import" in made.error.remedy


def test_changed_files_of_an_adapter_are_not_used(tmp_path: Path, styled, with_adapters) -> None:
    shutil.copytree(styled.models_path, tmp_path / "models")
    settings = styled.model_copy(update={"models": tmp_path / "models"})
    store = ModelStore(settings.models_path, settings.models_table)
    folder = store.need("warm").folder
    size = store.need("warm").size_bytes
    for path in folder.iterdir():
        path.chmod(0o644)
    write_adapter(tiny_adapter(tiny_layers(store.need(FULL).weights), rank=4, seed=9), folder)
    assert sum(path.stat().st_size for path in folder.iterdir()) == size, "a check of sizes does not see it"
    (made,) = DiffRhythmRenderer(settings).render([with_adapters(("warm", 1.0))])
    assert isinstance(made.error, WorkError)
    assert "the files of warm here are not those" in made.error.what


@pytest.mark.slow
def test_an_adapter_of_another_size_fails_alone(tmp_path: Path, styled, with_adapters) -> None:
    shutil.copytree(styled.models_path, tmp_path / "models")
    settings = styled.model_copy(update={"models": tmp_path / "models"})
    store = ModelStore(settings.models_path, settings.models_table)
    layers = tiny_layers(store.need(FULL).weights)
    odd = tiny_adapter({name: (out, into // 2) for name, (out, into) in layers.items()})
    files = {"adapter_model.safetensors": adapter_bytes(odd), "adapter_config.json": config_bytes(odd)}
    facts = AdapterFacts(adapter_digest(odd), FULL, odd.rank)
    install_adapter(store, "odd", files, facts, licence=APACHE, origin="test", at=AT)
    orders = [with_adapters(), with_adapters(adapters=[[facts.digest, 1.0]])]
    made = list(DiffRhythmRenderer(settings).render(orders))
    assert [type(each) for each in made] == [RenderResult, Failed]
    assert isinstance(made[1].error, MachineError)
    assert "does not fit" in made[1].error.what


WITHOUT_PEFT = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "peft":
            raise ImportError("peft is not installed")
sys.meta_path.insert(0, Blocked())
import tasks.engines.diffrhythm.renderer, tasks.engines.diffrhythm.registration
assert "peft" not in sys.modules
"""


@pytest.mark.slow
def test_rendering_and_registering_import_no_peft() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_PEFT], check=True, cwd=ROOT)
