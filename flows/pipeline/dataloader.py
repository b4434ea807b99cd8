"""Batches the catalog lookups of concurrent songs into one query."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

Found = TypeVar("Found")


class DataLoader(Generic[Found]):
    """Collects the keys that concurrent coroutines request, and looks them all up in one call.

    An album's songs run concurrently, so the catalog gets one query for each stage instead of one for each song.
    ``look_up`` leaves out keys that it does not know.
    """

    def __init__(self, look_up: Callable[[Sequence[str]], Mapping[str, Found]]) -> None:
        self._look_up = look_up
        self._asked: list[tuple[Sequence[str], asyncio.Future[Mapping[str, Found]]]] = []

    async def of(self, keys: Sequence[str]) -> Mapping[str, Found]:
        """The values of those ``keys`` that are known; the mapping may contain other keys."""
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_soon(self._answer)  # runs after all coroutines that are ready now have added their keys
        future: asyncio.Future[Mapping[str, Found]] = loop.create_future()
        self._asked.append((keys, future))
        return await future

    def _answer(self) -> None:
        requests, self._asked = self._asked, []
        open_requests = [(keys, future) for keys, future in requests if not future.done()]
        try:
            values = self._look_up(list(dict.fromkeys(key for keys, _ in open_requests for key in keys)))
        except Exception as error:
            # An error of the lookup is raised in every coroutine that waits for it.
            for _, future in open_requests:
                future.set_exception(error)
            return
        for _, future in open_requests:
            future.set_result(values)
