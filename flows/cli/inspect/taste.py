"""``taste``: what the picks and votes of a studio show of its preferences."""

from __future__ import annotations

from rich.text import Text

from catalog.catalog import open_catalog
from catalog.common.settings import load_settings
from catalog.common.text import counted, listed
from catalog.common.understood import understood
from catalog.selection.explanation import label
from catalog.selection.taste.evidence import Evidence, evidence_of
from catalog.selection.taste.taste import Agreement, Taste, taste_of
from flows.console import SafeTable, print_json, stdout
from tasks.scoring.registry import metric_specs

SHOWN = 0.01
"""Weights that are smaller are not shown."""


def taste(*, as_json: bool) -> None:
    """Fit and print the taste of all picks and votes in the catalog."""
    with open_catalog(load_settings()) as catalog, understood():
        evidence = evidence_of(catalog.database)
        found = taste_of(evidence.preferences, evidence.readings)
    if as_json:
        left_out = {"votes_left_out": evidence.left_out} if evidence.left_out else {}
        print_json({"picks": evidence.picks, "blind_votes": evidence.votes, **left_out, **found.document()})
        return
    _print(found, evidence)


def _print(found: Taste, evidence: Evidence) -> None:
    said = listed([counted(count, word) for count, word in _counts(evidence) if count])
    if not found.is_found:
        stdout().print(
            f"No preference found: {said} agree with the metrics in {_share(found.agreement)} of "
            "comparisons, and chance reaches half.",
            soft_wrap=True,
        )
    else:
        stdout().print(
            f"{said} show a preference: the metrics predict {_share(found.agreement)} of the "
            "comparisons in songs that were held out.",
            soft_wrap=True,
        )
    specs = metric_specs()
    table = SafeTable("metric", "weight", "alone")
    for name in sorted(found.weights, key=lambda name: -abs(found.weights[name])):
        if abs(found.weights[name]) >= SHOWN:
            words = label(specs[name]) if name in specs else name
            table.add_row(Text(words), f"{found.weights[name]:+.2f}", _share(found.alone[name]))
    stdout().print(table)
    stdout().print("A weight is for a difference of one spread of the metric; above 0, more is preferred.")


def _counts(evidence: Evidence) -> tuple[tuple[int, str], ...]:
    return (evidence.picks, "pick"), (evidence.votes, "vote")


def _share(agreement: Agreement) -> str:
    return f"{100 * agreement.share:.0f} % ± {100 * agreement.error:.0f}"
