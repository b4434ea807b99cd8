"""What is measured at each album, as a table, and whether it grows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tests.soak.families import Peak
from tests.soak.place import Place

LEAST_ALBUMS = 6
"""Fewer points than these say nothing of a slope."""
SPREADS = 3.0
"""A slope counts where it is as many times its own standard error."""
SHARE = 0.05
"""And where the rise over all albums is more than this share of the mean."""
MB = 1e6


@dataclass(frozen=True, slots=True)
class Row:
    """One album. Peaks are of the undisturbed album and of all disturbed commands of the same one; counts of files
    are taken when the disturbed album is done, before it is swept."""

    albums: int
    kills: int
    undisturbed_s: float
    disturbed_s: float
    undisturbed: Peak
    disturbed: Peak
    temporary_files: int
    owner_files: int
    catalog_bytes: int
    prefect_bytes: int
    store_bytes: int


class Size(NamedTuple):
    """Sizes of what a home keeps, in bytes."""

    catalog: int
    prefect: int
    store: int


def sizes(place: Place) -> Size:
    """Measure a home; logs of the databases count with them."""
    catalog = sum(path.stat().st_size for path in place.home.glob("catalog.sqlite3*"))
    prefect = sum(path.stat().st_size for path in place.home.glob("prefect/prefect.db*"))
    store = sum(path.stat().st_size for path in place.home.glob("store/objects/??/??/*"))
    return Size(catalog, prefect, store)


HEADING = (
    "albums  kills  calm s  all s  RSS MB calm/worst   fds calm/worst  procs  temp  owners  "
    "catalog MB  prefect MB  store MB"
)


def line(row: Row) -> str:
    """A row of the table under HEADING."""
    return (
        f"{row.albums:6} {row.kills:6} {row.undisturbed_s:7.1f} {row.disturbed_s:6.0f} "
        f"{row.undisturbed.rss_bytes / MB:8.0f} / {row.disturbed.rss_bytes / MB:<8.0f} "
        f"{row.undisturbed.descriptors:6} / {row.disturbed.descriptors:<6} "
        f"{row.disturbed.processes:5} {row.temporary_files:5} {row.owner_files:7} "
        f"{row.catalog_bytes / MB:11.2f} {row.prefect_bytes / MB:11.2f} {row.store_bytes / MB:9.1f}"
    )


@dataclass(frozen=True, slots=True)
class Slope:
    """A straight line through one figure over the albums, with the standard error of its slope."""

    per_album: float
    error: float
    mean: float
    albums: int

    @property
    def grows(self) -> bool:
        """Whether it rises, beyond its spread and by an amount worth the word."""
        rises = self.per_album > SPREADS * self.error
        return rises and self.per_album * self.albums > SHARE * abs(self.mean)


def slope(values: Sequence[float]) -> Slope | None:
    """Least squares; None for too few values."""
    if len(values) < LEAST_ALBUMS:
        return None
    at = np.arange(len(values), dtype=np.float64)
    y = np.asarray(values, dtype=np.float64)
    centred = at - at.mean()
    per_album = float(centred @ y / (centred @ centred))
    left = y - y.mean() - per_album * centred
    error = float(np.sqrt(left @ left / (len(y) - 2) / (centred @ centred)))
    return Slope(per_album, error, float(y.mean()), len(y))


class Figure(NamedTuple):
    """``kept`` figures rise by what every album leaves for good; what may not rise is the rise of each further one."""

    name: str
    unit: str
    of: Callable[[Row], float]
    kept: bool = False


FIGURES = (
    Figure("seconds of an undisturbed album", "s", lambda row: row.undisturbed_s),
    Figure("memory of an undisturbed album", "MB", lambda row: row.undisturbed.rss_bytes / MB),
    Figure("memory of a disturbed album", "MB", lambda row: row.disturbed.rss_bytes / MB),
    Figure("descriptors of an undisturbed album", "", lambda row: row.undisturbed.descriptors),
    Figure("processes of an undisturbed album", "", lambda row: row.undisturbed.processes),
    Figure("temporary files before a sweep", "", lambda row: row.temporary_files),
    Figure("lock files of owners", "", lambda row: row.owner_files),
    Figure("prefect.db", "MB", lambda row: row.prefect_bytes / MB),
    Figure("catalog", "MB", lambda row: row.catalog_bytes / MB, kept=True),
    Figure("store", "MB", lambda row: row.store_bytes / MB, kept=True),
)


class Verdict(NamedTuple):
    """One sentence, and whether it tells of something that grows without need."""

    sentence: str
    is_bad: bool


def judge(rows: Sequence[Row]) -> list[Verdict]:
    """Say of each figure whether it grows."""
    return [_judged(figure, [figure.of(row) for row in rows]) for figure in FIGURES]


def _judged(figure: Figure, values: list[float]) -> Verdict:
    steps = [after - before for before, after in itertools.pairwise(values)]
    found = slope(steps if figure.kept else values)
    if found is None:
        return Verdict(f"{figure.name}: {len(values)} albums are too few to tell", False)
    word = "GROWING" if found.grows else "not growing"
    figures = f"{found.per_album:+.3f} ± {found.error:.3f} {figure.unit} an album, mean {found.mean:.2f} {figure.unit}"
    what = f"{figure.name}, what each album adds" if figure.kept else figure.name
    return Verdict(f"{what}: {word} ({figures})", found.grows)
