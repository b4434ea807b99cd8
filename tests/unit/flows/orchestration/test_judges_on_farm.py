"""Judges on several machines under one coordinator: who hears what is rendered, and what fails alone."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from catalog.common.errors import TransientError
from catalog.ledger.submissions import SubmissionRequest, submission_of, submit
from db.tables.provenance import Activity
from flows.orchestration import budget, render_dispatcher
from flows.orchestration.coordinator import AlbumCoordinator
from flows.pipeline.progress import Progress
from flows.pipeline.run import raise_if_renders_missing
from flows.pipeline.score_requests import ScoreRequests
from tests.support.clock import FakeClock
from tests.support.farm import FakeFarm
from tests.support.inline_executor import HERE, produce
from tests.support.judges import SELECTION, CharmScorer
from tests.support.statements import counted
from tests.unit.flows.orchestration.judged_albums import JUDGED, ONE_SONG, catalog_of, judges, plan

__all__ = ["catalog_of", "judges"]

pytestmark = pytest.mark.slow


@pytest.fixture
def farm():
    return FakeFarm()


@pytest.fixture
def gpu(catalog_of):
    with catalog_of("gpu", b"weights") as catalog:
        yield catalog


def coordinator_of(catalog, planned, farm, *, max_gpu_minutes=None, clock=time.monotonic):
    submission = submit(
        catalog.database, SubmissionRequest(planned.album.id, planned.digest, "select", "urgent", max_gpu_minutes)
    )
    progress = Progress(planned.songs)
    return AlbumCoordinator(
        catalog, submission, planned, dispatcher=farm, progress=progress, expected_s=lambda _: 60.0, clock=clock
    )


def rounds(coordinator, work, *, most=40):
    """Rounds with ``work`` done between them; gives the verdict."""
    for _ in range(most):
        if (verdict := coordinator.round()) is not None:
            return verdict
        work()
    raise AssertionError("the coordinator did not come to an end")


def judged_by(catalog, farm, flow):
    """Do what waits of one flow; gives how many candidates a judge heard meanwhile."""
    before = len(CharmScorer.heard)
    farm.work_off(catalog, flow=flow)
    return len(CharmScorer.heard) - before


def rendered_before(catalog, folder, **changes):
    """An album whose candidates are rendered and scored, and none is judged; gives its plan with a judge."""
    assert produce(catalog, plan(catalog, folder, **changes, songs=ONE_SONG["songs"]), "score")[0].failures == {}
    return plan(catalog, folder, **JUDGED)


@pytest.mark.both_databases
def test_a_judge_that_is_asked_later_hears_what_is_rendered_on_the_gpu_pool(gpu, farm, tmp_path: Path) -> None:
    planned = rendered_before(gpu, tmp_path / "album")
    coordinator = coordinator_of(gpu, planned, farm)
    heard = {"render-shard": 0, "finish-song": 0}

    def work():
        for flow in heard:
            heard[flow] += judged_by(gpu, farm, flow)

    assert rounds(coordinator, work) == "all settled"
    assert coordinator.failures == {}
    assert (heard, farm.rendered) == ({"render-shard": 2, "finish-song": 0}, [])
    assert [run.name for run in farm.runs.values() if run.flow == "render-shard"] == ["judge · Song One"]
    assert coordinator_of(gpu, planned, farm).round() == "all settled"


def test_a_render_that_another_album_made_is_judged_on_the_gpu_pool(gpu, farm, tmp_path: Path) -> None:
    other = {"album": {"id": "older", "title": "Older", "artist": "Ada Vale"}}
    planned = rendered_before(gpu, tmp_path / "album", **other)
    coordinator_of(gpu, planned, farm).round()
    assert [run.flow for run in farm.open()] == ["render-shard"]
    assert judged_by(gpu, farm, "render-shard") == 2
    assert farm.rendered == []


def test_shards_that_were_rendered_long_ago_are_not_held_against_the_workers(
    gpu, farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render_dispatcher, "MAX_RUNS_WITHOUT_PROGRESS", 1)
    first = coordinator_of(gpu, plan(gpu, tmp_path / "album", **ONE_SONG), farm)
    assert rounds(first, lambda: farm.work_off(gpu)) == "all settled"
    coordinator = coordinator_of(gpu, plan(gpu, tmp_path / "album", **JUDGED), farm)
    assert rounds(coordinator, lambda: farm.work_off(gpu)) == "all settled"
    assert len(CharmScorer.heard) == 2


def test_a_worker_that_is_lost_at_judging_is_followed_by_another_gpu_worker(gpu, farm, tmp_path: Path) -> None:
    planned = plan(gpu, tmp_path / "album", **JUDGED)
    coordinator = coordinator_of(gpu, planned, farm)
    coordinator.round()
    unjudged = {**JUDGED, "selection": {}}
    produce(gpu, plan(gpu, tmp_path / "plain", **unjudged), "score")  # as far as it came
    plan(gpu, tmp_path / "album", **JUDGED)
    assert farm.lose("render-shard") == 1
    coordinator.round()
    assert [run.flow for run in farm.open()] == ["render-shard"]
    assert rounds(coordinator, lambda: farm.work_off(gpu)) == "all settled"
    assert (farm.rendered, len(CharmScorer.heard)) == ([], 2)


def test_a_candidate_that_ends_its_judges_runs_fails_alone(gpu, farm, tmp_path: Path) -> None:
    planned = rendered_before(gpu, tmp_path / "album")
    poison = planned.songs[0].candidates[0].render_key
    asked = ScoreRequests(gpu, planned).missing_requests([poison])[poison]
    coordinator = coordinator_of(gpu, planned, farm)

    def work():
        for each in list(farm.open("render-shard")):
            if poison in farm.renders_of(gpu, each):
                each.state = "ended"
        farm.work_off(gpu)

    assert rounds(coordinator, work, most=60) == "all settled"
    assert coordinator.failures == {}
    assert len(CharmScorer.heard) == 1
    assert ScoreRequests(gpu, planned).missing_requests([poison]) == {}
    (status,) = gpu.ledger.statuses("step", list(asked)).values()
    assert status.state == "failed"
    assert f"{render_dispatcher.FAIL_AFTER} runs ended at this step alone" in str(status.error)


def test_who_is_judging_holds_its_run(gpu, farm, tmp_path: Path) -> None:
    planned = rendered_before(gpu, tmp_path / "album")
    clock = FakeClock()
    coordinator = coordinator_of(gpu, planned, farm, clock=clock)
    coordinator.round()
    (run,) = farm.open("render-shard")
    run.state = "running"
    coordinator.round()
    render = farm.renders_of(gpu, run)[0]
    (request, *_) = ScoreRequests(gpu, planned).missing_requests([render])[render].values()
    gpu.ledger.declare_steps([request])
    lease = gpu.ledger.claim("step", request.key)
    clock.now_s = 10_000.0
    coordinator.round()
    assert farm.given_up == []
    gpu.ledger.fail(lease, TransientError("out of memory"), seconds=1.0, execution=HERE)
    clock.now_s = 20_000.0
    coordinator.round()
    assert farm.given_up == [run.id]


def test_songs_are_not_brought_on_before_every_judge_has_heard_them(gpu, tmp_path: Path) -> None:
    planned = rendered_before(gpu, tmp_path / "album")
    with pytest.raises(TransientError, match="judges have not scored every candidate"):
        raise_if_renders_missing(gpu, planned)
    produce(gpu, planned, "score")
    raise_if_renders_missing(gpu, planned)


def test_a_budget_that_is_spent_lets_what_is_rendered_be_judged(
    gpu, farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "spent_s", lambda *_, since: 600.0)
    two = [{**ONE_SONG["songs"][0], "seeds": seeds} for seeds in ([1, 2], [1, 2, 3])]
    produce(gpu, plan(gpu, tmp_path / "album", songs=two[:1]), "score")
    planned = plan(gpu, tmp_path / "album", selection=SELECTION, songs=two[1:])
    coordinator = coordinator_of(gpu, planned, farm, max_gpu_minutes=5.0)
    assert rounds(coordinator, lambda: farm.work_off(gpu)) == "paused"
    assert (farm.rendered, len(CharmScorer.heard)) == ([], 2)
    assert "1 render is left" in submission_of(gpu.database, "small").reason


@pytest.mark.both_databases
def test_looking_asks_the_catalog_as_often_for_any_number_of_songs(gpu, farm, tmp_path: Path) -> None:
    counts = []
    for songs in (1, 2):
        one = {**ONE_SONG["songs"][0], "seeds": [1]}
        listed = [{**one, "id": f"song-{n}", "prompt": f"pop, {100 + n} BPM"} for n in range(songs)]
        produce(gpu, plan(gpu, tmp_path / "album", songs=listed), "score")
        planned = plan(gpu, tmp_path / "album", selection=SELECTION, songs=listed)
        dispatcher = render_dispatcher.ShardDispatcher(gpu, planned, farm, expected_s=lambda _: 60.0)
        with counted(gpu.database) as sent:
            dispatcher.refresh()
        assert (len(dispatcher.missing), len(dispatcher.unrendered)) == (songs, 0)
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 8


class FakeCuda:
    """The part of torch.cuda that tells which device there is."""

    def __init__(self, *, loaded=True, lost=False):
        self._loaded, self._lost = loaded, lost

    def is_initialized(self):
        return self._loaded

    def get_device_name(self):
        if self._lost:
            raise RuntimeError("CUDA error: unspecified launch failure")
        return "Example Accelerator 9000"


@pytest.mark.parametrize(
    ("cuda", "device"),
    [
        (FakeCuda(), "Example Accelerator 9000"),
        (FakeCuda(loaded=False), "cuda"),
        (FakeCuda(lost=True), "cuda"),
    ],
    ids=["torch", "another library", "a lost device"],
)
@pytest.mark.parametrize("fails", [False, True])
def test_what_was_judged_on_a_gpu_says_so(
    gpu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuda, device, fails
) -> None:
    planned = rendered_before(gpu, tmp_path / "album")
    gpu.settings = gpu.settings.model_copy(update={"device": "cuda"})
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    if fails:
        monkeypatch.setattr(CharmScorer, "score", lambda *_: 1 / 0)
    assert bool(produce(gpu, planned, "score")[0].failures) == fails
    with gpu.database.read() as session:
        found = session.execute(sa.select(Activity.kind, Activity.outcome, Activity.device))
        told = {(row.kind, row.outcome, row.device) for row in found}
    assert told - {("score", "done", "cpu"), ("render", "done", "cpu")} == {
        ("judge", "failed" if fails else "done", device)
    }
