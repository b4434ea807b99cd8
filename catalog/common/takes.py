"""The names of takes within their song, and the error of takes whose audio was pruned."""

from __future__ import annotations

from catalog.common.errors import WorkError

IMPORTED = "imported"
"""The engine of takes that were made elsewhere; their seeds number them."""


def take_name(seed: int, engine: str | None = None, *, retake: bool = False) -> str:
    """A take in words: ``seed 42``, ``retake seed 42``, ``import 1``; with its ``engine`` where several compete."""
    if engine == IMPORTED:
        return f"import {seed}"
    name = f"{'retake ' if retake else ''}seed {seed}"
    return f"{name} of {engine}" if engine else name


def pruned_error(candidate: str, purpose: str) -> WorkError:
    """The error where the audio of a pruned candidate is needed; ``purpose`` completes "to be": ``mastered``."""
    return WorkError(
        f"{candidate} was pruned: its audio is not there to be {purpose}",
        remedy=f"Run `songline rerun {candidate}`, which brings it back, and then this again",
        candidate=candidate,
    )
