"""Names of stems, light enough for planning."""

from __future__ import annotations

import subprocess
import sys

import pytest

from catalog.common import packages
from catalog.common.errors import InputError, MachineError
from catalog.models.spec import Role
from catalog.models.table import read_table
from tasks.separation.demucs.models import STEM_MODELS, require_stem_packages, stems_given


def test_every_model_is_in_the_registry_as_a_separator_that_nobody_may_use_commercially_without_agreement() -> None:
    for model in STEM_MODELS:
        spec = read_table().models[model]
        assert spec.roles == (Role.SEPARATES,)
        assert not spec.licence.commercial
        assert f"{model}.yaml" in {file.path for file in spec.files}
    assert len(read_table().models["htdemucs_ft"].files) == 5


@pytest.mark.parametrize("model", sorted(STEM_MODELS))
def test_two_stems_are_the_one_and_all_the_rest(model) -> None:
    assert stems_given(model, None) == STEM_MODELS[model]
    assert stems_given(model, "bass") == ("bass", "no_bass")


def test_a_wrong_name_gets_the_nearest_one() -> None:
    with pytest.raises(InputError, match=r"no separation model 'htdemux'.*htdemucs"):
        stems_given("htdemux", None)
    with pytest.raises(InputError, match=r"htdemucs gives no stem 'vocal'.*vocals"):
        stems_given("htdemucs", "vocal")
    with pytest.raises(InputError, match="gives no stem 'piano'"):
        stems_given("htdemucs_ft", "piano")


def test_what_is_not_installed_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == "demucs" else object())
    with pytest.raises(MachineError, match=r"not installed: demucs\. Run `make engine`"):
        require_stem_packages()


@pytest.mark.slow
def test_planning_and_the_steps_load_no_torch() -> None:
    code = "import sys, tasks.separation.step, flows.cli.audio.separate; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_instrumental_has_no_stem_of_a_voice() -> None:
    assert stems_given("htdemucs", None, instrumental=True) == ("drums", "bass", "other")
    assert stems_given("htdemucs", "drums", instrumental=True) == ("drums", "no_drums")
