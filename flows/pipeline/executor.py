"""The interface for executing a pipeline's work, and :class:`CatalogLookup`, which only looks up finished work."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from catalog.catalog import Catalog
from catalog.common.errors import SonglineError
from catalog.ledger.results import StepResult, step_results
from catalog.ledger.work import StepRequest
from catalog.plan.plan import PlannedSong
from flows.pipeline.dataloader import DataLoader

NamedStep = tuple[StepRequest, str]
"""A step, and the name of its run."""


class NotRunYet(Exception):
    """Work is missing; raised by :class:`CatalogLookup` only. A pipeline adds the ``songs`` for which it is, and the
    failures of the others."""

    def __init__(
        self, songs: Collection[str] = frozenset(), failures: Mapping[str, SonglineError] | None = None
    ) -> None:
        super().__init__()
        self.songs = songs
        self.failures = failures or {}


class Executor(Protocol):
    """Executes work."""

    async def render(self, song: PlannedSong) -> None:
        """Bring every render of the song to rendered or failed."""

    async def step(self, request: StepRequest, sentence: str) -> StepResult:
        """The result of a step, which is run now if it is not done. ``sentence`` names the run."""

    async def batch(self, named: Sequence[NamedStep], sentence: str) -> list[StepResult | BaseException]:
        """The results of steps of one kind that need not wait for each other, with the error of each in its place.

        Several of them may share a run, which ``sentence`` names.
        """


class CatalogLookup:
    """Finds finished work; raises NotRunYet at the first missing item. It must not outlive its event loop."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._renders = DataLoader(lambda keys: catalog.ledger.statuses("render", keys))
        self._results = DataLoader(lambda keys: step_results(catalog.database, keys))

    async def render(self, song: PlannedSong) -> None:
        """See :class:`Executor`."""
        keys = [candidate.render_key for candidate in song.candidates]
        statuses = await self._renders.load_many(keys)
        if any(key not in statuses or statuses[key].state not in ("rendered", "failed") for key in keys):
            raise NotRunYet

    async def step(self, request: StepRequest, sentence: str) -> StepResult:
        """See :class:`Executor`."""
        key = request.key
        result = (await self._results.load_many([key])).get(key)
        if result is None:
            raise NotRunYet
        return result

    async def batch(self, named: Sequence[NamedStep], sentence: str) -> list[StepResult | BaseException]:
        """See :class:`Executor`."""
        steps = (self.step(request, name) for request, name in named)
        return await asyncio.gather(*steps, return_exceptions=True)
