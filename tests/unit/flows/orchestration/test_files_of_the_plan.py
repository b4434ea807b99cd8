"""Judges and stems on several machines: the plan says which model files are meant, whoever looks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalog.common.errors import ModelMissing, WorkError
from catalog.plan.plan import apply_policy
from catalog.plan.storage import stored_plan
from catalog.selection.decide import Policy
from db.tables.album import Album
from flows.pipeline.forecast import finished_result
from flows.pipeline.pipeline import AlbumPipeline
from flows.pipeline.progress import Progress
from tasks.scoring.requests import request_scores
from tests.support.inline_executor import InlineExecutor, produce
from tests.support.judges import MODEL, SELECTION, CharmScorer
from tests.unit.flows.orchestration.judged_albums import JUDGED, ONE_SONG, catalog_of, judges, plan

__all__ = ["catalog_of", "judges"]

pytestmark = pytest.mark.slow


@pytest.mark.both_databases
@pytest.mark.parametrize("other", [None, b"other files"], ids=["no model", "another model"])
def test_what_the_machine_with_the_model_judged_counts_everywhere(catalog_of, tmp_path: Path, other) -> None:
    with catalog_of("gpu", b"weights") as gpu:
        planned = plan(gpu, tmp_path / "album", **JUDGED)
        assert list(planned.identities) == [MODEL]
        assert produce(gpu, planned, "score")[0].failures == {}
        assert len(CharmScorer.heard) == 2
    with catalog_of("cpu", other) as cpu:
        there = stored_plan(cpu.database, "small")
        assert there.identities == planned.identities
        produced, executor = produce(cpu, there, "select")
        assert produced.failures == {}
        assert [step for step in executor.steps if step.startswith("judge")] == []
        assert len(CharmScorer.heard) == 2


def test_a_machine_with_other_files_judges_nothing(catalog_of, tmp_path: Path) -> None:
    with catalog_of("gpu", b"weights") as gpu:
        plan(gpu, tmp_path / "album", **JUDGED)
    with catalog_of("cpu", b"other files") as cpu:
        (error,) = produce(cpu, stored_plan(cpu.database, "small"), "score")[0].failures.values()
        assert isinstance(error, WorkError)
        assert "are not those that the album was planned with" in error.what
    assert CharmScorer.heard == []


def test_planning_again_with_new_files_asks_anew(catalog_of, tmp_path: Path) -> None:
    for name, weights in (("old", b"weights"), ("new", b"newer weights")):
        with catalog_of(name, weights) as catalog:
            assert produce(catalog, plan(catalog, tmp_path / "album", **JUDGED), "score")[0].failures == {}
    assert len(CharmScorer.heard) == 4


def test_a_plan_of_an_older_songline_goes_by_the_files_here(catalog_of, tmp_path: Path) -> None:
    with catalog_of("gpu", b"weights") as gpu:
        produce(gpu, plan(gpu, tmp_path / "album", **JUDGED), "score")
        forget = sa.update(Album).values(model_identities=None)
        gpu.database.transact(lambda session: session.execute(forget))
        older = stored_plan(gpu.database, "small")
        assert older.identities == {}
        assert asyncio.run(finished_result(gpu, older, Progress(older.songs), "score")) is not None
    with catalog_of("cpu") as cpu:
        (error,) = produce(cpu, stored_plan(cpu.database, "small"), "score")[0].failures.values()
        assert isinstance(error, ModelMissing)


def test_a_policy_that_is_applied_brings_the_models_of_its_judges(catalog_of, tmp_path: Path) -> None:
    with catalog_of("gpu", b"weights") as gpu:
        planned = plan(gpu, tmp_path / "album", **ONE_SONG)
        assert planned.identities == {}
        identities = {MODEL: gpu.models.need(MODEL).identity}
        policy = Policy.model_validate(SELECTION)
        apply_policy(gpu.database, "small", policy=policy, over=planned.album.selection, identities=identities)
    with catalog_of("cpu") as cpu:
        there = stored_plan(cpu.database, "small")
        assert (there.policy, there.identities) == (policy, identities)


class Demixing(InlineExecutor):
    """Takes note of what is to be taken apart, and does not do it."""

    def __init__(self, catalog):
        super().__init__(catalog)
        self.asked = []

    async def step(self, request, sentence):
        if request.kind == "demix":
            self.asked.append(request.key)
            raise WorkError("asked", remedy="")
        return await super().step(request, sentence)


def test_stems_are_asked_for_with_the_files_of_the_plan(catalog_of, tmp_path: Path) -> None:
    keys = []
    with catalog_of("gpu", stems="htdemucs") as gpu:
        plan(gpu, tmp_path / "album", stems="htdemucs", **ONE_SONG)
    for name, stems in (("gpu", None), ("cpu", None)):
        with catalog_of(name, stems=stems) as catalog:
            planned = stored_plan(catalog.database, "small")
            executor = Demixing(catalog)
            asyncio.run(AlbumPipeline(catalog, planned, executor, Progress(planned.songs)).run("finish"))
            keys += executor.asked
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_a_request_needs_no_model_here(catalog_of, tmp_path: Path) -> None:
    with catalog_of("gpu", b"weights") as gpu:
        planned = plan(gpu, tmp_path / "album", **JUDGED)
    song = planned.songs[0].song
    asked = request_scores(song, "a" * 64, policy=planned.policy, identities=planned.identities)
    assert [each.kind for each in asked] == ["score", "judge"]
    assert asked[1].parameters["judge"]["models"] == [planned.identities[MODEL]]
