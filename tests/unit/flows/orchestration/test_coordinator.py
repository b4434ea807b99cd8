"""The one in charge of an album on work pools, on a farm that does, loses and delays what it is asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.catalog import Catalog
from catalog.ledger.submissions import (
    SubmissionRequest,
    claim_attempt,
    submission_of,
    submit,
    transition,
)
from db.tables.album import Render
from flows.orchestration import budget
from tests.unit.flows.orchestration.coordinated import RENDER_S, coordinator_of, farm, keys_of, run, submitted

__all__ = ["farm", "submitted"]

pytestmark = pytest.mark.slow


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
