"""Metrics, policies and candidates with readings, for the tests of choosing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from catalog.selection.decide import (
    DEFAULT_FAMILIES,
    DEFAULT_GATES,
    CandidateReadings,
    Limit,
    Policy,
)
from catalog.selection.decision import CandidateOutcome, Decision
from catalog.selection.metrics import Measured, MetricSpec, NotMeasurable, Reading, Window

METRICS = {
    spec.name: spec
    for spec in (
        MetricSpec("tempo_match", "", "higher", "adherence", ""),
        MetricSpec("key_match", "", "higher", "adherence", ""),
        MetricSpec("mono_loss_lu", "LU", "lower", "technical", ""),
        MetricSpec("tail_silence_s", "s", "lower", "technical", ""),
        MetricSpec("integrated_lufs", "LUFS", "none", "technical", ""),
    )
}
NO_DEFAULTS: dict[str, Any] = dict.fromkeys(DEFAULT_GATES)
TAIL = {**NO_DEFAULTS, "tail_silence_s": Limit(max=5.0)}


def policy(**fields: Any) -> Policy:
    given_gates = fields.pop("gates", TAIL)
    weights = fields.pop("weights", {"tempo_match": 0.6, "mono_loss_lu": 0.4})
    chosen = Policy(gates=given_gates, weights=weights, **fields)
    known = {name: limit for name, limit in chosen.gates.items() if name in METRICS}
    return chosen.model_copy(update={"gates": known})


def candidate(seed: int, order: int = 0, /, **readings: float | str) -> CandidateReadings:
    """A candidate with readings; a string is the reason why there is none."""
    read: dict[str, Reading] = {"tail_silence_s": Measured(1.0)}
    for name, value in readings.items():
        read[name] = NotMeasurable(value) if isinstance(value, str) else Measured(value)
    return CandidateReadings(f"c{seed}", seed, order or seed, read)


FOUR = (
    candidate(42, tempo_match=0.99, mono_loss_lu=0.1, tail_silence_s=6.2),
    candidate(43, tempo_match=0.81, mono_loss_lu=0.5),
    candidate(44, tempo_match=0.97, mono_loss_lu=0.8),
    candidate(45, tempo_match=0.95, mono_loss_lu=1.2),
)


def by_seed(decision: Decision) -> dict[int, CandidateOutcome]:
    return {outcome.seed: outcome for outcome in decision.candidates}


FAMILIES = {
    spec.name: spec
    for spec in (
        MetricSpec("prompt_match", "", "higher", "adherence", "", words="prompt match"),
        MetricSpec("key_match", "", "higher", "adherence", ""),
        MetricSpec("enjoyment", "", "higher", "musicality", ""),
        MetricSpec("lyric_per", "", "lower", "lyrics", "", words="phoneme errors"),
        MetricSpec("bandwidth_hz", "Hz", "higher", "production", ""),
        MetricSpec("cutoff_hz", "Hz", "none", "technical", ""),
        MetricSpec("ending_dbfs", "dBFS", "lower", "technical", ""),
        MetricSpec("sung_gap_s", "s", "lower", "technical", "", words="silence in sung lines"),
    )
}


def by_family(**fields: Any) -> Policy:
    gates = fields.pop("gates", {})
    families = fields.get("families", DEFAULT_FAMILIES)
    usual = ["prompt_match", "key_match", "enjoyment", "lyric_per", "bandwidth_hz"]
    ranked = fields.pop("metrics", [name for name in usual if FAMILIES[name].family in families])
    return Policy(metrics=ranked, gates={**NO_DEFAULTS, **gates}, **fields).model_copy(update={"gates": gates})


def heard(seed: int, windows: Mapping[str, Sequence[float]] | None = None, /, **values: float) -> CandidateReadings:
    """A candidate with readings; the ``windows`` of a metric are ten seconds each, its value their mean."""
    read: dict[str, Reading] = {name: Measured(value) for name, value in values.items()}
    for name, parts in (windows or {}).items():
        stretches = tuple(Window(10.0 * at, 10.0 * at + 10, part) for at, part in enumerate(parts))
        read[name] = Measured(values.get(name, sum(parts) / len(parts)), stretches)
    return CandidateReadings(f"c{seed}", seed, seed, read)
