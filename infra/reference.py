"""``python -m infra.reference``: writes the tables of ``docs/`` that are made from the code into their pages.

A table stands between two comments, ``<!-- NAME: … -->`` and ``<!-- end -->``. A test compares the pages with what is
made here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from catalog.selection.decide import DEFAULT_FAMILIES, DEFAULT_GATES, DEFAULT_METRICS
from catalog.selection.explanation import label
from tasks.scoring.registry import metric_specs

DOCS = Path(__file__).parents[1] / "docs"
BETTER = {"higher": "more", "lower": "less", "none": "ranks nothing"}


def metrics() -> str:
    """Every metric that a policy may name."""
    rows = (
        (
            *(f"`{spec.name}`", label(spec), spec.unit or "–", spec.family, BETTER[spec.direction]),
            *(f"{spec.just_noticeable:g}", spec.description, spec.just_noticeable_source),
        )
        for spec in metric_specs().values()
    )
    heading = (
        "in a policy",
        "in tables and sentences",
        "unit",
        "family",
        "better is",
        "noticeable from",
        "what it is",
        "where the step is from",
    )
    return _table(heading, rows)


def gates() -> str:
    """The gates of an album that states none."""
    specs = metric_specs()
    rows = (
        (f"`{name}`", _limit(limit.min, limit.max), specs[name].unit or "–", specs[name].description)
        for name, limit in DEFAULT_GATES.items()
    )
    return _table(("gate", "passes", "unit", "what it is"), rows)


def ranking() -> str:
    """The metrics that rank where the album names none, and what each family weighs."""
    weights = ", ".join(f"`{name}` {weight:g}" for name, weight in DEFAULT_FAMILIES.items())
    return f"Metrics: {', '.join(f'`{name}`' for name in DEFAULT_METRICS)}. Families: {weights}."


BLOCKS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "selection.md": {"metrics": metrics, "gates": gates, "ranking": ranking},
}


def written(text: str, blocks: Mapping[str, Callable[[], str]]) -> str:
    """``text`` with every block made anew. Raises ValueError where one has no place."""
    for name, make in blocks.items():
        before, *found = re.split(rf"(<!-- {name}: [^>]*-->\n)", text)
        if len(found) != 2 or "<!-- end -->" not in found[1]:
            raise ValueError(f"there are {len(found) // 2} places for {name!r}")
        text = f"{before}{found[0]}{make()}\n<!-- end -->{found[1].partition('<!-- end -->')[2]}"
    return text


def main() -> None:
    """Write all pages."""
    for page, blocks in BLOCKS.items():
        path = DOCS / page
        path.write_text(written(path.read_text(encoding="utf-8"), blocks), encoding="utf-8")


def _limit(least: float | None, most: float | None) -> str:
    told = [f"{least:g} or more"] if least is not None else []
    told += [f"{most:g} or less"] if most is not None else []
    return ", ".join(told)


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    main()
