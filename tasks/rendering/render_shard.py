"""Rendering a shard: lease its recipes, hand them to one loaded engine, commit each as it comes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from functools import cache
from pathlib import Path

from catalog.catalog import Catalog
from catalog.common.errors import LeaseLost, SonglineError
from catalog.common.settings import Settings
from catalog.ledger.work import ExecutionEnvironment, Lease, Product, StepOutcome, WorkStatus
from catalog.plan.queries import recipe_of
from catalog.recipe import Recipe
from tasks.audio.files import sample_digest, write_wav
from tasks.engines.base import Failed, Renderer, RenderJob, RenderResult
from tasks.engines.registry import get_engine
from tasks.rendering.inputs import Digests, collect_inputs
from tasks.steps.run_step import as_songline_error

WAITING = 2


@cache
def renderer_of(engine: str, settings: Settings) -> Renderer:
    """The engine's loaded half, kept for the life of this process."""
    return get_engine(engine, settings).load()


def render_shard(catalog: Catalog, keys: Sequence[str], execution: ExecutionEnvironment) -> dict[str, WorkStatus]:
    """Render what is free of ``keys``; gives how each stands afterwards. One bad recipe never sinks the others."""
    leases: dict[str, Lease] = {}
    for key in keys:
        claimed = catalog.ledger.claim("render", key)
        if isinstance(claimed, Lease):
            leases[key] = claimed
    with catalog.ledger.keeping(list(leases.values())):
        _Shard(catalog, leases, execution).render()
    return catalog.ledger.statuses("render", keys)


class _Shard:
    """The leased part of a shard on its way through the engines."""

    def __init__(self, catalog: Catalog, leases: Mapping[str, Lease], execution: ExecutionEnvironment) -> None:
        self._catalog = catalog
        self._leases = leases
        self._execution = execution
        self._materials: Mapping[str, Digests] = {}

    def render(self) -> None:
        """Bring every lease to a commit or a failure."""
        started = time.perf_counter()
        recipes = [recipe_of(self._catalog.database, key) for key in self._leases]
        gathered = collect_inputs(self._catalog, recipes, self._execution)
        for key, found in gathered.items():
            if isinstance(found, SonglineError):
                self._fail(key, found, seconds=time.perf_counter() - started)
        self._materials = {key: found for key, found in gathered.items() if not isinstance(found, SonglineError)}
        ready = [recipe for recipe in recipes if recipe.digest in self._materials]
        for engine in dict.fromkeys(recipe.engine for recipe in ready):
            self._render_batch([recipe for recipe in ready if recipe.engine == engine])

    def _render_batch(self, batch: Sequence[Recipe]) -> None:
        """Render a batch; an engine that breaks in the middle of it gets the rest by halves, to find who broke it."""
        owed = {recipe.digest: recipe for recipe in batch}
        if self._broke(batch, owed):
            left = list(owed.values())
            for half in (left[: len(left) // 2], left[len(left) // 2 :]):
                if half:
                    self._render_batch(half)

    def _broke(self, batch: Sequence[Recipe], owed: dict[str, Recipe]) -> bool:
        """Render what is ``owed``, taking off what was settled; whether the engine broke and some is still owed.

        Its error is gone on return: it holds on to all that the engine had in memory.
        """
        started = time.perf_counter()
        try:
            with _Writer(self._settle) as writer:
                orders = [self._order(recipe) for recipe in batch]
                for made in renderer_of(batch[0].engine, self._catalog.settings).render(orders):
                    del owed[made.recipe.digest]
                    writer.take(made, time.perf_counter() - started)
                    started = time.perf_counter()
        except Exception as caught:
            # Whatever an engine does wrong must free its leases and be on record.
            if len(batch) > 1:
                return True
            if owed:
                error = as_songline_error(caught, doing="render")
                self._fail(batch[0].digest, error, seconds=time.perf_counter() - started)
        return False

    def _order(self, recipe: Recipe) -> RenderJob:
        digests = self._materials[recipe.digest]
        return RenderJob(recipe, {role: self._catalog.store.local(digest) for role, digest in digests.items()})

    def _settle(self, made: RenderResult | Failed, seconds: float) -> None:
        key = made.recipe.digest
        if isinstance(made, Failed):
            self._fail(key, made.error, seconds=seconds)
            return
        try:
            with self._catalog.scratch() as scratch:
                outcome = StepOutcome(
                    {"frames": made.audio.frames, "rate": made.audio.rate},
                    _products(made, scratch),
                    used=self._materials[key],
                    figures=asdict(made.figures) if made.figures else None,
                )
                spent = made.figures.seconds if made.figures else seconds
                self._catalog.ledger.commit(self._leases[key], outcome, seconds=spent, execution=self._execution)
        except LeaseLost:
            return
        except Exception as caught:
            # A full disk, a busy database: this render's trouble, and no reason to fail the ones beside it.
            self._fail(key, as_songline_error(caught, doing="render"), seconds=seconds)

    def _fail(self, key: str, error: SonglineError, *, seconds: float) -> None:
        self._catalog.ledger.fail(self._leases[key], error, seconds=seconds, execution=self._execution)


class _Writer:
    """Commits what is rendered in a thread of its own, so that the device need not wait for disk and catalog.

    At most :data:`WAITING` finished candidates wait in memory. Leaving it waits for the last one.
    """

    def __init__(self, settle: Callable[[RenderResult | Failed, float], None]) -> None:
        self._settle = settle
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        with self._thread:
            while self._waiting:
                self._waiting.popleft().result()

    def take(self, made: RenderResult | Failed, seconds: float) -> None:
        """Have it committed; waits while too many others are before it."""
        self._waiting.append(self._thread.submit(self._settle, made, seconds))
        while len(self._waiting) > WAITING:
            self._waiting.popleft().result()


def _products(made: RenderResult, scratch: Path) -> tuple[Product, ...]:
    audio = scratch / "audio.wav"
    write_wav(audio, made.audio, subtype="FLOAT")
    products = [Product("audio", audio, "audio/wav", sample_digest(made.audio))]
    for role, extra in made.extras.items():
        path = scratch / f"{role}{extra.suffix}"
        path.write_bytes(extra.data)
        products.append(Product(role, path, extra.media_type))
    return tuple(products)


def render_once(catalog: Catalog, recipe: Recipe, execution: ExecutionEnvironment) -> RenderResult:
    """Render one recipe here and now; only its materials pass through the ledger. Raises the engine's error."""
    found = collect_inputs(catalog, [recipe], execution)[recipe.digest]
    if isinstance(found, SonglineError):
        raise found
    order = RenderJob(recipe, {role: catalog.store.local(digest) for role, digest in found.items()})
    made = next(iter(renderer_of(recipe.engine, catalog.settings).render([order])))
    if isinstance(made, Failed):
        raise made.error
    return made
