"""Rendering a shard: lease its recipes, hand them to one loaded engine, commit each as it comes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from catalog.errors import LeaseLost
from catalog.house import House
from catalog.queries import recipe_of
from catalog.recipe import Recipe
from catalog.work import Circumstances, Lease, Outcome, Product, Standing
from tasks.audio.files import sample_digest, write_wav
from tasks.engines.base import Failed, Rendered, Renderer
from tasks.engines.registry import get_engine
from tasks.steps import as_songline_error


@cache
def renderer_of(engine: str) -> Renderer:
    """The engine's loaded half, kept for the life of this process."""
    return get_engine(engine).load()


def render_shard(house: House, keys: Sequence[str], circumstances: Circumstances) -> dict[str, Standing]:
    """Render what is free of ``keys``; gives how each stands afterwards. One bad recipe never sinks the others."""
    leases: dict[str, Lease] = {}
    for key in keys:
        claimed = house.ledger.claim("render", key)
        if isinstance(claimed, Lease):
            leases[key] = claimed
    with house.ledger.keeping(list(leases.values())):
        _render_leased(house, leases, circumstances)
    return house.ledger.standings("render", keys)


def _render_leased(house: House, leases: dict[str, Lease], circumstances: Circumstances) -> None:
    recipes = [recipe_of(house.database, key) for key in leases]
    for engine in dict.fromkeys(recipe.engine for recipe in recipes):
        batch = [recipe for recipe in recipes if recipe.engine == engine]
        _render_batch(house, batch, leases, circumstances)


def _render_batch(
    house: House, batch: Sequence[Recipe], leases: dict[str, Lease], circumstances: Circumstances
) -> None:
    """Render a batch; an engine that breaks in the middle of it gets the rest one by one, to find who broke it."""
    owed = {recipe.digest: recipe for recipe in batch}
    started = time.perf_counter()
    try:
        for made in renderer_of(batch[0].engine).render(batch):
            del owed[made.recipe.digest]
            lease = leases[made.recipe.digest]
            _settle(house, lease, made, seconds=time.perf_counter() - started, circumstances=circumstances)
            started = time.perf_counter()
    except Exception as caught:
        # Whatever an engine does wrong must free its leases and be on record.
        if len(batch) == 1:
            error = as_songline_error(caught, doing="render")
            seconds = time.perf_counter() - started
            house.ledger.fail(leases[batch[0].digest], error, seconds=seconds, circumstances=circumstances)
            return
        for recipe in owed.values():
            _render_batch(house, [recipe], leases, circumstances)


def _settle(
    house: House, lease: Lease, made: Rendered | Failed, *, seconds: float, circumstances: Circumstances
) -> None:
    if isinstance(made, Failed):
        house.ledger.fail(lease, made.error, seconds=seconds, circumstances=circumstances)
        return
    try:
        with house.scratch() as scratch:
            products = _products(made, scratch)
            result = {"frames": made.audio.frames, "rate": made.audio.rate}
            house.ledger.commit(lease, Outcome(result, products), seconds=seconds, circumstances=circumstances)
    except LeaseLost:
        return
    except Exception as caught:
        # A full disk, a busy database: this render's trouble, and no reason to fail the ones beside it.
        error = as_songline_error(caught, doing="render")
        house.ledger.fail(lease, error, seconds=seconds, circumstances=circumstances)


def _products(made: Rendered, scratch: Path) -> tuple[Product, ...]:
    audio = scratch / "audio.wav"
    write_wav(audio, made.audio, subtype="FLOAT")
    products = [Product("audio", audio, "audio/wav", sample_digest(made.audio))]
    for role, extra in made.extras.items():
        path = scratch / f"{role}{extra.suffix}"
        path.write_bytes(extra.data)
        products.append(Product(role, path, extra.media_type))
    return tuple(products)


def render_once(recipe: Recipe) -> Rendered:
    """Render one recipe here and now, outside the ledger. Raises the engine's error."""
    made = next(iter(renderer_of(recipe.engine).render([recipe])))
    if isinstance(made, Failed):
        raise made.error
    return made
