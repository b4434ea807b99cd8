"""The guide's arrangements against their acceptance table: every figure beside what it was and what it should be.

Run ``python -m tests.bench.guide_quality`` for the figures of notes, ``--sound`` for those of rendered sound, too
(some minutes), ``--by-song`` for each song's own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from catalog.recipe import Recipe
from tasks.engines.guide.arrangement.arrange import arrange
from tests.bench import guide_tunes as tunes
from tests.bench.guide_cases import all_compared, others


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    what: str
    was: str
    target: str
    found: str
    is_met: bool

    def line(self) -> str:
        """The row as text."""
        verdict = "met " if self.is_met else "MISS"
        return f"{verdict} {self.what:<36} was {self.was:<22} target {self.target:<22} {self.found}"


def main() -> None:
    """Print the table."""
    by_genre, single = all_compared(), others()
    rows = [*rows_of_seeds(by_genre), *rows_of_tunes(by_genre, single), *rows_of_form(single), speed(single)]
    if "--sound" in sys.argv:
        from tests.bench.guide_sound import rows_of_sound

        rows.extend(Row(*row) for row in rows_of_sound(by_genre, single))
    for row in rows:
        print(row.line())
    if "--by-song" in sys.argv:
        for name, recipe in _each(by_genre, single).items():
            print(name, by_song(recipe))


def _each(by_genre: Mapping[str, Sequence[Recipe]], single: Mapping[str, Recipe]) -> dict[str, Recipe]:
    songs = {f"{genre} seed {recipe.seed}": recipe for genre, recipes in by_genre.items() for recipe in recipes}
    return {**songs, **single}


def by_song(recipe: Recipe) -> str:
    """The figures of one song's tune."""
    arrangement = arrange(recipe)
    lines = tunes.sung_lines(arrangement)
    figures = {**tunes.stress_figures(arrangement, lines), **tunes.intervals(lines)}
    texts = [f"{name} {value:.2f}" for name, value in figures.items()]
    return f"breath {tunes.longest_singing_s(arrangement):.1f} s, " + ", ".join(texts)


def rows_of_seeds(by_genre: Mapping[str, Sequence[Recipe]]) -> list[Row]:
    """How two seeds of one song differ."""
    pairs = tunes.pairs_of_seeds(by_genre)
    low, mean = min(pairs["chroma"]), float(np.mean(pairs["chroma"]))
    drums = min(pairs["drums"])
    onsets, classes = max(pairs["onsets"]), max(pairs["classes"])
    return [
        Row("seeds: chroma per bar", "0.08-0.57", ">= 0.15, mean >= 0.30", f"{low:.2f}, mean {mean:.2f}",
            low >= 0.15 and mean >= 0.30),
        Row("seeds: drum grid", "0.003-0.47", ">= 0.10", f"{drums:.2f}-{max(pairs['drums']):.2f}", drums >= 0.10),
        Row("seeds: same syllable onsets", "0.75-0.93", "<= 0.70", f"{min(pairs['onsets']):.2f}-{onsets:.2f}, mean "
            f"{np.mean(pairs['onsets']):.2f}", onsets <= 0.70),
        Row("seeds: same pitch class", "0.14-0.45", "<= 0.30", f"{min(pairs['classes']):.2f}-{classes:.2f}, mean "
            f"{np.mean(pairs['classes']):.2f}", classes <= 0.30),
    ]  # fmt: skip


def rows_of_tunes(by_genre: Mapping[str, Sequence[Recipe]], single: Mapping[str, Recipe]) -> list[Row]:
    """Breath, contours, stress and intervals over all songs; the worst song decides."""
    arrangements = [arrange(recipe) for recipe in _each(by_genre, single).values()]
    lines = [tunes.sung_lines(arrangement) for arrangement in arrangements]
    stress = [tunes.stress_figures(*each) for each in zip(arrangements, lines, strict=True)]
    steps = [tunes.intervals(each) for each in lines]
    breath = max(tunes.longest_singing_s(arrangement) for arrangement in arrangements)
    contours = np.sum([tunes.same_contours(each) for each in lines], axis=0)
    rows = [
        Row("longest singing without a breath", "15-32 s", "<= 8 s", f"{breath:.1f} s", breath <= 8),
        Row(
            "same words, same contour", "2 of 9", "100 %", f"{contours[0]} of {contours[1]}", contours[0] == contours[1]
        ),
    ]
    checks: list[tuple[str, str, str, Callable[[float], bool]]] = [
        ("pitch", "-0.3..-1.9", ">= +0.5", lambda value: value >= 0.5),
        ("length", "0.88-1.3", ">= 1.3", lambda value: value >= 1.3),
        ("on beats", "0.36-0.54", ">= 0.65", lambda value: value >= 0.65),
        ("on beats, ratio", "1.0-5", ">= 1.6", lambda value: value >= 1.6),
    ]
    for name, was, target, is_met in checks:
        rows.append(_spread(f"stressed: {name}", was, target, [each[name] for each in stress], is_met))
    rows.append(_spread("repeated notes", "0.02-0.06", "0.15-0.25", [each["repeated"] for each in steps],
                        lambda value: 0.15 <= value <= 0.25))  # fmt: skip
    rows.append(_spread("largest leap", "up to 11", "<= 9", [each["leap"] for each in steps], lambda value: value <= 9))
    rows.append(
        _spread("range of a phrase", "up to 14", "<= 12", [each["phrase"] for each in steps], lambda value: value <= 12)
    )
    rows.append(
        _spread("range of a song", "-", "10-17", [each["song"] for each in steps], lambda value: 10 <= value <= 17)
    )
    return rows


def _spread(what: str, was: str, target: str, values: Sequence[float], is_met: Callable[[float], bool]) -> Row:
    """A row of many songs: the mean, the extremes, and how many reach the target; met where the mean does and at
    least nine of ten songs do."""
    count = sum(is_met(value) for value in values)
    found = f"mean {np.mean(values):.2f} ({min(values):.2f}..{max(values):.2f}), {count} of {len(values)} songs"
    return Row(what, was, target, found, is_met(float(np.mean(values))) and count >= 0.9 * len(values))


def rows_of_form(single: Mapping[str, Recipe]) -> list[Row]:
    """How long outros are."""
    outros = {name: tunes.outro(arrange(recipe)) for name, recipe in single.items()}
    bars, share = max(bars for bars, _ in outros.values()), max(share for _, share in outros.values())
    is_met = all(bars <= 8 or share <= 0.12 for bars, share in outros.values())
    return [Row("outro", "up to 29 %, 40 bars", "<= 12 % or 8 bars", f"up to {bars} bars, {share:.0%}", is_met)]


def speed(single: Mapping[str, Recipe]) -> Row:
    """CPU seconds of arranging one song."""
    times = {}
    for name, recipe in single.items():
        began_s = time.process_time()
        arrange(recipe)
        times[name] = time.process_time() - began_s
    slowest = max(times, key=lambda name: times[name])
    return Row(
        "arranging, CPU s", "-", "well under 0.3", f"up to {times[slowest]:.2f} ({slowest})", times[slowest] < 0.3
    )


if __name__ == "__main__":
    main()
