"""Arrange a recipe: every note of a song."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator

from catalog.album.tempo_and_key import tonic_and_mode
from catalog.recipe import Recipe
from tasks.engines.guide.arrangement.band import Band, Score
from tasks.engines.guide.arrangement.form.grid import fit_grid, lines_of, tempos_of
from tasks.engines.guide.arrangement.form.groups import groups_of
from tasks.engines.guide.arrangement.form.layers import layers_of
from tasks.engines.guide.arrangement.form.sections import sections_of
from tasks.engines.guide.arrangement.harmony import harmonise
from tasks.engines.guide.arrangement.score import Arrangement, Grid, Line, Section
from tasks.engines.guide.arrangement.variants import chance, pair_of
from tasks.engines.guide.genres.library import genre, genre_from
from tasks.engines.guide.genres.schema import Genre, GrooveFile, ProgressionFile
from tasks.engines.guide.words.phonemes import syllables_of_words

STREAMS = ("melody", "drums", "bass", "chords", "pad", "pluck", "answers", "lead", "instruments")
"""Each part draws from its own stream of the seed, so that a change in one does not affect the others."""

MINOR_WORDS = ("sad", "dark", "wistful", "melanchol", "minor", "moody", "haunting", "gloomy", "lonely", "tragic")
MAJOR_WORDS = ("happy", "bright", "uplifting", "cheerful", "sunny", "joyful", "major", "playful", "hopeful")
MAJOR_TONICS, MINOR_TONICS = (0, 2, 3, 4, 5, 7, 9, 10), (0, 2, 4, 6, 7, 9, 11, 1)
"""Pitch classes of the keys that are chosen where none is stated: those with at most four sharps or flats."""

PHRASES_OF_A_TUNE = (5, 10)
"""Fewest and most notes of a phrase that an instrument plays."""

_INSTRUMENTAL = ("solo", "interlude", "chorus")


def arrange(recipe: Recipe) -> Arrangement:
    """All notes of ``recipe``: pure, and the same for the same recipe.

    Tempo, key and form come from the song alone; the seed chooses among grooves, progressions, tunes and instruments.
    """
    inputs: Mapping[str, Any] = recipe.inputs
    style = genre_of(recipe)
    streams = _streams(recipe.seed, style)
    grid = _grid(recipe, style)
    tonic, minor = _key(recipe, style)
    rows = inputs["lines"]
    stresses = inputs.get("stress") or [()] * len(rows)
    word_syllables = [syllables_of_words(line) for line in inputs.get("phones", ())]
    lines = lines_of(rows, stresses, recipe.length_s, grid, word_syllables=word_syllables)
    marks = inputs.get("sections") or [""] * len(rows)
    groups = groups_of([(row[0] / 1000, line, mark) for row, line, mark in zip(rows, lines, marks, strict=True)])
    sections = sections_of(groups, grid, recipe.length_s)
    if not any(lines):
        sections = _with_phrases(sections, grid, streams["lead"], kinds=None)
    progression = _progression_of(recipe, style, minor=minor)
    harmony = harmonise(sections, progression, tonic=tonic, minor=minor, jazz=style.bass_manner == "walking")
    layers = layers_of(sections, style, float(inputs["settings"]["density"]))
    score = Score(recipe, style, groove_of(recipe), grid, harmony, sections, layers, is_sung=any(lines))
    solos = _with_phrases(sections, grid, streams["lead"], kinds=_INSTRUMENTAL)
    parts = Band(score, streams).parts(solos)
    return Arrangement(
        length_s=recipe.length_s,
        grid=grid,
        tonic=tonic,
        minor=minor,
        sections=sections,
        parts=tuple(part for part in parts if part.notes),
        chords=harmony.names(grid, recipe.length_s),
        genre=style.name,
        tone=style.tone,
    )


def genre_of(recipe: Recipe) -> Genre:
    """The genre of a recipe: one of the guide's own by its name, or a user's as a whole."""
    stated = recipe.inputs["genre"]
    return genre(stated) if isinstance(stated, str) else genre_from(stated)


def groove_of(recipe: Recipe) -> GrooveFile:
    """The groove of a recipe's variant."""
    style = genre_of(recipe)
    return style.grooves[pair_of(_variant(recipe), len(style.grooves), len(style.progressions.minor))[0]]


def _progression_of(recipe: Recipe, style: Genre, *, minor: bool) -> ProgressionFile:
    """The progression of a recipe's variant."""
    progressions = style.progressions.minor if minor else style.progressions.major
    return progressions[pair_of(_variant(recipe), len(style.grooves), len(progressions))[1]]


def _variant(recipe: Recipe) -> int:
    return int(recipe.inputs["variant"])


def _streams(seed: int, style: Genre) -> dict[str, Generator]:
    """A stream a part; the genre is in it, so that a seed does not sing the same tune in all of them."""
    children = np.random.SeedSequence((seed, chance(style.name))).spawn(len(STREAMS))
    return {name: Generator(np.random.PCG64(child)) for name, child in zip(STREAMS, children, strict=True)}


def _own_chance(recipe: Recipe, what: str) -> int:
    """A number of the song, whatever its seed: by its first words, else by its prompt."""
    words = next((text for _, text, syllables in recipe.inputs["lines"] if syllables), recipe.inputs["prompt"] or "")
    return chance(f"{what} of {words}")


def _grid(recipe: Recipe, style: Genre) -> Grid:
    """The stated tempo, else the one among the genre's that fits the lines best."""
    starts_s = [start_ms / 1000 for start_ms, _, syllables in recipe.inputs["lines"] if syllables]
    stated_bpm = recipe.inputs["bpm"]
    if stated_bpm is not None:
        return fit_grid(starts_s, [float(stated_bpm)])
    lowest, highest = style.tempo_bpm
    preferred = 0.25 + 0.5 * (_own_chance(recipe, "tempo") % 1000) / 1000
    return fit_grid(starts_s, tempos_of(lowest, highest, preferred))


def _key(recipe: Recipe, style: Genre) -> tuple[int, bool]:
    stated_key = recipe.inputs["key"]
    if stated_key is not None:
        pitch_class, mode = tonic_and_mode(stated_key)
        return pitch_class, mode == "minor"
    text = (recipe.inputs["prompt"] or "").casefold()
    score = sum(word in text for word in MINOR_WORDS) - sum(word in text for word in MAJOR_WORDS)
    minor = score > 0 if score else style.mode == "minor"
    tonics = MINOR_TONICS if minor else MAJOR_TONICS
    return tonics[_own_chance(recipe, "key") % len(tonics)], minor


def _with_phrases(
    sections: Sequence[Section], grid: Grid, rng: Generator, *, kinds: Sequence[str] | None
) -> tuple[Section, ...]:
    """Sections with phrases of two bars for an instrument that has the tune: in those without words of some kinds, or
    in all but intro and outro."""
    phrased = []
    for section in sections:
        plays = section.kind not in ("intro", "outro") if kinds is None else section.kind in kinds
        phrases = []
        if plays and not section.lines:
            for bar in range(section.first_bar, section.end_bar - 1, 2):
                start_s = max(0.0, grid.time_s(bar))
                count = int(rng.integers(*PHRASES_OF_A_TUNE))
                phrases.append(Line(start_s, grid.time_s(bar) + 2 * grid.bar_s, "", count))
        phrased.append(replace(section, lines=tuple(phrases)))
    return tuple(phrased)
