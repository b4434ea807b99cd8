"""Asking the catalog once for what many songs want to know at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

Found = TypeVar("Found")


class DataLoader(Generic[Found]):
    """Gathers the keys that concurrent coroutines ask for, and looks them all up in one go.

    An album's songs go their way beside each other, so the catalog gets one question for each stage of the way
    instead of one for each song. ``look_up`` leaves out keys that it does not know.
    """

    def __init__(self, look_up: Callable[[Sequence[str]], Mapping[str, Found]]) -> None:
        self._look_up = look_up
        self._asked: list[tuple[Sequence[str], asyncio.Future[Mapping[str, Found]]]] = []

    async def of(self, keys: Sequence[str]) -> Mapping[str, Found]:
        """What is known of ``keys``, perhaps among others."""
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_soon(self._answer)  # runs when all who are ready now have asked
        answer: asyncio.Future[Mapping[str, Found]] = loop.create_future()
        self._asked.append((keys, answer))
        return await answer

    def _answer(self) -> None:
        asked, self._asked = self._asked, []
        waiting = [(keys, answer) for keys, answer in asked if not answer.done()]
        try:
            found = self._look_up(list(dict.fromkeys(key for keys, _ in waiting for key in keys)))
        except Exception as error:
            # Whatever a question runs into is the trouble of all who asked it.
            for _, answer in waiting:
                answer.set_exception(error)
            return
        for _, answer in waiting:
            answer.set_result(found)
