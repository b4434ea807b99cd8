"""Render a recipe again, and compare it with the stored audio, or bring audio back that was pruned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from catalog.catalog import Catalog
from catalog.common.digests import digest_file
from catalog.ledger.results import pruned_among
from catalog.ledger.work import ExecutionEnvironment
from catalog.recipe import Recipe
from tasks.audio import files
from tasks.rendering.render_shard import products_of, render_once


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a comparison.

    ``difference_dbfs`` is the largest sample difference; None where the samples are equal or not comparable.
    """

    verdict: Literal["identical", "within tolerance", "different"]
    difference_dbfs: float | None


def compare(
    catalog: Catalog,
    recipe: Recipe,
    stored: Path,
    *,
    sample_digest: str | None,
    tolerance_dbfs: float,
    execution: ExecutionEnvironment,
) -> Verdict:
    """Render ``recipe`` now and compare it with the stored audio file."""
    new_audio = render_once(catalog, recipe, execution).audio
    if files.sample_digest(new_audio) == sample_digest:
        return Verdict("identical", None)
    stored_audio = files.read_audio(stored)
    if stored_audio.samples.shape != new_audio.samples.shape or stored_audio.rate != new_audio.rate:
        return Verdict("different", None)
    largest_difference = float(np.max(np.abs(stored_audio.samples - new_audio.samples)))
    if largest_difference == 0.0:
        return Verdict("identical", None)
    difference_dbfs = 20.0 * float(np.log10(largest_difference))
    return Verdict("within tolerance" if difference_dbfs <= tolerance_dbfs else "different", difference_dbfs)


def bring_back(
    catalog: Catalog, recipe: Recipe, stored: Mapping[str, str], execution: ExecutionEnvironment
) -> Literal["identical", "different"]:
    """Render ``recipe`` now, and store what has the digests of its pruned products again.

    ``stored`` are the digests of the products of its render, by role. Where the audio comes out otherwise than it was,
    nothing is stored: a digest is the name of the bytes, and decisions were made on these. Raises the engine's error.
    """
    result = render_once(catalog, recipe, execution)
    pruned = pruned_among(catalog.database, list(stored.values()))
    with catalog.scratch() as folder, products_of(result, folder) as made:
        products = {product.role: product for product in made}
        digests = {role: digest_file(product.path) for role, product in products.items()}
        if digests["audio"] != stored["audio"]:
            return "different"
        for role, digest in digests.items():
            if digest == stored.get(role) and digest in pruned:
                catalog.add_file(products[role].path, media_type=products[role].media_type)
    return "identical"
