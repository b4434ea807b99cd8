"""Waiting for work until nothing is left to do."""

from __future__ import annotations

import asyncio

import pytest

from catalog.ledger.work import WorkStatus
from tasks.steps.settled import LEAST_S, Statuses, pause_s, settled, until_settled

PLANNED, LEASED, DONE = WorkStatus("planned", 3.0), WorkStatus("leased", 9.0), WorkStatus("done")


@pytest.mark.parametrize(
    ("statuses", "wait_s"),
    [
        ({"a": DONE, "b": WorkStatus("failed", 5.0), "c": WorkStatus("rendered")}, None),
        ({}, None),
        ({"a": DONE, "b": LEASED, "c": PLANNED}, 3.0),
        ({"a": LEASED}, 4.0),
        ({"a": WorkStatus("planned", 0.0)}, LEAST_S),
    ],
)
def test_the_pause_ends_when_the_first_open_work_may_be_tried(statuses: Statuses, wait_s: float | None) -> None:
    assert pause_s(statuses, most_s=4.0) == wait_s


def test_both_loops_try_until_all_is_settled_and_give_the_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("tasks.steps.settled.time.sleep", slept.append)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("tasks.steps.settled.asyncio.sleep", sleep)
    looks = [{"a": LEASED, "b": PLANNED}, {"a": LEASED, "b": DONE}, {"a": DONE, "b": DONE}]
    given = iter(looks)
    assert until_settled(lambda: next(given)) == looks[-1]
    again = iter(looks)

    async def attempt() -> Statuses:
        return next(again)

    assert asyncio.run(settled(attempt)) == looks[-1]
    assert slept == [3.0, 9.0, 3.0, 9.0]
