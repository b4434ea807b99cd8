"""The judges as the registry has them: light to ask, true to their classes, and refused where something lacks."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.common.errors import MachineError, ModelMissing
from catalog.models.spec import Role
from tasks.scoring.registry import (
    JUDGES,
    Judge,
    install_command,
    judge_named,
    judges_for,
    models_of_scorer,
    require_packages,
)
from tests.support.judge_inputs import store
from tests.support.places import ROOT

LIGHT = """
import sys
from tasks.scoring.registry import JUDGES, judges_for, require_packages
assert judges_for([spec.name for judge in JUDGES for spec in judge.metrics]) == JUDGES
print(sorted({"numpy", "scipy", "torch", "transformers", "faster_whisper", "demucs"} & set(sys.modules)))
"""


def test_asking_who_judges_imports_nothing_heavy() -> None:
    ran = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("judge", JUDGES, ids=lambda judge: judge.name)
def test_each_judge_is_what_the_registry_says(judge: Judge) -> None:
    kind = judge.kind()
    assert (kind.name, kind.revision, kind.metrics) == (judge.name, judge.revision, judge.metrics)
    assert judge_named(judge.name) is judge
    assert models_of_scorer(judge.name) == judge.models


@pytest.mark.slow
def test_the_classes_load_without_their_packages() -> None:
    """What a model needs is imported when it is loaded, so that a worker without it still runs the other judges."""
    modules = ", ".join(judge.path.partition(":")[0] for judge in JUDGES)
    code = f"import sys, {modules}; print(sorted({{'torch', 'transformers', 'faster_whisper'}} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_every_model_of_a_judge_is_in_the_table_with_its_licence(tmp_path: Path) -> None:
    held = store(tmp_path)
    for judge in JUDGES:
        specs = [held.spec(name) for name in judge.models]
        assert Role.JUDGES in specs[0].roles
        assert all(spec.licence.sentence for spec in specs)


def test_no_metric_is_read_by_two() -> None:
    names = [spec.name for judge in JUDGES for spec in judge.metrics]
    assert len(set(names)) == len(names)
    assert judges_for(["clap_worst", "audiobox_pq"]) == (judge_named("clap"), judge_named("aesthetics"))


def test_missing_models_are_told_with_the_one_command_that_gets_them(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing) as missing:
        store(tmp_path).need_all([model for judge in JUDGES[1:3] for model in judge.models])
    assert missing.value.remedy == "Run `songline models pull clap-music audiobox-aesthetics`"


def test_missing_packages_are_told_with_the_one_command_that_gets_them() -> None:
    one = replace(JUDGES[1], packages=("torch_that_is_not", "json"))
    other = replace(JUDGES[3], packages=("whisper_that_is_not",))
    with pytest.raises(MachineError) as missing:
        require_packages([one, other, replace(JUDGES[2], packages=("json",))])
    assert missing.value.what == (
        "the policy asks clap, lyrics, and torch_that_is_not, whisper_that_is_not are not installed"
    )
    assert missing.value.remedy == "Run `pip install 'songline[clap,lyrics,stems]'`"


def test_where_all_is_there_nothing_is_said() -> None:
    require_packages([])
    require_packages([replace(JUDGES[0], packages=("json",))])
    assert replace(JUDGES[0], packages=("json",)).missing == ()


def test_the_extras_that_commands_name_are_declared() -> None:
    declared = ROOT.joinpath("pyproject.toml").read_text("utf-8")
    for judge in JUDGES:
        for extra in judge.extras:
            assert f"\n{extra} = [\n" in declared, f"{install_command(extra)} would install nothing"
