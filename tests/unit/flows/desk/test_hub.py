"""Pages hear of what changed, and of nothing else; the catalog is read only while somebody listens."""

from __future__ import annotations

import asyncio
import threading

from catalog.monitoring.changes import AlbumMark
from flows.desk.events import as_text
from flows.desk.hub import MOST_SONGS, MOST_WAITING, Event, Hub, changes


def mark(*songs: str, own: str = "a", version: int = 1) -> AlbumMark:
    return AlbumMark((own,), dict.fromkeys(songs, (version,)))


def test_only_changed_albums_and_songs_are_told() -> None:
    before = {"a": mark("one", "two"), "b": mark("one")}
    assert changes(before, before) == []
    later = AlbumMark(("a",), {"one": (1,), "two": (2,)})
    assert changes(before, {**before, "a": later}) == [{"album": "a", "songs": ["two"]}]
    assert changes(before, {"a": before["a"]}) == [{"album": "b", "songs": None}]
    assert changes(before, {**before, "a": mark("one", "two", own="renamed")}) == [{"album": "a", "songs": []}]
    many = [f"song-{number}" for number in range(MOST_SONGS + 1)]
    assert changes({"a": mark(*many)}, {"a": mark(*many, version=2)}) == [{"album": "a", "songs": None}]


def test_a_listener_hears_hello_first_and_then_each_change() -> None:
    marks = [{"a": mark("one")}, {"a": mark("one", version=2)}]
    looks: list[int] = []

    def look():
        looks.append(1)
        return marks[min(len(looks), len(marks)) - 1]

    async def listen() -> list[Event | None]:
        hub = Hub(look, poll_s=0.01)
        with hub.listening() as listener:
            return [await listener.next(5), await listener.next(5)]

    hello, change = asyncio.run(listen())
    assert hello is not None
    assert hello.name == "hello"
    assert change is not None
    assert (change.name, change.data) == ("album", {"album": "a", "songs": ["one"]})


def test_nobody_listening_costs_nothing() -> None:
    looks: list[int] = []
    hub = Hub(lambda: looks.append(1) or {}, poll_s=0.01)
    assert looks == []

    async def visit() -> None:
        with hub.listening() as first, hub.listening() as second:
            assert await first.next(5)
            assert await second.next(5)

    asyncio.run(visit())
    for thread in threading.enumerate():
        if thread.name == "changes of the catalog":
            thread.join(5)
    seen = len(looks)
    assert not any(thread.name == "changes of the catalog" for thread in threading.enumerate())
    assert len(looks) == seen
    asyncio.run(visit())
    assert len(looks) > seen


def test_a_page_that_does_not_read_is_told_to_load_anew() -> None:
    async def fall_behind() -> list[str]:
        hub = Hub(dict, poll_s=60)
        with hub.listening() as listener:
            assert await listener.next(5)
            for _ in range(MOST_WAITING + 3):
                hub.tell("album", {})
            await asyncio.sleep(0)
            names = []
            while event := await listener.next(0.05):
                names.append(event.name)
            return names

    assert asyncio.run(fall_behind()) == ["behind", "album", "album"]


def test_an_error_of_the_catalog_does_not_end_the_watching() -> None:
    looks: list[int] = []

    def look():
        looks.append(1)
        if len(looks) == 2:
            raise OSError("away")
        return {"a": mark("one", version=len(looks) // 3)}

    async def listen() -> Event | None:
        hub = Hub(look, poll_s=0.01)
        with hub.listening() as listener:
            await listener.next(5)
            return await listener.next(5)

    event = asyncio.run(listen())
    assert event is not None
    assert event.name == "album"


def test_an_event_is_one_block_whatever_it_tells() -> None:
    text = as_text(Event(7, "album", {"album": "a\nevent: evil"}))
    assert text.startswith("id: 7\nevent: album\ndata: ")
    assert text.count("\n") == 4
    assert "\nevent: evil" not in text
