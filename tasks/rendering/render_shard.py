"""Render a shard: lease its recipes, pass them to one loaded engine, commit each as it is finished."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from catalog.catalog import Catalog
from catalog.common.errors import SonglineError
from catalog.common.settings import Settings
from catalog.ledger.work import ExecutionEnvironment, Lease, Product, StepOutcome, WorkStatus
from catalog.plan.queries import recipes_of
from catalog.recipe import Recipe
from tasks.audio.files import sample_digest, write_wav
from tasks.engines.base import Failed, Renderer, RenderJob, RenderResult
from tasks.engines.registry import get_engine
from tasks.rendering.inputs import Digests, collect_inputs
from tasks.steps.commit_buffer import CommitBuffer
from tasks.steps.errors import as_songline_error

WAITING = 2


@cache
def renderer_of(engine: str, settings: Settings) -> Renderer:
    """The engine's heavy half, loaded once and kept for the life of this process."""
    return get_engine(engine, settings).load()


def render_shard(catalog: Catalog, keys: Sequence[str], execution: ExecutionEnvironment) -> dict[str, WorkStatus]:
    """Render the free ones of ``keys``; returns each one's status afterwards. One bad recipe never fails the others."""
    claims = catalog.ledger.claim_many("render", keys)
    leases = {key: claim for key, claim in claims.items() if isinstance(claim, Lease)}
    if leases:
        with catalog.ledger.keeping(list(leases.values())), catalog.scratch() as scratch_folder:
            _Shard(catalog, leases, execution, scratch_folder).render()
    return catalog.ledger.statuses("render", keys)


class _Shard:
    """The leased part of a shard while it is rendered."""

    def __init__(
        self, catalog: Catalog, leases: Mapping[str, Lease], execution: ExecutionEnvironment, scratch: Path
    ) -> None:
        self._scratch = scratch
        self._catalog = catalog
        self._leases = leases
        self._execution = execution
        self._materials: Mapping[str, Digests] = {}
        self._buffer = CommitBuffer(catalog, "render")

    def render(self) -> None:
        """Bring every lease to a commit or a failure."""
        start_time = time.perf_counter()
        recipes_by_key = recipes_of(self._catalog.database, list(self._leases))
        recipes = [recipes_by_key[key] for key in self._leases]
        materials = collect_inputs(self._catalog, recipes, self._execution)
        for key, material in materials.items():
            if isinstance(material, SonglineError):
                self._fail(key, material, seconds=time.perf_counter() - start_time)
        self._materials = {
            key: material for key, material in materials.items() if not isinstance(material, SonglineError)
        }
        ready_recipes = [recipe for recipe in recipes if recipe.digest in self._materials]
        for engine in dict.fromkeys(recipe.engine for recipe in ready_recipes):
            self._render_batch([recipe for recipe in ready_recipes if recipe.engine == engine])

    def _render_batch(self, batch: Sequence[Recipe]) -> None:
        """Render a batch; where the engine breaks, render the rest in halves to find the recipe at fault."""
        remaining = {recipe.digest: recipe for recipe in batch}
        if self._broke(batch, remaining):
            recipes, middle = list(remaining.values()), len(remaining) // 2
            for half in (recipes[:middle], recipes[middle:]):
                if half:
                    self._render_batch(half)

    def _broke(self, batch: Sequence[Recipe], remaining: dict[str, Recipe]) -> bool:
        """Render the ``remaining`` recipes and remove those that are settled from it; True where the engine broke and
        some remain.

        The engine's error is released on return: it references all that the engine had in memory.
        """
        start_time = time.perf_counter()
        try:
            with _Writer(self._settle, self._buffer.flush) as writer:
                orders = [self._order(recipe) for recipe in batch]
                for result in renderer_of(batch[0].engine, self._catalog.settings).render(orders):
                    del remaining[result.recipe.digest]
                    writer.take(result, time.perf_counter() - start_time)
                    start_time = time.perf_counter()
        except Exception as exception:
            # Any error of an engine must free its leases and be recorded.
            if len(batch) > 1:
                return True
            if remaining:
                error = as_songline_error(exception, activity="render")
                self._fail(batch[0].digest, error, seconds=time.perf_counter() - start_time)
        return False

    def _order(self, recipe: Recipe) -> RenderJob:
        digests = self._materials[recipe.digest]
        return RenderJob(recipe, {role: self._catalog.store.local(digest) for role, digest in digests.items()})

    def _settle(self, result: RenderResult | Failed, seconds: float) -> None:
        key = result.recipe.digest
        if isinstance(result, Failed):
            self._fail(key, result.error, seconds=seconds)
            return
        try:
            with products_of(result, self._scratch) as products:
                outcome = StepOutcome(
                    {"frames": result.audio.frames, "rate": result.audio.rate},
                    products,
                    used=self._materials[key],
                    figures=result.figures.document() if result.figures else None,
                )
                render_seconds = result.figures.seconds if result.figures else seconds
                work = self._catalog.ledger.store(
                    self._leases[key], outcome, seconds=render_seconds, execution=self._execution
                )
        except Exception as exception:
            # A full disk concerns this render only: no reason to fail the others of the batch.
            self._fail(key, as_songline_error(exception, activity="render"), seconds=seconds)
        else:
            self._buffer.add(work)

    def _fail(self, key: str, error: SonglineError, *, seconds: float) -> None:
        self._catalog.ledger.fail(self._leases[key], error, seconds=seconds, execution=self._execution)


