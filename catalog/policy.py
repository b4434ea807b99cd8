"""How a winner is chosen: gates first, then a weighted mean of ranks within the song, ties by seed order.

Each weighted metric is turned into its mid-rank percentile among the candidates that passed the gates: the
share of them that are worse, plus half of those that are equal (itself included). With four to sixteen
candidates a standard deviation is noise, and a percentile cannot be swayed by one outlier.

Where a metric is not measurable:

- a gate on it fails, with the reason; but where the song itself states nothing to compare with (no tempo, no
  key) the gate does not apply, since every candidate would fail for what the manifest leaves open;
- as a weight it is left out for all and the other weights are scaled up, if no ranked candidate has it; if
  some have it, the ones that lack it come last in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from catalog import explanation
from catalog.decision import CandidateOutcome, Decision, GateOutcome, Limit, Missing, Value
from catalog.digests import Json, digest_value
from catalog.errors import InputError
from catalog.metrics import Measured, MetricSpec, NotMeasurable, Reading

__all__ = ["CandidateReadings", "Decision", "Limit", "Policy", "check_policy", "decide"]

SCHEME = "policy/v1"

DEFAULT_GATES: Mapping[str, Limit] = {
    "nonfinite_samples": Limit(max=0),
    "alive_ratio": Limit(min=0.6),
    "clipping_runs": Limit(max=10),
    "dc_offset": Limit(max=0.05),
    "duration_error_s": Limit(max=1.0),
    "head_silence_s": Limit(max=5.0),
    "tail_silence_s": Limit(max=5.0),
    "longest_gap_s": Limit(max=4.0),
    "spectral_flatness": Limit(max=0.5),
    "stereo_correlation": Limit(min=-0.2),
}
"""What every candidate must meet unless the policy says otherwise: alive, whole, no clipping, no noise, in phase."""

DEFAULT_WEIGHTS: Mapping[str, float] = {
    "tempo_match": 0.35,
    "key_match": 0.30,
    "mono_loss_lu": 0.15,
    "plr_db": 0.10,
    "bandwidth_hz": 0.10,
}
"""What ranks the survivors unless the policy says otherwise: obedience to the manifest, then production."""

Weight = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


class Policy(BaseModel):
    """Gates, weights and what to do when they leave nobody.

    ``gates`` as given are laid over :data:`DEFAULT_GATES`; null takes a default gate away. ``weights`` as given
    replace :data:`DEFAULT_WEIGHTS` wholly; only their proportions count. ``min_candidates`` is how many must be
    rendered and scored, passed or not, before anything is chosen.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    min_candidates: int = Field(default=1, ge=1, le=10_000)
    if_none_passes: Literal["fail", "least_bad"] = "fail"
    gates: dict[str, Limit | None] = Field(default={}, validate_default=True)
    weights: dict[str, Weight] = Field(default_factory=lambda: dict(DEFAULT_WEIGHTS))

    @field_validator("gates")
    @classmethod
    def _over_defaults(cls, given: dict[str, Limit | None]) -> dict[str, Limit | None]:
        return {**DEFAULT_GATES, **given}

    @property
    def limits(self) -> dict[str, Limit]:
        """The gates that stand, by metric."""
        return {name: limit for name, limit in self.gates.items() if limit is not None}

    def document(self) -> dict[str, Json]:
        """The policy as JSON with every default written out (a gate taken away as null); validates back to itself."""
        gates = {name: limit and limit.document() for name, limit in self.gates.items()}
        return {
            "min_candidates": self.min_candidates,
            "if_none_passes": self.if_none_passes,
            "gates": gates,
            "weights": dict(self.weights),
        }

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the canonical document."""
        return digest_value(SCHEME, self.document())


@dataclass(frozen=True, slots=True)
class CandidateReadings:
    """What is known of one candidate when deciding; ``order`` is its place among the song's seeds. A ``retake`` sings
    a passage of another candidate again."""

    id: str
    seed: int
    order: int
    readings: Mapping[str, Reading]
    retake: bool = False


def check_policy(policy: Policy, metrics: Mapping[str, MetricSpec]) -> tuple[str, ...]:
    """Every fault of a policy against the metrics there are, each one plain sentence without a full stop."""
    known = ", ".join(sorted(metrics))
    faults = [
        f"gates.{name}: there is no such metric; there are {known}" for name in policy.gates if name not in metrics
    ]
    for name in policy.weights:
        if name not in metrics:
            faults.append(f"weights.{name}: there is no such metric; there are {known}")
        elif metrics[name].direction == "none":
            faults.append(f"weights.{name}: neither more nor less of it is better, so it can be gated but not weighted")
    return tuple(faults)


def decide(policy: Policy, candidates: Sequence[CandidateReadings], metrics: Mapping[str, MetricSpec]) -> Decision:
    """Choose a song's winner among ``candidates``, given in any order, and say why.

    The same candidates give the same decision, and one that fails a gate never changes the order of the others.
    If none passes and the policy says ``least_bad``, all are ranked: fewest failed gates first, then fewest of
    them for want of a reading, then the smallest excess over the limits, then the score.
    Raises InputError when the policy does not fit ``metrics``, ValueError when an id stands twice.
    """
    if faults := check_policy(policy, metrics):
        raise InputError("; ".join(faults), remedy="Correct the selection policy")
    if len({candidate.id for candidate in candidates}) < len(candidates):
        raise ValueError("a candidate stands twice")
    entries = [_Entry(candidate, _gates(candidate, policy)) for candidate in sorted(candidates, key=_seed_order)]
    survivors = [entry for entry in entries if entry.passed]
    ranked = survivors or (entries if policy.if_none_passes == "least_bad" else [])
    weights, left_out = _weights(ranked, policy)
    _score(ranked, weights, metrics)
    ranked = sorted(ranked, key=_least_bad)
    return _decision(policy, metrics, ranked, [e for e in entries if e not in ranked], weights, left_out)


@dataclass(slots=True, eq=False)
class _Entry:
    """A candidate on its way through the decision."""

    candidate: CandidateReadings
    gates: tuple[GateOutcome, ...]
    normalised: dict[str, float] = field(default_factory=dict)
    score: float | None = None

    @property
    def passed(self) -> bool:
        return all(gate.passed for gate in self.gates)

    def value(self, name: str) -> float | None:
        reading = _reading(self.candidate, name)
        return reading.value if isinstance(reading, Measured) else None


def _seed_order(candidate: CandidateReadings) -> tuple[int, int, str]:
    return candidate.order, candidate.seed, candidate.id


def _reading(candidate: CandidateReadings, name: str) -> Reading:
    return candidate.readings.get(name, NotMeasurable("it was not scored"))


def _gates(candidate: CandidateReadings, policy: Policy) -> tuple[GateOutcome, ...]:
    return tuple(_gate(name, limit, _reading(candidate, name)) for name, limit in policy.limits.items())


def _gate(name: str, limit: Limit, reading: Reading) -> GateOutcome:
    if isinstance(reading, Measured):
        passed = limit.allows(reading.value)
        return GateOutcome(name=name, value=reading.value, not_measurable=None, limit=limit, passed=passed)
    passed = reading.is_not_stated
    return GateOutcome(name=name, value=None, not_measurable=reading.reason, limit=limit, passed=passed)


def _weights(ranked: Sequence[_Entry], policy: Policy) -> tuple[dict[str, float], dict[str, str]]:
    """The weights that can be used, scaled to sum to 1, and the others with the reason why not."""
    if not ranked:
        return {}, {}
    left_out = {}
    for name in policy.weights:
        readings = [_reading(entry.candidate, name) for entry in ranked]
        reasons = [each.reason for each in readings if isinstance(each, NotMeasurable)]
        if len(reasons) == len(readings):
            left_out[name] = reasons[0]
    used = {name: weight for name, weight in policy.weights.items() if name not in left_out}
    total = fsum(used.values())
    return {name: weight / total for name, weight in used.items()}, left_out


def _score(ranked: Sequence[_Entry], weights: Mapping[str, float], metrics: Mapping[str, MetricSpec]) -> None:
    """Fill in percentiles and weighted means; rounded, so that equal sums are equal whatever their last bits."""
    for name in weights:
        goodness = [_goodness(entry.value(name), metrics[name]) for entry in ranked]
        for entry, own in zip(ranked, goodness, strict=True):
            worse, equal = sum(other < own for other in goodness), goodness.count(own)
            entry.normalised[name] = (worse + equal / 2) / len(goodness)
    for entry in ranked:
        entry.score = round(fsum(weights[name] * entry.normalised[name] for name in weights), 12) if weights else 0.5


def _goodness(value: float | None, spec: MetricSpec) -> float:
    if value is None:
        return float("-inf")
    return value if spec.direction == "higher" else -value


def _least_bad(entry: _Entry) -> tuple[int, int, float, float, tuple[int, int, str]]:
    """Sort key of those to be ranked; among candidates that pass every gate only score and seed order differ."""
    failed = [gate for gate in entry.gates if not gate.passed]
    excess = fsum(gate.limit.excess(gate.value) for gate in failed if gate.value is not None)
    unread = sum(gate.value is None for gate in failed)
    return len(failed), unread, excess, -(entry.score or 0.0), _seed_order(entry.candidate)


def _decision(
    policy: Policy,
    metrics: Mapping[str, MetricSpec],
    ranked: Sequence[_Entry],
    rejected: Sequence[_Entry],
    weights: Mapping[str, float],
    left_out: Mapping[str, str],
) -> Decision:
    """Write the decision down, the sentences last, since they speak of all candidates."""
    outcomes = [_outcome(entry, metrics, rank) for rank, entry in enumerate(ranked, start=1)]
    outcomes += [_outcome(entry, metrics, None) for entry in rejected]
    enough = len(outcomes) >= policy.min_candidates
    winner = ranked[0].candidate.id if ranked and enough else None
    teller = explanation.Teller(metrics, weights, outcomes, winner)
    told = tuple(outcome.model_copy(update={"sentence": teller.candidate(outcome)}) for outcome in outcomes)
    reasons = () if winner else teller.reasons(policy.min_candidates, told)
    return Decision(
        policy=policy.document(),
        weights=weights,
        left_out=left_out,
        candidates=told,
        winner=winner,
        sentence=teller.decision(left_out, reasons),
        reasons=reasons,
    )


def _outcome(entry: _Entry, metrics: Mapping[str, MetricSpec], rank: int | None) -> CandidateOutcome:
    candidate = entry.candidate
    return CandidateOutcome(
        id=candidate.id,
        seed=candidate.seed,
        order=candidate.order,
        retake=candidate.retake,
        gates=entry.gates,
        metrics={name: _metric(_reading(candidate, name), spec.unit) for name, spec in metrics.items()},
        normalised=entry.normalised,
        score=entry.score,
        rank=rank,
        sentence="",
    )


def _metric(reading: Reading, unit: str) -> Value | Missing:
    if isinstance(reading, Measured):
        return Value(value=reading.value, unit=unit)
    return Missing(not_measurable=reading.reason)
