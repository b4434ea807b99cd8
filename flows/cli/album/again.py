"""``render --from``: does the finishing of an album again, and compares what comes out with what there was."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from catalog.catalog import Catalog
from catalog.common.errors import InputError
from catalog.common.text import counted, listed
from catalog.ledger.results import StepResult, step_results
from catalog.ledger.work import StepRequest
from catalog.plan.plan import PlannedAlbum
from flows.console import stdout
from flows.pipeline.executor import CatalogLookup, NotRunYet
from flows.pipeline.pipeline import AlbumPipeline
from flows.pipeline.progress import Progress

From = Literal["master", "stems", "package"]

PACKAGE = ("draw", "encode", "pack")
STEMS = ("separate", "demix", "resample", "version", *PACKAGE)
KINDS: Mapping[From, tuple[str, ...]] = {
    "master": ("enhance", "level", "master", "accept", "album_level", *STEMS),
    "stems": STEMS,
    "package": PACKAGE,
}
"""The kinds of steps that are done again, by the stage from which on."""


@dataclass(frozen=True, slots=True)
class DoneBefore:
    """The steps that are done again: kind and made artifacts of each, by key."""

    kinds: Mapping[str, str]
    results: Mapping[str, StepResult]


def plan_again(catalog: Catalog, planned: PlannedAlbum, start: From) -> DoneBefore:
    """Plan the finished steps of an album again, from the stage ``start`` on; what they made stays in the catalog.

    Raises InputError where there is none: the album is not made that far.
    """
    lookup = _Requested(catalog)
    with suppress(NotRunYet):  # what is missing is made anyway
        asyncio.run(AlbumPipeline(catalog, planned, lookup, Progress(planned.songs), persist=False).run())
    kinds = {key: kind for key, kind in lookup.done.items() if kind in KINDS[start]}
    if not kinds:
        raise InputError(
            f"nothing of {planned.album.title} is made from the stage {start} on", remedy="Run it without --from"
        )
    before = DoneBefore(kinds, step_results(catalog.database, list(kinds)))
    catalog.ledger.redo(list(kinds))
    return before


def print_comparison(catalog: Catalog, before: DoneBefore) -> None:
    """Print whether the steps made the same again."""
    after = step_results(catalog.database, list(before.kinds))
    done = counted(len(after), "step was", "steps were")
    others = _different(before, after)
    if not others:
        stdout().print(f"{done} done again, with the same result bit for bit.", soft_wrap=True)
        return
    stdout().print(
        f"{done} done again; another result came from {listed(others)}. The release has the new one.", soft_wrap=True
    )


def _different(before: DoneBefore, after: Mapping[str, StepResult]) -> Sequence[str]:
    counts: dict[str, int] = {}
    for key, result in after.items():
        if result.made != before.results[key].made:
            counts[before.kinds[key]] = counts.get(before.kinds[key], 0) + 1
    return [f"{count} of {kind}" for kind, count in sorted(counts.items())]


class _Requested(CatalogLookup):
    """Looks up finished work, and notes the finished steps."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self.done: dict[str, str] = {}

    async def step(self, request: StepRequest, sentence: str) -> StepResult:
        """See :class:`flows.pipeline.executor.Executor`."""
        result = await super().step(request, sentence)
        self.done[request.key] = request.kind
        return result
