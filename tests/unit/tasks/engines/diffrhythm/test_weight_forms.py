"""Forms of weights in recipes, what is refused when planning, and what a forecast makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.common.errors import InputError, MachineError, RefusedError
from catalog.common.settings import Settings
from catalog.recipe import Recipe
from tasks.engines.diffrhythm import weight_forms
from tasks.engines.diffrhythm.forecast import forecast
from tasks.engines.diffrhythm.settings import DiffRhythmSettings
from tasks.engines.diffrhythm.weight_forms import refusal, weights_document


def machine(tmp_path: Path, **named: str) -> Settings:
    return Settings(home=tmp_path, **{"device": "cpu", **named})  # type: ignore[arg-type]


@pytest.fixture
def gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A machine with a GPU of a compute capability."""

    def of(capability: tuple[int, int] | None, **named: str) -> Settings:
        monkeypatch.setattr(weight_forms, "compute_capability", lambda: capability)
        return machine(tmp_path, device="cuda", **named)

    monkeypatch.setattr(weight_forms, "require_installed", lambda *_, **__: None)
    return of


@pytest.fixture
def without_torchao(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_forms, "PACKAGES", ("torchao_that_is_not_installed",))


def chosen(**named: object) -> DiffRhythmSettings:
    return DiffRhythmSettings.model_validate(named)


def test_full_weights_leave_settings_and_recipes_as_they_were(tmp_path: Path) -> None:
    assert weights_document(chosen(), machine(tmp_path)) == {}
    assert weights_document(chosen(weights="full"), machine(tmp_path)) == {}
    assert chosen(weights="full").model_dump(mode="json") == chosen().model_dump(mode="json")
    assert "weights" not in chosen().model_dump(mode="json")
    assert chosen(weights="int8").model_dump(mode="json")["weights"] == "int8"


def test_int8_stands_in_the_recipe(gpu) -> None:
    assert weights_document(chosen(weights="int8"), gpu((8, 0))) == {"weights": "int8"}


@pytest.mark.parametrize(("capability", "told"), [((8, 6), "8.6"), ((7, 5), "7.5"), ((8, 0), "8.0")])
def test_fp8_is_refused_on_an_older_gpu_with_what_works(gpu, capability: tuple[int, int], told: str) -> None:
    error = refusal(chosen(weights="fp8"), gpu(capability))
    assert isinstance(error, RefusedError)
    assert "8.9" in error.what
    assert told in error.what
    assert "weights: int8" in error.remedy


@pytest.mark.parametrize("capability", [(8, 9), (9, 0), (10, 0), (12, 0), None])
def test_fp8_is_planned_where_it_works_or_is_not_known(gpu, capability: tuple[int, int] | None) -> None:
    settings = gpu(capability)
    assert refusal(chosen(weights="fp8"), settings) is None
    assert chosen(weights="fp8").network_dtype(settings) == "bfloat16"


def test_fp8_is_refused_on_a_cpu_and_beside_other_precisions(tmp_path: Path, gpu) -> None:
    error = refusal(chosen(weights="fp8"), machine(tmp_path))
    assert isinstance(error, RefusedError)
    assert "CPU" in error.what
    elsewhere = machine(tmp_path, device="cuda", render_device="cpu")
    assert isinstance(refusal(chosen(weights="fp8"), elsewhere), RefusedError)
    assert isinstance(refusal(chosen(weights="fp8", dtype="float32"), gpu((9, 0))), InputError)


@pytest.mark.usefixtures("without_torchao")
def test_the_missing_package_is_named_with_its_extra(tmp_path: Path) -> None:
    error = refusal(chosen(weights="int8"), machine(tmp_path))
    assert isinstance(error, MachineError)
    assert "quantised" in error.remedy
    with pytest.raises(MachineError, match="torchao"):
        weights_document(chosen(weights="int8"), machine(tmp_path))


@pytest.mark.usefixtures("without_torchao")
def test_another_machine_that_renders_is_not_judged_by_this_one(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(weight_forms, "compute_capability", lambda: (7, 0))
    elsewhere = machine(tmp_path, render_device="cuda")
    assert refusal(chosen(weights="int8"), elsewhere) is None
    assert refusal(chosen(weights="fp8"), elsewhere) is None


def test_auto_beside_int8_is_float32_on_a_cpu(tmp_path: Path) -> None:
    modern = machine(tmp_path, cpu_dtype="bfloat16")
    assert chosen().network_dtype(modern) == "bfloat16"
    assert chosen(weights="int8").network_dtype(modern) == "float32"
    assert chosen(weights="int8", dtype="bfloat16").network_dtype(modern) == "bfloat16"
    assert chosen().decoder_dtype(modern) == "float32", "the decoder stays as it is"


def test_tolerances_of_unmeasured_forms_are_wide_and_said_to_be() -> None:
    for form in ("int8", "fp8"):
        inputs = {"dtype": "bfloat16", "weights": form}
        assert weight_forms.tolerance_dbfs(inputs) == -20.0
        assert "measured on a GPU" in weight_forms.tolerance_note(inputs)
    assert weight_forms.tolerance_dbfs({"dtype": "float32"}) == -80.0
    assert weight_forms.tolerance_note({"dtype": "float32"}) == ""


def expected(device: str = "cpu", *, has_bfloat16: bool = True, **inputs: object):
    stated = {"frames": 2048, "steps": 32, "cfg_strength": 4.0, **inputs}
    recipe = Recipe("diffrhythm", 1, 1, 95.0, stated)
    return forecast(recipe, weights_bytes=2_218_000_000, vae_bytes=0, device=device, has_bfloat16=has_bfloat16)


def test_the_forecast_knows_speed_and_memory_of_each_form() -> None:
    base = expected(dtype="float32")
    assert base.seconds / expected(dtype="bfloat16").seconds == pytest.approx(2.2)
    assert base.seconds / expected(dtype="float32", weights="int8").seconds == pytest.approx(2.0)
    assert expected(dtype="bfloat16", has_bfloat16=False).seconds == base.seconds
    card = expected("cuda", dtype="bfloat16")
    assert expected("cuda", dtype="bfloat16", weights="fp8").seconds == card.seconds, "nothing is promised there"
    saved = card.memory_bytes - expected("cuda", dtype="bfloat16", weights="int8").memory_bytes
    assert saved == pytest.approx(1.06e9, rel=0.02)
