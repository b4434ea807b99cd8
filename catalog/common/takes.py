"""The names of takes within their song."""

from __future__ import annotations

IMPORTED = "imported"
"""The engine of takes that were made elsewhere; their seeds number them."""


def take_name(seed: int, engine: str | None = None, *, retake: bool = False) -> str:
    """A take in words: ``seed 42``, ``retake seed 42``, ``import 1``; with its ``engine`` where several compete."""
    if engine == IMPORTED:
        return f"import {seed}"
    name = f"{'retake ' if retake else ''}seed {seed}"
    return f"{name} of {engine}" if engine else name
