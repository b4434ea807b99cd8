"""The sampling rate of an album's release, and the winners that are resampled to it.

The rate is the manifest's, else the most frequent among the winners. A winner's rate is its engine's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from catalog.common.settings import Settings
from catalog.plan.plan import PlannedAlbum
from catalog.recipe import Recipe
from tasks.delivery.package.release_request import SelectedTake
from tasks.engines import registry


def most_frequent_rate(rates: Iterable[int]) -> int | None:
    """The rate that most of ``rates`` have, in Hz; the highest of several that are equally frequent, None for none."""
    counts = Counter(rates)
    return max(counts, key=lambda rate: (counts[rate], rate), default=None)


def rate_of(recipe: Recipe, settings: Settings) -> int | None:
    """The rate in Hz of a recipe's sound: its own, else its engine's; None where the engine is not installed."""
    if not registry.is_installed(recipe.engine):
        return None
    return recipe.inputs.get("rate_hz") or registry.get_engine(recipe.engine, settings).rate_hz


def is_rate_open(planned: PlannedAlbum, settings: Settings) -> bool:
    """Whether the winners decide the album's rate: the manifest states none, and the candidates have several."""
    if planned.album.rate is not None:
        return False
    candidates = [candidate.recipe for song in planned.songs for candidate in song.candidates]
    recipes = {(recipe.engine, recipe.inputs.get("rate_hz")): recipe for recipe in candidates}
    return len({rate_of(recipe, settings) for recipe in recipes.values()} - {None}) > 1


def expected_rate(planned: PlannedAlbum, settings: Settings) -> int | None:
    """The album's rate in Hz while winners are missing: as if the first candidate of each song won."""
    rates = [rate_of(song.candidates[0].recipe, settings) for song in planned.songs if song.candidates]
    return planned.album.rate or most_frequent_rate(rate for rate in rates if rate is not None)


def with_rate(planned: PlannedAlbum, takes: Sequence[SelectedTake], settings: Settings) -> list[SelectedTake]:
    """The winners of an album, each with the rate that it is resampled to, where it has another than the release."""
    rates = [rate_of(take.winner.recipe, settings) for take in takes]
    album_rate = planned.album.rate or most_frequent_rate(rate for rate in rates if rate is not None)
    return [
        take if rate in (None, album_rate) else replace(take, rate=album_rate)
        for take, rate in zip(takes, rates, strict=True)
    ]
