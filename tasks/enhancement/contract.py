"""The guarantees of every result of the enhancement stage, measured before the result is kept.

Length, rate and channels; everything below the member's cut-off, to -40 dB, in each octave of mid and side and at each
moment, compared sample against sample after one gain for all of it; the balance of left and right; loudness within 0.2
LU.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from catalog.common.digests import Json
from catalog.common.errors import WorkError
from catalog.selection.metrics import Measured
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import integrated_lufs
from tasks.enhancement.base import Bounds
from tasks.enhancement.comparison import Comparison, compare

NULL_DB = -40.0
LOUDNESS_LU = 0.2
BALANCE_DB = 1.0
"""One gain for both sides shifts the balance too, where one of them only has content in the reduced band."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One guarantee, and the measured result; ``sentence`` describes it."""

    name: str
    kept: bool
    value: float | None
    limit: float | None
    unit: str
    sentence: str

    def as_document(self) -> dict[str, Json]:
        """Plain JSON."""
        return {
            "name": self.name,
            "kept": self.kept,
            "value": self.value,
            "limit": self.limit,
            "unit": self.unit,
            "sentence": self.sentence,
        }


def examine(source: Audio, enhanced: Audio, *, bounds: Bounds) -> tuple[Clause, ...]:
    """Every clause, kept or not; those that need comparable audio are left out where the shapes differ."""
    form = _form(source, enhanced)
    if not form.kept:
        return (form,)
    comparison = compare(source, enhanced, kept_hz=(bounds.kept_from_hz, bounds.cutoff_hz))
    return (form, _null(comparison, bounds), _balance(comparison), _loudness(source, enhanced))


def require(clauses: tuple[Clause, ...], *, member: str) -> None:
    """Raise WorkError for the first clause that was not kept, with its figure."""
    for clause in clauses:
        if not clause.kept:
            raise WorkError(
                f"the enhancement {member} broke its contract ({clause.name}): {clause.sentence}",
                remedy="Nothing of it was kept; set `enhance` to none or to another member, and report this",
            )


def _form(source: Audio, enhanced: Audio) -> Clause:
    source_form, enhanced_form = _form_of(source), _form_of(enhanced)
    if source_form != enhanced_form:
        return Clause("form", False, None, None, "", f"{enhanced_form} came out of {source_form}")
    nonfinite = enhanced.samples.size - int(np.count_nonzero(np.isfinite(enhanced.samples)))
    sentence = f"{nonfinite} samples are not finite numbers" if nonfinite else f"{enhanced_form} came out of the same"
    return Clause("form", nonfinite == 0, float(nonfinite), 0.0, "samples", sentence)


def _form_of(audio: Audio) -> str:
    return f"{audio.frames} samples at {audio.rate} Hz in {audio.channels} channels"


def _null(comparison: Comparison, bounds: Bounds) -> Clause:
    null_db = comparison.null_db
    sentence = (
        f"below {bounds.cutoff_hz:.0f} Hz it differs from its source by {null_db:.1f} dB of it "
        f"({comparison.worst_at}), {NULL_DB:g} dB are allowed"
    )
    return Clause("null", null_db <= NULL_DB, _rounded(null_db), NULL_DB, "dB", sentence)


def _balance(comparison: Comparison) -> Clause:
    movement_db = comparison.balance_moved_db
    sentence = f"the balance of left and right moved by {movement_db:.2f} dB, {BALANCE_DB:g} dB are allowed"
    return Clause("balance", abs(movement_db) <= BALANCE_DB, _rounded(movement_db), BALANCE_DB, "dB", sentence)


def _loudness(source: Audio, enhanced: Audio) -> Clause:
    source_lufs, enhanced_lufs = integrated_lufs(source), integrated_lufs(enhanced)
    if isinstance(source_lufs, Measured) and isinstance(enhanced_lufs, Measured):
        movement_lu = enhanced_lufs.value - source_lufs.value
        sentence = f"its loudness moved by {movement_lu:+.2f} LU, {LOUDNESS_LU:g} LU are allowed"
        return Clause("loudness", abs(movement_lu) <= LOUDNESS_LU, _rounded(movement_lu), LOUDNESS_LU, "LU", sentence)
    is_same = type(source_lufs) is type(enhanced_lufs)
    sentence = "neither has a loudness" if is_same else "one of source and result has no loudness"
    return Clause("loudness", is_same, None, LOUDNESS_LU, "LU", sentence)


def _rounded(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
