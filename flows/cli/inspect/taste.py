"""``taste``: what the picks and votes of a studio show of its preferences."""

from __future__ import annotations

from collections.abc import Mapping

import yaml
from rich.text import Text

from catalog.catalog import open_catalog
from catalog.common.digests import Json
from catalog.common.errors import RefusedError
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


def taste(*, share: float | None, as_json: bool) -> None:
    """Fit and print the taste of all picks and votes in the catalog; with a ``share``, as a part of a policy.

    Raises RefusedError for a policy of a taste in which no preference was found.
    """
    with open_catalog(load_settings()) as catalog, understood():
        evidence = evidence_of(catalog.database)
        found = taste_of(evidence.preferences, evidence.readings)
    if share is not None:
        if not found.is_found:
            raise RefusedError(
                "no preference was found, so there is no taste for a policy", remedy="Compare more takes"
            )
        _print_policy({"taste": found.term(share).document()}, as_json=as_json)
        return
    if as_json:
        left_out = {"votes_left_out": evidence.left_out} if evidence.left_out else {}
        print_json({"picks": evidence.picks, "blind_votes": evidence.votes, **left_out, **found.document()})
        return
    _print(found, evidence)


def _print_policy(document: Mapping[str, Json], *, as_json: bool) -> None:
    """Print what goes below ``selection`` in a manifest, or into a policy's file."""
    if as_json:
        print_json(document)
    else:
        stdout().print(Text(yaml.safe_dump(dict(document), sort_keys=False).rstrip()), soft_wrap=True)


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
