"""LoRA adapters on tiny networks: registered from the authors' names, merged exactly, refused where they do not fit."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="adapters are tensors")
pytest.importorskip("diffusers", reason="the networks are those of diffusers")

from safetensors.torch import load_file, save_file  # noqa: E402

from catalog.common.errors import InputError  # noqa: E402
from catalog.models.store import ModelStore  # noqa: E402
from catalog.models.table import read_table  # noqa: E402
from tasks.engines.acestep.engine import AceStepEngine  # noqa: E402
from tasks.engines.acestep.network.layout import load_parts  # noqa: E402
from tasks.engines.acestep.registration import NETWORKS  # noqa: E402
from tasks.engines.acestep.renderer import AceStepRenderer  # noqa: E402
from tasks.engines.base import RenderJob, RenderResult  # noqa: E402
from tasks.engines.registration import register_adapter  # noqa: E402
from tests.support.models import AT  # noqa: E402
from tests.support.tiny_acestep import SFT, TURBO, official_state  # noqa: E402
from tests.support.tiny_adapters import kohya_tensors, tiny_adapter, write_peft  # noqa: E402
from tests.support.tiny_models import settings_of  # noqa: E402
from tests.unit.tasks.engines.acestep.conftest import FRAMES  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

MIT = read_table().licences["MIT"]
RENAMED = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "o_proj": "to_out.0"}
ADAPTED = [
    f"layers.{number}.{part}.{name}" for number in (0, 1) for part in ("self_attn", "cross_attn") for name in RENAMED
]


def authors_adapter(**more: object):
    """An adapter of the attentions as the authors' trainer writes it."""
    state = official_state(TURBO)
    layers = {layer: tuple(state[f"{layer}.weight"].shape) for layer in ADAPTED}
    return tiny_adapter(layers, seed=3, **more)


@pytest.fixture(scope="module")
def styled(tmp_path_factory: pytest.TempPathFactory, ace_variables):
    """Settings with an adapter `warm` of alpha 8 and rank 4 from the authors' files, and their store."""
    folder = tmp_path_factory.mktemp("styled")
    shutil.copytree(Path(ace_variables["SONGLINE_MODELS"]), folder / "models")
    variables = {**ace_variables, "SONGLINE_MODELS": str(folder / "models")}
    settings = settings_of(folder, variables).model_copy(update={"workers": 1})
    store = ModelStore(settings.models_path, settings.models_table)
    source = write_peft(folder / "warm", authors_adapter(alpha=8.0))
    register_adapter(store, "warm", source, base=TURBO, licence=MIT, origin="test", at=AT)
    return settings, store


def job(styled, song, *adapters: tuple[str, float], **settings: object) -> RenderJob:
    named = [{"model": model, "weight": weight} for model, weight in adapters]
    recipe = AceStepEngine(styled[0]).recipe(song(settings={"adapters": named, **settings}), 1)
    return RenderJob(replace(recipe, inputs={**recipe.inputs, "frames": FRAMES}))


def latent_of(settings, order: RenderJob) -> np.ndarray:
    (result,) = AceStepRenderer(settings).render([order])
    assert isinstance(result, RenderResult), result
    return np.load(io.BytesIO(result.extras["latent"].data), allow_pickle=False)


@pytest.mark.parametrize("weight", [1.0, -0.5])
def test_an_adapter_is_its_product_added_to_the_weights_by_hand(styled, song, monkeypatch, weight: float) -> None:
    settings, _ = styled
    adapted = latent_of(settings, job(styled, song, ("warm", weight)))
    plain = latent_of(settings, job(styled, song))
    adapter = authors_adapter(alpha=8.0)

    def by_hand(model):
        parts = load_parts(model)
        for layer, (a, b) in adapter.pairs.items():
            *place, name = layer.split(".")
            tensor = parts.transformer.state_dict()[".".join((*place, RENAMED[name], "weight"))]
            tensor += weight * 8 / 4 * (b @ a)
        return parts

    monkeypatch.setattr("tasks.engines.acestep.network.loaded.load_parts", by_hand)
    expected = latent_of(settings, job(styled, song))
    assert np.sqrt(np.mean((adapted - expected) ** 2)) <= 1e-5 * np.sqrt(np.mean(expected**2))
    assert np.abs(adapted - plain).max() > 0.01


