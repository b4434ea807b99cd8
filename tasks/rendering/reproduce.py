"""Render a recipe again and compare it with the stored audio."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from catalog.catalog import Catalog
from catalog.ledger.work import ExecutionEnvironment
from catalog.recipe import Recipe
from tasks.audio import files
from tasks.rendering.render_shard import render_once


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
