"""One question for all who ask at the same time."""

from __future__ import annotations

import asyncio

import pytest

from flows.pipeline.dataloader import DataLoader


class Book:
    def __init__(self):
        self.asked = []

    def look_up(self, keys):
        self.asked.append(list(keys))
        if "bad" in keys:
            raise KeyError("bad")
        return {key: key.upper() for key in keys if key != "unknown"}


@pytest.fixture
def book():
    return Book()


def test_those_who_ask_at_once_share_a_question_and_later_ones_get_their_own(book) -> None:
    async def ask():
        together = DataLoader(book.look_up)
        first = await asyncio.gather(together.of(["a", "b"]), together.of(["b", "c"]), together.of(["unknown"]))
        return [*first, await together.of(["d"])]

    found = asyncio.run(ask())
    assert book.asked == [["a", "b", "c", "unknown"], ["d"]]
    assert (found[0]["a"], found[1]["c"]) == ("A", "C")
    assert "unknown" not in found[2]
    assert found[3] == {"d": "D"}


def test_an_error_reaches_all_who_asked_and_nobody_after_them(book) -> None:
    async def ask():
        together = DataLoader(book.look_up)
        first = await asyncio.gather(together.of(["a"]), together.of(["bad"]), return_exceptions=True)
        return first, await together.of(["a"])

    failed, after = asyncio.run(ask())
    assert all(isinstance(error, KeyError) for error in failed)
    assert after == {"a": "A"}


def test_who_gives_up_while_waiting_does_not_disturb_the_others(book) -> None:
    async def ask():
        together = DataLoader(book.look_up)
        leaving, staying = (asyncio.ensure_future(together.of([key])) for key in ("a", "b"))
        await asyncio.sleep(0)
        leaving.cancel()
        return (await staying)["b"]

    assert asyncio.run(ask()) == "B"
