"""Looks at the catalog once a second while a page listens, and hands what changed to every page that does."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition, Thread

from catalog.common.digests import Json
from catalog.monitoring.changes import AlbumMark

POLL_S = 1.0
MOST_WAITING = 500
"""Events that one page may be behind; it is told to load everything anew after that."""
MOST_SONGS = 100
"""Songs that an event names; more changed at once where it names none."""

Marks = Callable[[], Mapping[str, AlbumMark]]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its number since the start, its name, and what it tells."""

    number: int
    name: str
    data: Mapping[str, Json]


class Listener:
    """One page's events, to be read in the event loop in which it was made."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event] = asyncio.Queue(MOST_WAITING)

    def put(self, event: Event) -> None:
        """Add an event, from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._add, event)
        except RuntimeError:  # the loop has ended, with the page
            return

    def _add(self, event: Event) -> None:
        if self._events.full():
            while not self._events.empty():
                self._events.get_nowait()
            event = Event(event.number, "behind", {})
        self._events.put_nowait(event)

    async def next(self, timeout_s: float) -> Event | None:
        """The next event; None where none came in time."""
        try:
            return await asyncio.wait_for(self._events.get(), timeout_s)
        except TimeoutError:
            return None


class Hub:
    """The listeners of one app, and the thread that looks at the catalog for all of them while there are any."""

    def __init__(self, marks: Marks, *, poll_s: float = POLL_S) -> None:
        self._marks = marks
        self._poll_s = poll_s
        self._numbers = itertools.count(1)
        self._listeners: set[Listener] = set()
        self._changed = Condition()
        self._is_watching = False
        self._has_looked = False

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """A listener for the length of a block. It hears ``hello`` once every change from then on will be told: a page
        loads what it shows after that."""
        listener = Listener()
        with self._changed:
            self._listeners.add(listener)
            if self._has_looked:
                listener.put(Event(next(self._numbers), "hello", {}))
            if not self._is_watching:
                self._is_watching = True
                Thread(target=self._watch, name="changes of the catalog", daemon=True).start()
        try:
            yield listener
        finally:
            with self._changed:
                self._listeners.discard(listener)
                self._changed.notify_all()

    def tell(self, name: str, data: Mapping[str, Json]) -> None:
        """Hand an event to every listener."""
        with self._changed:
            event = Event(next(self._numbers), name, data)
            for listener in self._listeners:
                listener.put(event)

    def _watch(self) -> None:
        before: Mapping[str, AlbumMark] | None = None
        while True:
            try:
                now = self._marks()
            except Exception:  # the next look may succeed; pages show what they have until then
                logger.warning("the catalog could not be read for the open pages", exc_info=True)
                now = before or {}
            if before is None:
                self._begin()
            else:
                for data in changes(before, now):
                    self.tell("album", data)
            before = now
            with self._changed:
                if not self._listeners:
                    self._is_watching = self._has_looked = False
                    return
                self._changed.wait_for(lambda: not self._listeners, self._poll_s)

    def _begin(self) -> None:
        with self._changed:
            self._has_looked = True
        self.tell("hello", {})


def changes(before: Mapping[str, AlbumMark], now: Mapping[str, AlbumMark]) -> list[dict[str, Json]]:
    """What changed, album by album: the ``songs`` that did, None where they are too many or the album came or went."""
    found: list[dict[str, Json]] = []
    for album in {**before, **now}:
        if before.get(album) == now.get(album):
            continue
        songs: list[str] | None = None
        if album in before and album in now:
            songs = now[album].changed_songs(before[album])
            songs = songs if len(songs) <= MOST_SONGS else None
        found.append({"album": album, "songs": songs})
    return found