class _Writer:
    """Stores and commits finished candidates in a thread of its own, so that the device need not wait for disk and
    catalog.

    At most :data:`WAITING` finished candidates wait in memory. Those that are stored are committed as soon as no other
    waits. Leaving the context waits for the last one.
    """

    def __init__(self, settle: Callable[[RenderResult | Failed, float], None], commit: Callable[[], None]) -> None:
        self._settle = settle
        self._commit = commit
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._waiting: deque[Future[None]] = deque()
        self._taken = 0
        self._settled = 0

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        with self._thread:
            while self._waiting:
                self._waiting.popleft().result()

    def take(self, result: RenderResult | Failed, seconds: float) -> None:
        """Queue a result to be committed; blocks while the queue is full."""
        self._taken += 1
        self._waiting.append(self._thread.submit(self._write, result, seconds))
        while len(self._waiting) > WAITING:
            self._waiting.popleft().result()

    def _write(self, result: RenderResult | Failed, seconds: float) -> None:
        self._settle(result, seconds)
        self._settled += 1
        if self._settled == self._taken:
            self._commit()


@contextmanager
def products_of(result: RenderResult, scratch: Path) -> Iterator[tuple[Product, ...]]:
    """Write the files of a candidate into ``scratch`` for the length of the block."""
    audio = scratch / "audio.wav"
    products = [Product("audio", audio, "audio/wav", sample_digest(result.audio))]
    extra_products = {
        role: Product(role, scratch / f"{role}{file.suffix}", file.media_type) for role, file in result.extras.items()
    }
    products += extra_products.values()
    try:
        write_wav(audio, result.audio, subtype="FLOAT")
        for role, product in extra_products.items():
            product.path.write_bytes(result.extras[role].data)
        yield tuple(products)
    finally:
        for product in products:
            product.path.unlink(missing_ok=True)


def render_once(catalog: Catalog, recipe: Recipe, execution: ExecutionEnvironment) -> RenderResult:
    """Render one recipe in this process; only its inputs pass through the ledger. Raises the engine's error."""
    inputs = collect_inputs(catalog, [recipe], execution)[recipe.digest]
    if isinstance(inputs, SonglineError):
        raise inputs
    order = RenderJob(recipe, {role: catalog.store.local(digest) for role, digest in inputs.items()})
    result = next(iter(renderer_of(recipe.engine, catalog.settings).render([order])))
    if isinstance(result, Failed):
        raise result.error
    return result
