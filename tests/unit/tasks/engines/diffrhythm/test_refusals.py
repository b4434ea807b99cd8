"""What the renderer of the DiffRhythm engine refuses: weights, precisions and machines that do not fit a recipe."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the renderer's tests need torch")

from catalog.common.errors import MachineError, ModelMissing, RefusedError, WorkError  # noqa: E402
from catalog.models.store import ModelStore  # noqa: E402
from tasks.engines.base import Failed, RenderResult  # noqa: E402
from tasks.engines.diffrhythm.renderer import DiffRhythmRenderer  # noqa: E402
from tests.support.diffrhythm.short_songs import DATA, FULL  # noqa: E402
from tests.support.models import install  # noqa: E402
from tests.support.tiny_diffrhythm import write_tiny_dit  # noqa: E402
from tests.support.tiny_models import settings_of  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def failure(renderer, order):
    """The error of an order that fails alone."""
    (made,) = renderer.render([order])
    assert isinstance(made, Failed), made
    assert made.recipe == order.recipe
    return made.error


def own_models(tmp_path, tiny_variables):
    """Settings whose models are a copy that the test may change."""
    shutil.copytree(Path(tiny_variables["SONGLINE_MODELS"]), tmp_path / "models")
    return settings_of(tmp_path, {**tiny_variables, "SONGLINE_MODELS": str(tmp_path / "models")})


def with_network(settings, weights, order):
    """A renderer whose network has these weights, and the order that names them."""
    store = ModelStore(settings.models_path, settings.models_table)
    shutil.rmtree(store.home(FULL))
    network = install(store, FULL, {"cfm_model.pt": weights})
    files = {**order.recipe.inputs["files"], "network": {"name": FULL, "digest": network.digest}}
    recipe = replace(order.recipe, inputs={**order.recipe.inputs, "files": files})
    return DiffRhythmRenderer(settings), replace(order, recipe=recipe)


@pytest.mark.slow
def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, tiny_variables, make) -> None:
    settings = own_models(tmp_path, tiny_variables)
    weights = write_tiny_dit(tmp_path / "cfm_model.pt", full=True)
    state = torch.load(weights, weights_only=True)
    state["model_state_dict"]["transformer.proj_out.weight"][0, 0] = float("nan")
    torch.save(state, weights)
    renderer, order = with_network(settings, weights, make())
    with pytest.raises(WorkError, match="not finite") as caught:
        list(renderer.render([order]))
    assert "float32" in caught.value.remedy


@pytest.mark.slow
def test_another_content_of_a_model_is_refused(tmp_path: Path, tiny_variables, make) -> None:
    settings = own_models(tmp_path, tiny_variables)
    renderer, order = with_network(settings, write_tiny_dit(tmp_path / "cfm_model.pt", full=True, seed=9), make())
    assert isinstance(next(renderer.render([order])), RenderResult)
    error = failure(renderer, make())
    assert isinstance(error, WorkError)
    assert f"files of {FULL} here are not those" in error.what
    vocal = make(negative_style={"fixed": "published", "digest": "0" * 64}, files=order.recipe.inputs["files"])
    assert f"files of {DATA} here are not those" in failure(renderer, vocal).what


def test_a_model_that_is_gone_is_named(tmp_path: Path, here, make) -> None:
    bare = here.model_copy(update={"models": tmp_path / "none"})
    error = failure(DiffRhythmRenderer(bare), make())
    assert isinstance(error, ModelMissing)
    assert f"songline models pull {FULL}" in error.remedy


def test_a_network_of_the_wrong_kind_is_refused(tmp_path: Path, tiny_variables, make, tiny_models) -> None:
    base = tiny_models.need("diffrhythm-1.2-base")
    stated = {"name": base.spec.name, "digest": base.digest}
    order = make()
    order = make(files={**order.recipe.inputs["files"], "network": stated})
    renderer = DiffRhythmRenderer(settings_of(tmp_path, tiny_variables))
    assert "has no length embedding" in failure(renderer, order).what
    assert "is a full model" in failure(renderer, make(frames=2048)).what


@pytest.mark.slow
def test_a_decoder_whose_precision_loses_too_much_is_refused(renderer, make, calls) -> None:
    error = failure(renderer, make(vae_dtype="bfloat16"))
    assert isinstance(error, RefusedError)
    assert "over -60 dB" in error.what
    assert "vae_dtype: float32" in error.remedy
    assert calls == [], "found before anything is sampled"
    assert isinstance(next(renderer.render([make()])), RenderResult)


def test_it_has_no_stems_of_its_own(renderer, make) -> None:
    with pytest.raises(RefusedError, match="no stems"):
        renderer.stems(make().recipe)


def test_a_checkpoint_that_is_none_is_told(tmp_path: Path, tiny_variables, make) -> None:
    (tmp_path / "bad").mkdir()
    weights = tmp_path / "bad" / "cfm_model.pt"
    weights.write_bytes(b"not a checkpoint")
    renderer, order = with_network(own_models(tmp_path, tiny_variables), weights, make())
    assert isinstance(failure(renderer, order), MachineError | WorkError)
