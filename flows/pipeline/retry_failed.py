"""Requeues work that failed for reasons of the machine (disk, network, missing model), when an album is made again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from catalog.catalog import Catalog
from catalog.common.errors import CatalogError, MachineError, ModelMissing, StoreError, TransientError
from catalog.ledger.results import failed_work
from catalog.plan.plan import PlannedAlbum
from flows.pipeline.survey import FailedWork, survey

_TEMPORARY = frozenset(error.kind for error in (TransientError, MachineError, ModelMissing, StoreError, CatalogError))


def is_temporary(kind: str) -> bool:
    """Whether an error of that kind may resolve itself, so that the next ``render`` tries again."""
    return kind in _TEMPORARY


def requeue_environment_failures(catalog: Catalog, planned: Callable[[], PlannedAlbum]) -> None:
    """Requeue the album's failed work whose cause was the machine, as that may have passed. Errors of the work itself
    stay, and so does work that only other albums need."""
    if any(error.get("kind") in _TEMPORARY for _, _, error in failed_work(catalog.database)):
        requeue(catalog, [work for work in survey(catalog, planned()).failed if work.error.get("kind") in _TEMPORARY])


def requeue_failed_renders(catalog: Catalog, keys: Sequence[str]) -> None:
    """The same for these renders only."""
    failed_keys = {key for kind, key, error in failed_work(catalog.database) if error.get("kind") in _TEMPORARY}
    catalog.ledger.retry("render", [key for key in keys if key in failed_keys])


def requeue(catalog: Catalog, failed: Sequence[FailedWork]) -> int:
    """Set failed work back to planned; returns the count."""
    renders = [work.key for work in failed if work.work == "render"]
    steps = [work.key for work in failed if work.work == "step"]
    return catalog.ledger.retry("render", renders) + catalog.ledger.retry("step", steps)
