"""What a render needs is gathered once, from the catalog where it is there, and its trouble stays its own."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from catalog.catalog import Catalog, open_catalog
from catalog.common.digests import digest_bytes
from catalog.common.errors import ModelMissing, WorkError
from catalog.ledger.work import Lease, Product, StepOutcome
from catalog.recipe import Recipe
from tasks.engines.base import RenderInput
from tasks.rendering import inputs
from tasks.rendering.inputs import collect_inputs
from tasks.steps import run_step
from tasks.steps.step_kinds import request
from tests.support.engines import FaultyEngine
from tests.support.inline_executor import HERE

RECIPES = [Recipe("faulty", 1, seed, 2.0, {}) for seed in (1, 2, 3)]


class Needy(FaultyEngine):
    """An engine whose recipes need what the test says, by seed."""

    def __init__(self, wanted):
        self.wanted = wanted

    def materials(self, recipe):
        found = self.wanted[recipe.seed]
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch):
    """A step ``embed`` that writes its text; gives the texts of all that was done."""
    done = []

    def embed(context):
        text = context.request.parameters["text"]
        done.append(text)
        if text == "broken":
            raise ModelMissing("the model m is not installed", remedy="Run `songline models pull m`")
        path = context.scratch / "style.npy"
        path.write_text(text)
        return StepOutcome({}, (Product("style", path, "application/x-npy"),))

    monkeypatch.setattr(run_step, "_worker", lambda _: embed)
    return done


@pytest.fixture
def needs(monkeypatch: pytest.MonkeyPatch):
    """Say what each seed's recipe needs."""

    def say(wanted):
        monkeypatch.setattr(inputs, "get_engine", lambda *_: Needy(wanted))

    return say


def embedded(text):
    return RenderInput(request=request("embed", {"text": text}), product="style")


def gathered(catalog, recipes=RECIPES):
    found = collect_inputs(catalog, recipes, HERE)
    return [found[recipe.digest] for recipe in recipes]


@pytest.mark.slow
def test_a_step_that_several_recipes_need_is_done_once_and_never_again(catalog: Catalog, made, needs) -> None:
    needs({1: {"style": embedded("folk")}, 2: {"style": embedded("folk")}, 3: {"style": embedded("jazz")}})
    folk, jazz = ({"style": digest_bytes(text)} for text in (b"folk", b"jazz"))
    assert gathered(catalog) == [folk, folk, jazz]
    assert gathered(catalog) == [folk, folk, jazz]
    assert made == ["folk", "jazz"]
    assert catalog.store.local(folk["style"]).read_text() == "folk"


def test_another_process_finds_what_was_made(catalog: Catalog, settings, made, needs) -> None:
    needs({1: {"style": embedded("folk")}})
    known = gathered(catalog, RECIPES[:1])
    with open_catalog(settings) as other:
        assert gathered(other, RECIPES[:1]) == known
    assert made == ["folk"]


def test_what_is_known_by_its_digest_is_taken_as_it_is(catalog: Catalog, made, needs, tmp_path: Path) -> None:
    path = tmp_path / "parent.wav"
    path.write_text("parent")
    digest = catalog.add_file(path, media_type="audio/wav")
    needs({1: {"parent_audio": RenderInput(digest=digest), "style": embedded("folk")}, 2: {}, 3: {}})
    assert gathered(catalog) == [{"parent_audio": digest, "style": digest_bytes(b"folk")}, {}, {}]
    catalog.store.delete(digest)
    lost, *others = gathered(catalog)
    assert isinstance(lost, WorkError)
    assert "no longer in the store" in lost.what
    assert others == [{}, {}]


def test_trouble_of_one_recipe_is_not_that_of_the_others(catalog: Catalog, made, needs) -> None:
    needs({1: {"style": embedded("folk")}, 2: {"style": embedded("broken")}, 3: ZeroDivisionError("a bug")})
    good, missing, bug = gathered(catalog)
    assert good == {"style": digest_bytes(b"folk")}
    assert isinstance(missing, ModelMissing)
    assert "songline models pull m" in str(missing)
    assert isinstance(bug, WorkError)
    assert "ZeroDivisionError" in bug.what


def test_a_step_that_failed_for_good_says_so_again(catalog: Catalog, made, needs) -> None:
    needs({1: {"style": embedded("broken")}})
    first, again = (gathered(catalog, RECIPES[:1])[0] for _ in range(2))
    assert made == ["broken"]
    assert (type(again), again.what) == (type(first), first.what)


def test_a_material_without_a_source_is_an_error(catalog: Catalog, made, needs) -> None:
    needs({1: {"style": RenderInput()}})
    (found,) = gathered(catalog, RECIPES[:1])
    assert isinstance(found, WorkError)
    assert "no source" in found.what


@pytest.mark.slow
def test_a_step_that_somebody_else_does_is_waited_for(catalog: Catalog, settings, made, needs, tmp_path: Path) -> None:
    wanted = embedded("folk")
    needs({1: {"style": wanted}})
    catalog.ledger.declare_steps([wanted.request])
    path = tmp_path / "theirs.npy"
    path.write_text("theirs")
    with open_catalog(settings) as other:
        lease = other.ledger.claim("step", wanted.request.key)
        assert isinstance(lease, Lease)
        outcome = StepOutcome({}, (Product("style", path, "application/x-npy"),))

        def finish():
            other.ledger.commit(lease, outcome, seconds=0.1, execution=HERE)

        timer = threading.Timer(0.3, finish)
        timer.start()
        assert gathered(catalog, RECIPES[:1]) == [{"style": digest_bytes(b"theirs")}]
        timer.join()
    assert made == []
    with closing(sqlite3.connect(settings.home / "catalog.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM activity").fetchone() == (1,)
