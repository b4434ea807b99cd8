"""Batches the catalog lookups of concurrent songs into one query."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

Value = TypeVar("Value")


class DataLoader(Generic[Value]):
    """Collects the keys that concurrent coroutines request, and looks them all up in one call.

    An album's songs run concurrently, so the catalog gets one query for each stage instead of one for each song.
    ``lookup`` leaves out keys that it does not know.
    """

    def __init__(self, lookup: Callable[[Sequence[str]], Mapping[str, Value]]) -> None:
        self._lookup = lookup
        self._requests: list[tuple[Sequence[str], asyncio.Future[Mapping[str, Value]]]] = []

    async def load_many(self, keys: Sequence[str]) -> Mapping[str, Value]:
        """The values of those ``keys`` that are known; the mapping may contain other keys."""
        loop = asyncio.get_running_loop()
        if not self._requests:
            loop.call_soon(self._answer)  # runs after all coroutines that are ready now have added their keys
        future: asyncio.Future[Mapping[str, Value]] = loop.create_future()
        self._requests.append((keys, future))
        return await future

    def _answer(self) -> None:
        requests, self._requests = self._requests, []
        open_requests = [(keys, future) for keys, future in requests if not future.done()]
        try:
            values = self._lookup(list(dict.fromkeys(key for keys, _ in open_requests for key in keys)))
        except Exception as error:
            # An error of the lookup is raised in every coroutine that waits for it.
            for _, future in open_requests:
                future.set_exception(error)
            return
        for _, future in open_requests:
            future.set_result(values)
