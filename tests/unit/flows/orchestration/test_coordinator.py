"""The one in charge of an album on work pools, on a farm that does, loses and delays what it is asked for."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.common.errors import ServerAway, TransientError, WorkError
from catalog.ledger.submissions import (
    SubmissionRequest,
    claim_attempt,
    shards_of_album,
    submission_of,
    submit,
    transition,
)
from db.tables.album import Render
from flows.orchestration import budget
from flows.orchestration.coordinator import AlbumCoordinator
from flows.orchestration.finish_dispatcher import TRIES
from flows.orchestration.render_dispatcher import FAIL_AFTER, SPLIT_AFTER
from flows.pipeline.progress import Progress
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.rendering.render_shard import render_shard
from tests.support.albums import album_document, write_album
from tests.support.clock import FakeClock
from tests.support.farm import FakeFarm
from tests.support.inline_executor import HERE

pytestmark = pytest.mark.slow

RENDER_S = 60.0


@pytest.fixture
def farm():
    return FakeFarm()


@pytest.fixture
def submitted(catalog: Catalog, settings, tmp_path: Path):
    """A function that plans and submits an album; gives the plan and the submission."""

    def ask(*, until="select", max_gpu_minutes=None, **changes):
        album = read_album(write_album(tmp_path / "album", album_document(**changes)), settings)
        planned = declare_album(catalog, album)
        request = SubmissionRequest(album.id, planned.digest, until, "urgent", max_gpu_minutes)
        return planned, submit(catalog.database, request)

    return ask


def coordinator_of(catalog, asked, farm, *, shard_minutes=2.0, progress=None, clock=time.monotonic):
    planned, submission = asked
    catalog.settings = catalog.settings.model_copy(update={"shard_minutes": shard_minutes})
    return AlbumCoordinator(
        catalog,
        submission,
        planned,
        dispatcher=farm,
        progress=progress or Progress(planned.songs),
        expected_s=lambda _: RENDER_S,
        clock=clock,
    )


def run(coordinator, farm, catalog, *, rounds=12):
    """Rounds of the coordinator with the farm working in between; gives its verdict."""
    for _ in range(rounds):
        if (verdict := coordinator.round()) is not None:
            return verdict
        farm.work_off(catalog)
    raise AssertionError("the coordinator did not come to an end")


def keys_of(planned):
    return [candidate.render_key for song in planned.songs for candidate in song.candidates]


@pytest.mark.both_databases
def test_every_render_is_made_once_and_every_song_decided(catalog: Catalog, submitted, farm) -> None:
    asked = submitted()
    coordinator = coordinator_of(catalog, asked, farm)
    assert run(coordinator, farm, catalog) == "all settled"
    assert coordinator.failures == {}
    assert sorted(farm.rendered) == sorted(keys_of(asked[0]))
    flows = [run.flow for run in farm.runs.values()]
    assert (flows.count("render-shard"), flows.count("finish-song")) == (2, 2)
    assert {run.queue for run in farm.runs.values()} == {"urgent"}


def test_a_song_goes_on_when_its_own_candidates_are_in(catalog: Catalog, submitted, farm) -> None:
    coordinator = coordinator_of(catalog, submitted(), farm)
    coordinator.round()
    farm.work_off(catalog, most=1)
    coordinator.round()
    (song_run,) = farm.open("finish-song")
    assert song_run.work.songs == ("one",)
    assert len(list(farm.open("render-shard"))) == 1


def test_a_lost_shard_is_handed_out_again_without_what_was_made(catalog: Catalog, submitted, farm) -> None:
    asked = submitted()
    coordinator = coordinator_of(catalog, asked, farm, shard_minutes=10.0)
    coordinator.round()
    (shard,) = shards_of_album(catalog.database, "small")
    made = shard.render_keys[:1]
    render_shard(catalog, made, HERE)
    assert farm.lose("render-shard") == 1
    assert run(coordinator, farm, catalog) == "all settled"
    assert sorted(farm.rendered) == sorted(shard.render_keys[1:])
    assert {s.render_keys for s in shards_of_album(catalog.database, "small")} == {
        shard.render_keys,
        shard.render_keys[1:],
    }


def test_a_render_that_ends_its_runs_is_found_and_fails_alone(catalog: Catalog, submitted, farm) -> None:
    asked = submitted()
    poison = keys_of(asked[0])[0]
    coordinator = coordinator_of(catalog, asked, farm, shard_minutes=10.0)
    verdict = None
    for _ in range(60):
        if (verdict := coordinator.round()) is not None:
            break
        for each in list(farm.open("render-shard")):
            if poison in farm.renders_of(catalog, each):
                each.state = "ended"
        farm.work_off(catalog)
    assert verdict == "all settled"
    assert coordinator.failures == {}
    assert sorted(farm.rendered) == sorted(keys_of(asked[0])[1:])
    status = catalog.ledger.statuses("render", [poison])[poison]
    assert status.state == "failed"
    assert "alone" in str(status.error)
    largest = max(s.attempt for s in shards_of_album(catalog.database, "small") if len(s.render_keys) > 1)
    assert largest == SPLIT_AFTER
    assert max(s.attempt for s in shards_of_album(catalog.database, "small")) == FAIL_AFTER

    catalog.ledger.retry("render", [poison])  # what a person forgives is tried again
    assert run(coordinator_of(catalog, asked, farm), farm, catalog) == "all settled"
    assert poison in farm.rendered


def test_workers_that_end_every_run_pause_the_album_and_fail_nothing(catalog: Catalog, submitted, farm) -> None:
    asked = submitted()
    coordinator = coordinator_of(catalog, asked, farm)
    verdict = None
    for _ in range(60):
        if (verdict := coordinator.round()) is not None:
            break
        farm.lose("render-shard")
    assert verdict == "paused"
    assert "in a row ended without a render" in submission_of(catalog.database, "small").reason
    statuses = catalog.ledger.statuses("render", keys_of(asked[0]))
    assert {status.state for status in statuses.values()} == {"planned"}


def test_runs_that_cannot_be_asked_for_count_for_nothing(
    catalog: Catalog, submitted, farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator = coordinator_of(catalog, submitted(), farm)
    monkeypatch.setattr(farm, "start", lambda *_, **__: (_ for _ in ()).throw(ServerAway("away")))
    for _ in range(FAIL_AFTER + 2):
        with pytest.raises(ServerAway):
            coordinator.round()
    monkeypatch.undo()
    assert run(coordinator, farm, catalog) == "all settled"
    assert {s.attempt for s in shards_of_album(catalog.database, "small")} == {1}


def test_a_render_that_is_planned_again_meanwhile_goes_to_the_pool(catalog: Catalog, submitted, farm) -> None:
    asked = submitted()
    coordinator = coordinator_of(catalog, asked, farm)
    coordinator.round()
    farm.work_off(catalog, most=1)
    coordinator.round()
    lost = keys_of(asked[0])[0]
    with catalog.database.write() as session:
        session.get_one(Render, lost).state = "planned"
    assert run(coordinator, farm, catalog) == "all settled"
    assert farm.rendered.count(lost) == 2


def test_a_pause_by_hand_lets_no_song_begin(catalog: Catalog, submitted, farm) -> None:
    coordinator = coordinator_of(catalog, submitted(), farm)
    coordinator.round()
    farm.work_off(catalog)
    assert transition(catalog.database, "small", "paused", from_states=["active"], reason="paused by hand")
    assert run(coordinator, farm, catalog) == "paused"
    assert [each for each in farm.runs.values() if each.flow == "finish-song"] == []


def test_a_budget_ends_the_handing_out_and_a_new_one_goes_on(
    catalog: Catalog, submitted, farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "spent_s", lambda *_, since: RENDER_S * (len(farm.rendered) - counted))
    counted = 0
    asked = submitted(max_gpu_minutes=3.0)
    coordinator = coordinator_of(catalog, asked, farm, shard_minutes=10.0)
    assert run(coordinator, farm, catalog) == "paused"
    status = submission_of(catalog.database, "small")
    assert status.state == "paused"
    assert "3 GPU minutes" in status.reason
    first = list(farm.rendered)
    assert len(first) == 3  # of four, at a minute each
    assert [each.work.songs for each in farm.runs.values() if each.flow == "finish-song"] == [("one",)]

    counted = len(farm.rendered)
    again = submit(catalog.database, SubmissionRequest("small", asked[0].digest, "select", "urgent", 1.0))
    assert (again.state, again.attempt) == ("active", 2)
    assert run(coordinator_of(catalog, (asked[0], again), farm), farm, catalog) == "all settled"
    assert sorted(farm.rendered) == sorted(keys_of(asked[0]))


@pytest.mark.parametrize("how", ["cancelled", "another took charge"])
def test_who_is_no_longer_in_charge_does_nothing_more(catalog: Catalog, submitted, farm, how) -> None:
    coordinator = coordinator_of(catalog, submitted(), farm)
    coordinator.round()
    asked = len(farm.runs)
    if how == "cancelled":
        assert transition(catalog.database, "small", "cancelled", from_states=["active"])
    else:
        assert claim_attempt(catalog.database, "small", after=1) == 2
    assert coordinator.round() == "not in charge"
    assert len(farm.runs) == asked


def test_a_pause_lets_what_runs_be_finished_and_nothing_new_begin(catalog: Catalog, submitted, farm) -> None:
    coordinator = coordinator_of(catalog, submitted(), farm)
    coordinator.round()
    farm.work_off(catalog, most=1)
    assert transition(catalog.database, "small", "paused", from_states=["active"])
    assert farm.lose("render-shard") == 1
    assert run(coordinator, farm, catalog) == "paused"
    assert len(farm.rendered) == 2


def test_who_takes_over_waits_for_the_shards_that_are_out(catalog: Catalog, submitted, farm) -> None:
    asked = submitted()
    coordinator_of(catalog, asked, farm).round()
    claim_attempt(catalog.database, "small", after=1)
    after = (asked[0], submission_of(catalog.database, "small"))
    assert run(coordinator_of(catalog, after, farm), farm, catalog) == "all settled"
    assert [each.flow for each in farm.runs.values()].count("render-shard") == 2


def test_another_queue_takes_the_waiting_runs_along_and_leaves_those_at_work(catalog: Catalog, submitted, farm) -> None:
    asked = submitted()
    coordinator_of(catalog, asked, farm).round()
    waits, works = farm.open("render-shard")
    works.state = "running"
    raised = submit(catalog.database, replace(asked[1].request, priority="batch"))
    assert raised.attempt == 2
    coordinator = coordinator_of(catalog, (asked[0], raised), farm)
    coordinator.round()
    coordinator.round()
    assert farm.withdrawn == [waits.id]
    (again,) = (run for run in farm.open("render-shard") if run is not works)
    assert (again.queue, again.work) == ("batch", waits.work)
    assert run(coordinator, farm, catalog) == "all settled"
    assert sorted(farm.rendered) == sorted(keys_of(asked[0]))


def test_a_failed_render_is_settled_and_does_not_count_as_rendered(catalog: Catalog, submitted, farm) -> None:
    asked = submitted()
    lease = catalog.ledger.claim("render", keys_of(asked[0])[0])
    catalog.ledger.fail(lease, WorkError("it cannot be sung", remedy="Change it"), seconds=1.0, execution=HERE)
    progress = Progress(asked[0].songs)
    coordinator = coordinator_of(catalog, asked, farm, progress=progress)
    coordinator.round()
    assert sum(song.rendered for song in progress.songs.values()) == 0
    assert run(coordinator, farm, catalog) == "all settled"
    takes = sum(song.rendered for song in progress.songs.values())
    assert takes == len(keys_of(asked[0])) - 1


def test_a_run_whose_worker_is_gone_is_given_up_and_replaced(catalog: Catalog, submitted, farm) -> None:
    clock = FakeClock()
    coordinator = coordinator_of(catalog, submitted(), farm, clock=clock)
    coordinator.round()
    silent, stuck = farm.open("render-shard")
    silent.state, stuck.state = "running", "starting"
    coordinator.round()
    assert farm.given_up == []
    clock.now_s = 10_000.0
    coordinator.round()
    assert farm.given_up == [silent.id, stuck.id]
    assert len(list(farm.open("render-shard"))) == 2


def test_a_run_that_holds_its_leases_is_not_given_up(catalog: Catalog, submitted, farm) -> None:
    clock = FakeClock()
    coordinator = coordinator_of(catalog, submitted(), farm, clock=clock)
    coordinator.round()
    busy = next(farm.open("render-shard"))
    busy.state = "running"
    coordinator.round()
    lease = catalog.ledger.claim("render", farm.renders_of(catalog, busy)[0])
    clock.now_s = 10_000.0
    coordinator.round()
    catalog.ledger.fail(lease, TransientError("out of memory"), seconds=1.0, execution=HERE)
    clock.now_s = 10_020.0  # between two attempts nobody holds a lease
    coordinator.round()
    assert farm.given_up == []


def test_a_song_whose_runs_all_end_fails_and_lets_the_others_pass(catalog: Catalog, submitted, farm) -> None:
    coordinator = coordinator_of(catalog, submitted(), farm)
    coordinator.round()
    farm.work_off(catalog)
    verdict = None
    for _ in range(40):
        if (verdict := coordinator.round()) is not None:
            break
        for each in list(farm.open("finish-song")):
            if "one" in each.work.songs:
                each.state = "ended"
        farm.work_off(catalog)
    assert verdict == "all settled"
    assert list(coordinator.failures) == ["one"]
    assert isinstance(coordinator.failures["one"], WorkError)
    tries = [each for each in farm.runs.values() if each.flow == "finish-song" and "one" in each.work.songs]
    assert len(tries) == TRIES


def test_one_gain_for_the_album_waits_for_every_winner(catalog: Catalog, submitted, farm) -> None:
    asked = submitted(until="master", mastering={"profile": "streaming", "mode": "album"})
    coordinator = coordinator_of(catalog, asked, farm)
    assert run(coordinator, farm, catalog) == "all settled"
    stages = [(each.work.until, each.work.songs) for each in farm.runs.values() if each.flow == "finish-song"]
    assert sorted(stages[:2]) == [("select", ("one",)), ("select", ("two",))]
    assert stages[2:] == [("master", ("one", "two"))]


def test_what_is_finished_needs_no_run(catalog: Catalog, submitted, farm) -> None:
    asked = submitted()
    run(coordinator_of(catalog, asked, farm), farm, catalog)
    before = len(farm.runs)
    assert coordinator_of(catalog, asked, farm).round() == "all settled"
    assert len(farm.runs) == before
