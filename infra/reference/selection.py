"""The tables of ``docs/selection.md``: metrics, built-in gates, ranking metrics."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.lyrics.languages import language_name
from catalog.release.listening_page.score_sheet import metric_label
from catalog.selection.decide import DEFAULT_FAMILIES, DEFAULT_GATES, DEFAULT_METRICS
from catalog.selection.explanation import label
from infra.reference.tables import table
from tasks.scoring.judges.languages import ENGINE_RULES, SPOKEN, TRANSCRIBED
from tasks.scoring.registry import metric_specs

BETTER = {"higher": "more", "lower": "less", "none": "ranks nothing"}


def metrics() -> str:
    """Every metric that a policy may name."""
    rows = (
        (
            *(
                f"`{spec.name}`",
                label(spec),
                metric_label(spec.name),
                spec.unit or "–",
                spec.family,
                BETTER[spec.direction],
            ),
            *(f"{spec.just_noticeable:g}", spec.description, spec.just_noticeable_source),
        )
        for spec in metric_specs().values()
    )
    heading = (
        "in a policy",
        "in sentences",
        "on the listening page",
        "unit",
        "family",
        "better is",
        "noticeable from",
        "what it is",
        "where the step is from",
    )
    return table(heading, rows)


def gates() -> str:
    """The gates of an album without gates of its own."""
    specs = metric_specs()
    rows = (
        (f"`{name}`", _limit(limit.min, limit.max), specs[name].unit or "–", specs[name].description)
        for name, limit in DEFAULT_GATES.items()
    )
    return table(("gate", "passes", "unit", "what it is"), rows)


def ranking() -> str:
    """The ranking metrics of an album that names none, and the weight of each family."""
    weights = ", ".join(f"`{name}` {weight:g}" for name, weight in DEFAULT_FAMILIES.items())
    return f"Metrics: {', '.join(f'`{name}`' for name in DEFAULT_METRICS)}. Families: {weights}."


def languages() -> str:
    """What the judges of lyrics compare in each language."""
    by_characters = TRANSCRIBED - SPOKEN - ENGINE_RULES
    rows = (
        ("phonemes, by the rules of DiffRhythm", _named(ENGINE_RULES)),
        ("phonemes, by espeak-ng", _named(SPOKEN)),
        ("characters", _named(by_characters)),
    )
    return table(("`lyric_per` counts", "in"), rows)


def _named(codes: Iterable[str]) -> str:
    return ", ".join(sorted(f"{language_name(code)} (`{code}`)" for code in codes))


def _limit(least: float | None, most: float | None) -> str:
    bounds = [f"{least:g} or more"] if least is not None else []
    bounds += [f"{most:g} or less"] if most is not None else []
    return ", ".join(bounds)
