"""Figures of the guide's rendered sound: whether genres are told apart, and how loud its sections are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from catalog.common.settings import Settings
from catalog.recipe import Recipe
from catalog.selection.metrics import Measured
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import integrated_lufs, measure_loudness
from tasks.engines.base import RenderJob, RenderResult
from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.engine import GuideEngine
from tasks.engines.guide.renderer import GuideRenderer
from tests.bench.guide_tunes import drum_grid

WINDOW = 4096
BANDS_HZ = (40, 80, 160, 320, 640, 1250, 2500, 5000, 10000, 18000)
GRID_WEIGHT = 2.0
"""How much the drum grid counts beside the spectral figures, by its number of cells."""

SoundRow = tuple[str, str, str, str, bool]


def rows_of_sound(by_genre: Mapping[str, Sequence[Recipe]], single: Mapping[str, Recipe]) -> list[SoundRow]:
    """Rows about genres and loudness."""
    renderer = GuideEngine(Settings()).load()
    features, labels = [], []
    for genre, recipes in by_genre.items():
        for recipe in recipes:
            features.append(figures_of(rendered(renderer, recipe), recipe))
            labels.append(genre)
    songs = {f"{genre} {recipes[0].seed}": recipes[0] for genre, recipes in by_genre.items()} | dict(single)
    return [*rows_of_genres(np.array(features), labels), *rows_of_loudness(renderer, songs)]


def rendered(renderer: GuideRenderer, recipe: Recipe) -> Audio:
    """A recipe's mix."""
    (result,) = renderer.render([RenderJob(recipe)])
    assert isinstance(result, RenderResult)
    return result.audio


def figures_of(audio: Audio, recipe: Recipe) -> NDArray[np.float64]:
    """Sixteen spectral figures, and the drum grid."""
    return np.concatenate([spectral_figures(audio), drum_grid(arrange(recipe)).ravel()])


def spectral_figures(audio: Audio) -> NDArray[np.float64]:
    """Nine band levels in dB, centroid, spread, 85 % roll-off (octaves), flatness, flux, crest and width (dB)."""
    mono = audio.samples.mean(axis=0)
    count = len(mono) // WINDOW
    frames = mono[: count * WINDOW].reshape(count, WINDOW) * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    mean = power.mean(axis=0) + 1e-12
    hertz = np.fft.rfftfreq(WINDOW, 1 / audio.rate)
    bands = [mean[(hertz >= low) & (hertz < high)].sum() for low, high in pairwise(BANDS_HZ)]
    levels = 10 * np.log10(np.array(bands) / sum(bands))
    audible = hertz > 40
    octaves, weights = np.log2(hertz[audible]), mean[audible] / mean[audible].sum()
    centroid = float((octaves * weights).sum())
    spread = float(np.sqrt(((octaves - centroid) ** 2 * weights).sum()))
    roll_off = float(octaves[np.searchsorted(np.cumsum(weights), 0.85)])
    flatness = float(np.exp(np.log(mean[audible]).mean()) / mean[audible].mean())
    root = np.sqrt(power)
    flux = float(np.maximum(0, np.diff(root, axis=0)).sum() / root.sum())
    crest = 20 * np.log10(np.abs(mono).max() / np.sqrt((mono**2).mean()))
    side = audio.samples[0] - audio.samples[1]
    width = 10 * np.log10(((side / 2) ** 2).mean() / (mono**2).mean() + 1e-6)
    return np.array([*levels, centroid, spread, roll_off, np.log10(flatness), flux, crest, width])


def rows_of_genres(features: NDArray[np.float64], labels: Sequence[str]) -> list[SoundRow]:
    """Leave-one-out nearest neighbour, distances of genres, and their ratio to those within a genre."""
    scaled = standardised(features)
    distances = np.linalg.norm(scaled[:, None] - scaled[None, :], axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = [labels[index] for index in distances.argmin(axis=1)]
    share = float(np.mean([found == label for found, label in zip(nearest, labels, strict=True)]))
    same = np.array([[a == b for b in labels] for a in labels])
    np.fill_diagonal(same, False)
    other = ~same & ~np.eye(len(labels), dtype=bool)
    ratio = float(distances[other].mean() / distances[same].mean())
    names = sorted(set(labels))
    centres = np.array([scaled[[label == name for label in labels]].mean(axis=0) for name in names])
    apart = np.linalg.norm(centres[:, None] - centres[None, :], axis=2)
    np.fill_diagonal(apart, np.inf)
    first, second = np.unravel_index(int(apart.argmin()), apart.shape)
    taken = sorted({f"{label} as {found}" for found, label in zip(nearest, labels, strict=True) if found != label})
    return [
        ("genres told apart", "0.44", ">= 0.85", f"{share:.2f} {', '.join(taken)}", share >= 0.85),
        ("genres: nearest pair", "trap = soul", ">= 0.5", f"{apart.min():.2f} ({names[first]}, {names[second]})",
         float(apart.min()) >= 0.5),
        ("genres: between / within", "1.45", ">= 2.0", f"{ratio:.2f}", ratio >= 2.0),
    ]  # fmt: skip


def standardised(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spectral figures in standard deviations, divided so that a difference of one in all of them is a distance of
    one; the drum grid likewise as a whole."""
    spectral, grid = features[:, :16], features[:, 16:]
    spectral = (spectral - spectral.mean(axis=0)) / (spectral.std(axis=0) + 1e-9) / 4
    grid = (grid - grid.mean(axis=0)) / (np.sqrt(grid.var(axis=0).sum()) + 1e-9)
    return np.concatenate([spectral, GRID_WEIGHT / 2 * grid], axis=1)


def rows_of_loudness(renderer: GuideRenderer, songs: Mapping[str, Recipe]) -> list[SoundRow]:
    """How much louder choruses are than verses, and the loudness range before mastering."""
    steps, ranges = {}, {}
    for name, recipe in songs.items():
        audio = rendered(renderer, recipe)
        step = chorus_step(audio, recipe)
        if step is not None:
            steps[name] = step
        reading = measure_loudness(audio).loudness_range_lu if recipe.length_s >= 30 else None
        if isinstance(reading, Measured):
            ranges[name] = reading.value
    in_steps = sum(3 <= value <= 5 for value in steps.values())
    in_ranges = sum(6 <= value <= 10 for value in ranges.values())
    return [
        ("chorus - verse, LU", "1.3-2.6", "3-5", f"{in_steps} of {len(steps)}: {_listed(steps)}",
         in_steps >= 0.9 * len(steps)),
        ("loudness range before mastering, LU", "3.8-6.8", "6-10", f"{in_ranges} of {len(ranges)}: {_listed(ranges)}",
         in_ranges >= 0.9 * len(ranges)),
    ]  # fmt: skip


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.1f}" for name, value in values.items())


def chorus_step(audio: Audio, recipe: Recipe) -> float | None:
    """The mean loudness of choruses minus that of verses, LU; None where a song lacks one of them."""
    arrangement = arrange(recipe)
    levels: dict[str, list[float]] = {"verse": [], "chorus": []}
    for section in arrangement.sections:
        if section.kind not in levels or not section.lines:
            continue
        start, end = (arrangement.grid.time_s(bar) for bar in (section.first_bar, section.end_bar))
        samples = audio.samples[:, max(0, round(start * audio.rate)) : round(end * audio.rate)]
        reading = integrated_lufs(Audio(samples, audio.rate))
        if isinstance(reading, Measured):
            levels[section.kind].append(reading.value)
    if not all(levels.values()):
        return None
    return float(np.mean(levels["chorus"]) - np.mean(levels["verse"]))
