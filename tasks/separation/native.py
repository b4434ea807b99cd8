"""Stems from the engine itself: rendered again from the recipe and checked against the mix."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from catalog.common.errors import RefusedError, WorkError
from catalog.common.settings import Settings
from catalog.recipe import Recipe
from tasks.audio.audio import Audio
from tasks.engines.registry import get_engine
from tasks.rendering.render_shard import renderer_of

NULL_DBFS = -90.0
"""The largest difference of the stems' sum from the mix."""


class NativeSeparator:
    """See :class:`tasks.separation.base.Separator`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def separate(self, mix: Audio, recipe: Recipe | None) -> Mapping[str, Audio]:
        """The engine's stems. Raises RefusedError where it has none, WorkError where they do not match this mix."""
        if recipe is None or not get_engine(recipe.engine, self._settings).native_stems:
            raise RefusedError(
                "this candidate's engine gives no stems of its own",
                remedy="Name a separation model under `stems` in the manifest, or `none`",
            )
        stems = renderer_of(recipe.engine, self._settings).stems(recipe)
        residual_dbfs = null_dbfs(mix, stems)
        if residual_dbfs > NULL_DBFS:
            raise WorkError(
                f"the sum of the engine's stems differs from the mix by {residual_dbfs:.1f} dBFS",
                remedy="The engine no longer renders this recipe as it did; run `songline rerun` on the candidate",
            )
        return stems


def null_dbfs(mix: Audio, stems: Mapping[str, Audio]) -> float:
    """Largest sample of mix minus the sum of stems, dBFS (-200 when they cancel completely)."""
    residual = mix.samples.astype(np.float64)
    for stem in stems.values():
        residual = residual - stem.samples
    return difference_dbfs(residual)


def difference_dbfs(residual: NDArray[np.float64]) -> float:
    """The largest sample of what is left, (channels, frames), in dBFS; -200 for nothing at all."""
    largest_sample = float(np.max(np.abs(residual), initial=0.0))
    return 20.0 * float(np.log10(max(largest_sample, 1e-10)))
