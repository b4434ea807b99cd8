"""One question for all who ask at the same time."""

from __future__ import annotations

import asyncio

import pytest

from flows.pipeline.dataloader import DataLoader


class Book:
    def __init__(self):
        self.asked = []

    def lookup(self, keys):
        self.asked.append(list(keys))
        if "bad" in keys:
            raise KeyError("bad")
        return {key: key.upper() for key in keys if key != "unknown"}


@pytest.fixture
def book():
    return Book()


def test_those_who_ask_at_once_share_a_question_and_later_ones_get_their_own(book) -> None:
    async def ask():
        loader = DataLoader(book.lookup)
        first = await asyncio.gather(
            loader.load_many(["a", "b"]), loader.load_many(["b", "c"]), loader.load_many(["unknown"])
        )
        return [*first, await loader.load_many(["d"])]

    found = asyncio.run(ask())
    assert book.asked == [["a", "b", "c", "unknown"], ["d"]]
    assert (found[0]["a"], found[1]["c"]) == ("A", "C")
    assert "unknown" not in found[2]
    assert found[3] == {"d": "D"}


def test_an_error_reaches_all_who_asked_and_nobody_after_them(book) -> None:
    async def ask():
        loader = DataLoader(book.lookup)
        first = await asyncio.gather(loader.load_many(["a"]), loader.load_many(["bad"]), return_exceptions=True)
        return first, await loader.load_many(["a"])

    failed, after = asyncio.run(ask())
    assert all(isinstance(error, KeyError) for error in failed)
    assert after == {"a": "A"}


def test_who_gives_up_while_waiting_does_not_disturb_the_others(book) -> None:
    async def ask():
        loader = DataLoader(book.lookup)
        leaving, staying = (asyncio.ensure_future(loader.load_many([key])) for key in ("a", "b"))
        await asyncio.sleep(0)
        leaving.cancel()
        return (await staying)["b"]

    assert asyncio.run(ask()) == "B"
