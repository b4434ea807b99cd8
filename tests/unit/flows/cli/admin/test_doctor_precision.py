"""What `songline doctor` says of precisions and forms of weights, on machines of every kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.common.settings import Settings
from flows.cli.admin import doctor_precision
from flows.cli.admin.findings import Check
from tasks.engines.diffrhythm.measured_precision import MeasuredPrecision, keep_precision


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Settings on a machine with these features."""

    def of(*features: str, capability: tuple[int, int] | None = None, torchao: bool = True, **named: str) -> Settings:
        monkeypatch.setattr(doctor_precision, "cpu_features", lambda: frozenset(features))
        monkeypatch.setattr(doctor_precision, "compute_capability", lambda: capability)
        monkeypatch.setattr(doctor_precision, "missing_packages", lambda _: [] if torchao else ["torchao"])
        return Settings(home=tmp_path, **{"device": "cuda" if capability else "cpu", **named})  # type: ignore[arg-type]

    return of


def checks(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in doctor_precision.precisions(settings)}


def test_a_modern_cpu(machine) -> None:
    found = checks(machine("avx512_bf16", "avx512_vnni", cpu_dtype="bfloat16"))
    assert found["precision"].verdict == "ok"
    assert "bfloat16 (avx512_bf16), int8 (avx512_vnni)" in found["precision"].found
    assert "`dtype: auto` means bfloat16" in found["precision"].found
    assert found["int8 and fp8"].verdict == "ok"


def test_a_cpu_with_vnni_alone_is_pointed_to_int8(machine) -> None:
    found = checks(machine("avx512_vnni", torchao=False))
    assert "no bfloat16" in found["precision"].found
    assert "weights: int8" in found["precision"].remedy
    assert found["int8 and fp8"].verdict == "note"
    assert "quantised" in found["int8 and fp8"].remedy


def test_an_old_cpu(machine) -> None:
    assert "slow" in checks(machine())["precision"].remedy


@pytest.mark.parametrize(
    ("capability", "told"),
    [((9, 0), "9.0: bfloat16, int8, fp8"), ((8, 0), "no fp8 (that needs 8.9)"), ((7, 5), "7.5: no fp8")],
)
def test_gpus(machine, capability: tuple[int, int], told: str) -> None:
    assert told in checks(machine(capability=capability))["precision"].found


def test_what_was_measured_is_shown(machine) -> None:
    settings = machine()
    keep_precision(settings, "a", MeasuredPrecision("base", 0, "int8", "float32", "cpu", 0.021, 0.012, 0.9996))
    keep_precision(settings, "b", MeasuredPrecision("base", 2, "int8", "float32", "cpu", 0.08))
    found = checks(settings)
    assert found["base in int8"].verdict == "ok"
    assert "0.021 off full precision in one evaluation, 0.012 in a whole sample" in found["base in int8"].found
    assert found["base with 2 adapters in int8"].verdict == "note"


@pytest.mark.parametrize(
    ("capability", "torchao", "forms"),
    [
        (None, True, ("int8",)),
        (None, False, ()),
        ((8, 6), True, ("int8",)),
        ((8, 9), True, ("int8", "fp8")),
    ],
)
def test_only_the_forms_that_a_machine_has_are_sampled(machine, capability, torchao: bool, forms) -> None:
    assert doctor_precision.forms_here(machine(capability=capability, torchao=torchao)) == forms


@pytest.mark.slow
def test_networks_are_sampled_and_other_models_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torchao", reason="quantising needs the extra `quantised`")
    from tasks.engines.diffrhythm.network import precision
    from tasks.engines.diffrhythm.network.sampler import Sampling
    from tasks.engines.diffrhythm.precision_gate import measure_sample
    from tests.support.tiny_models import settings_of, tiny_settings

    defaults = {"frames": precision.SAMPLE_FRAMES, "sampling": precision.SAMPLE, "check": None}
    assert measure_sample.__kwdefaults__ == defaults
    monkeypatch.setitem(measure_sample.__kwdefaults__, "frames", 48)
    monkeypatch.setitem(measure_sample.__kwdefaults__, "sampling", Sampling(steps=8))
    settings = settings_of(tmp_path, tiny_settings(tmp_path, "diffrhythm-1.2-base", "diffrhythm-vae"))
    (check,) = doctor_precision.deep_precisions(settings)
    assert (check.name, check.verdict) == ("diffrhythm-1.2-base in int8", "ok")
    assert "in a whole sample" in check.found
    assert check in list(doctor_precision.precisions(settings))
