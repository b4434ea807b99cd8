"""Runs that are lost, end too often or hold their leases: who is replaced, and what fails alone."""

from __future__ import annotations

import pytest

from catalog.catalog import Catalog
from catalog.common.errors import ServerAway, TransientError, WorkError
from catalog.ledger.submissions import (
    shards_of_album,
    submission_of,
)
from flows.orchestration.finish_dispatcher import TRIES
from flows.orchestration.render_dispatcher import FAIL_AFTER, SPLIT_AFTER
from flows.pipeline.progress import Progress
from tasks.rendering.render_shard import render_shard
from tests.support.clock import FakeClock
from tests.support.inline_executor import HERE
from tests.unit.flows.orchestration.coordinated import coordinator_of, farm, keys_of, run, submitted

__all__ = ["farm", "submitted"]

pytestmark = pytest.mark.slow


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