def test_weight_0_is_no_adapter_bit_for_bit(styled, song) -> None:
    settings, _ = styled
    order = job(styled, song, ("warm", 0.0))
    assert np.array_equal(latent_of(settings, order), latent_of(settings, job(styled, song)))
    engine = AceStepEngine(settings)
    named = song(settings={"adapters": [{"model": "warm", "weight": 0}]})
    assert set(engine.unused(named)) == {"settings.adapters"}


def test_adapters_are_stated_listed_and_explained(styled, song) -> None:
    settings, store = styled
    engine, named = AceStepEngine(settings), song(settings={"adapters": [{"model": "warm", "weight": 0.5}]})
    recipe = engine.recipe(named, 1)
    assert recipe.inputs["adapters"] == [[store.need("warm").digest, 0.5]]
    assert [(model.name, model.role, model.adapts) for model in engine.models(recipe)][-1] == (
        "warm",
        "generates",
        TURBO,
    )
    assert ("warm", "generates") in [(use.model, use.role) for use in engine.uses(named)]
    assert engine.explain(named, recipe)["adapters"] == "warm at 0.5"
    assert "adapters" not in engine.recipe(song(), 1).inputs


def test_an_adapter_of_another_network_is_doubted_and_an_unknown_one_refused(styled, song) -> None:
    engine = AceStepEngine(styled[0])
    other = engine.notices(song(settings={"model": "sft", "adapters": [{"model": "warm"}]}))
    assert any("was trained on another network" in notice.message for notice in other)
    (fault,) = engine.notices(song(settings={"adapters": [{"model": "cold"}]}))
    assert (fault.kind, "there is no adapter 'cold'" in fault.message) == ("fault", True)


def test_the_same_adapter_from_each_trainer_is_the_same_model(styled, tmp_path: Path) -> None:
    _, store = styled
    adapter = authors_adapter(alpha=8.0)
    save_file(kohya_tensors(adapter), tmp_path / "kohya.safetensors")
    prefixed = {f"base_model.model.decoder.{layer}": pair for layer, pair in adapter.pairs.items()}
    peft = {f"{layer}.lora_{part}.weight": pair["AB".index(part)] for layer, pair in prefixed.items() for part in "AB"}
    write_peft(tmp_path / "peft", adapter)
    save_file(peft, tmp_path / "peft" / "adapter_model.safetensors")
    for name, source in (("kohya", tmp_path / "kohya.safetensors"), ("prefixed", tmp_path / "peft")):
        model = register_adapter(store, name, source, base=TURBO, licence=MIT, origin="test", at=AT)
        assert model.digest == store.need("warm").digest
    stored = load_file(store.need("warm").path("adapter_model.safetensors"))
    assert "base_model.model.layers.0.self_attn.to_out.0.lora_A.weight" in stored


def test_patterns_of_rank_and_alpha_keep_their_layers(styled, tmp_path: Path) -> None:
    _, store = styled
    adapter = authors_adapter(alpha=4.0, alpha_pattern={"q_proj": 16.0})
    source = write_peft(tmp_path / "peft", adapter)
    register_adapter(store, "patterned", source, base=TURBO, licence=MIT, origin="test", at=AT)
    from tasks.weights.adapters.reading import read_adapter

    stored = read_adapter(store.need("patterned").folder)
    assert stored.alpha_of("layers.0.self_attn.to_q") == 16.0
    assert stored.alpha_of("layers.0.self_attn.to_k") == 4.0


def test_what_does_not_fit_is_refused(styled, tmp_path: Path) -> None:
    _, store = styled
    wide = write_peft(tmp_path / "wide", tiny_adapter({"layers.0.self_attn.q_proj": (32, 40)}))
    with pytest.raises(InputError, match=r"layers\.0\.self_attn\.to_q is of 40 to 32 channels"):
        register_adapter(store, "wide", wide, base=TURBO, licence=MIT, origin="test", at=AT)
    other = write_peft(tmp_path / "other", tiny_adapter({"transformer_blocks.0.self_attn.q_proj": (64, 64)}))
    with pytest.raises(InputError, match="is no linear layer of the network"):
        register_adapter(store, "other", other, base=SFT, licence=MIT, origin="test", at=AT)


def test_networks_that_are_not_here_are_known_by_their_published_sizes(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    small, large = (NETWORKS.layers(store, store.spec(name)) for name in (TURBO, "acestep-1.5-xl-base"))
    assert small["layers.23.cross_attn.to_k"] == (1024, 2048)
    assert large["layers.31.self_attn.to_q"] == (4096, 2560)
    assert large["condition_embedder"] == (2560, 2048)
