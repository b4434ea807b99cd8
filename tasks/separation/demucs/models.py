"""Names of the separation models and their stems, light enough for planning."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.common.errors import InputError
from catalog.common.packages import require_installed
from catalog.common.text import did_you_mean

FOUR = ("drums", "bass", "other", "vocals")
SIX = (*FOUR, "guitar", "piano")

STEM_MODELS: Mapping[str, tuple[str, ...]] = {"htdemucs": FOUR, "htdemucs_ft": FOUR, "htdemucs_6s": SIX}
"""Each separation model of the registry, and its stems in the network's order, which is also the order of the sum."""

RESIDUAL = "residual"
"""The difference between the mix and its stems; last in the sum."""

VOICE, OTHER = "vocals", "other"

RATE_HZ = 44_100
"""The sample rate of all these models."""

PACKAGES = ("torch", "demucs", "safetensors")
"""Packages of the ``stems`` extra."""


def stems_given(model: str, two_stems: str | None, *, instrumental: bool = False) -> tuple[str, ...]:
    """The stems of a separation, in the order of the sum, without the residual.

    With ``two_stems`` these are that stem and ``no_<stem>``, the sum of all others; an ``instrumental`` has no vocals
    stem. Raises InputError for an unknown model, or a stem that it does not give.
    """
    if model not in STEM_MODELS:
        raise InputError(f"there is no separation model {model[:80]!r}", remedy=did_you_mean(model, STEM_MODELS))
    stems = STEM_MODELS[model]
    if two_stems is None:
        return tuple(name for name in stems if name != VOICE) if instrumental else stems
    if two_stems not in stems:
        raise InputError(f"{model} gives no stem {two_stems[:80]!r}", remedy=did_you_mean(two_stems, stems))
    return two_stems, f"no_{two_stems}"


def require_stem_packages() -> None:
    """Raise MachineError with the command where Demucs is not installed."""
    require_installed(PACKAGES, component="separation by a model", extras=("stems",))
