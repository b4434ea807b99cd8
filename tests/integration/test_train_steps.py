"""The steps of a training on tiny weights: killed and resumed to the same bytes, once only, and traced to its songs."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from catalog.catalog import open_catalog
from catalog.ledger.checkpoints import checkpoints_of
from catalog.ledger.results import step_result
from catalog.ledger.work import WorkStatus
from catalog.lineage.lineage import activities, trace
from catalog.store.gc import collect_garbage
from flows.training.finished import Trained, finished_training
from flows.training.registration import register, taken_name
from tasks.steps.environment import execution_environment
from tasks.steps.run_step import run_step
from tests.support.style_manifest import NAMES
from tests.support.tiny_models import settings_of
from tests.support.training_home import TrainingHome, done, prepared_home

pytestmark = pytest.mark.slow
PATIENCE_S = 240.0


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> TrainingHome:
    folder = tmp_path_factory.mktemp("training")
    return prepared_home(folder, folder / "home")


def copied(ready: TrainingHome, home: Path) -> TrainingHome:
    shutil.copytree(ready.settings.home, home)
    return dataclasses.replace(ready, settings=settings_of(home, ready.variables))


@pytest.fixture(scope="module")
def trained(ready: TrainingHome, tmp_path_factory: pytest.TempPathFactory) -> TrainingHome:
    """The same, trained without interruption by a process of its own."""
    home = copied(ready, tmp_path_factory.mktemp("trained") / "home")
    process = home.process()
    out, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (0, "done\n"), errors
    return home


def numbers(home: TrainingHome) -> list[int]:
    """The checkpoints that there are, read beside whoever writes."""
    with closing(sqlite3.connect(home.settings.home / "catalog.sqlite3", timeout=30)) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM checkpoint ORDER BY number")]


def test_a_training_that_is_killed_twice_ends_with_the_same_bytes(trained, ready, tmp_path: Path) -> None:
    home = copied(ready, tmp_path / "home")
    for least in (2, 6):
        process = home.process()
        deadline = time.monotonic() + PATIENCE_S
        while max(numbers(home), default=0) < least and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "it was not killed in time"
        assert max(numbers(home)) >= least
    with open_catalog(home.settings) as catalog:
        kept = checkpoints_of(catalog.database, home.key)
        assert kept[0].number >= 6
        garbage = {entry.digest for entry in collect_garbage(catalog.database, catalog.store, 0.0).garbage}
        assert garbage.isdisjoint({found.state_digest for found in kept} | {found.adapter_digest for found in kept})
    process = home.process()
    out, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (0, "done\n"), errors
    with open_catalog(home.settings) as resumed, open_catalog(trained.settings) as whole:
        found, expected = (step_result(catalog.database, home.key) for catalog in (resumed, whole))
        assert found.made == expected.made, "adapter, card and curve, byte for byte"
        assert found.result == expected.result
        assert checkpoints_of(resumed.database, home.key) == ()
    assert not list((home.settings.home / "trainings").iterdir())


def test_what_is_trained_is_not_trained_again(trained) -> None:
    with open_catalog(trained.settings) as catalog:
        assert run_step(catalog, trained.key, execution_environment()) == WorkStatus("done")
        assert finished_training(catalog, trained.document) is None, "its previews are missing yet"


def test_its_name_is_its_own_while_previews_are_missing(trained) -> None:
    """Else the same command would be refused after a preview failed, or with another prompt."""
    with open_catalog(trained.settings) as catalog:
        result = step_result(catalog.database, trained.key)
        register(catalog, trained.document, Trained(trained.key, result, {}))
        previews = trained.document.previews.model_copy(update={"prompts": ("another",)})
        for document in (trained.document, trained.document.model_copy(update={"previews": previews})):
            assert taken_name(catalog, document) is None
        training = trained.document.training | {"seed": 9}
        other = trained.document.model_copy(update={"training": training})
        assert "and it is another" in str(taken_name(catalog, other))


def test_the_products_say_how_it_went(trained) -> None:
    with open_catalog(trained.settings) as catalog:
        result = step_result(catalog.database, trained.key)
        assert set(result.made) == {"adapter", "adapter_config", "loss_curve", "card"}
        curve = json.loads(catalog.store.local(result.made["loss_curve"]).read_bytes())
        card = catalog.store.local(result.made["card"]).read_text()
    assert [point[0] for point in curve["points"]] == list(range(11))
    assert [point[0] for point in curve["points"] if point[2] is not None] == [0, 2, 4, 6, 8, 10]
    assert curve["best_step"] == result.result["best_step"]
    assert [found["take"] for found in result.result["copies"]] == ["depot", "harbour"]
    for words in (
        "all recordings are my own",
        "Commercial albums may not use it",
        "- meadow (0:03, 3 lines, held out)",
    ):
        assert words in card


def test_the_adapter_leads_to_every_recording(trained) -> None:
    with open_catalog(trained.settings) as catalog:
        result = step_result(catalog.database, trained.key)
        found = trace(catalog.database, result.made["adapter"], models_of=lambda *_: ())
    kinds = [activity["kind"] for activity in activities(found.root)]
    assert kinds[0] == "train"
    assert kinds.count("train_latent") == len(NAMES)
    given = {child.artifact["digest"] for _, node in found.root.used for _, child in node.used}
    assert {song.audio for song in trained.document.songs} <= given
    assert found.root.activity["parameters"]["rights"] == "all recordings are my own"


def test_a_preview_is_sung_and_compared_with_the_songs(trained) -> None:
    document = trained.document
    with open_catalog(trained.settings) as catalog:
        result = step_result(catalog.database, trained.key)
        moments = _used(catalog, trained.key, "moments.")
        style = step_result(catalog.database, document.preview_styles()["folk, warm guitar"].key).made["style"]
        preview = done(catalog, document.preview_request(result.made["adapter"], style, moments))
        assert preview.result["closest"]["song"] in NAMES
        assert catalog.store.stat(preview.made["audio"]).size > 32 * 2048 * 2 * 4


def _used(catalog, key: str, prefix: str) -> dict[str, str]:
    from catalog.ledger.results import step_request

    inputs = step_request(catalog.database, key).inputs
    return {role.removeprefix(prefix): digest for role, digest in inputs.items() if role.startswith(prefix)}
