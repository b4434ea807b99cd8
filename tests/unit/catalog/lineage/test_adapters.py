"""The adapters behind a file."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from catalog.catalog import Catalog
from catalog.lineage.adapters import adapters_of

A, B = "a" * 64, "b" * 64


def songs_with(*adapters: list[list[object]]) -> Any:
    return SimpleNamespace(own=[{"recipe": {"inputs": {"adapters": stated}}} for stated in adapters])


def test_an_adapter_is_told_at_every_weight_that_it_has(catalog: Catalog) -> None:
    """In the songs of an album, and under two names in one song."""
    found = adapters_of(catalog.database, songs_with([[A, 0.8], [B, 1.0]], [[A, 0.8], [A, 0.3]]))
    assert [(adapter.digest, adapter.weight) for adapter in found] == [(A, 0.8), (B, 1.0), (A, 0.3)]
    assert adapters_of(catalog.database, SimpleNamespace(own=[{"recipe": {"inputs": {}}}])) == ()  # type: ignore[arg-type]
