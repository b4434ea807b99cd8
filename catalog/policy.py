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
from dataclasses import dataclass
from math import fsum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from catalog import sentences
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
    "stereo_correlation": Limit(min=-0.2),
}
"""What every candidate must meet unless the policy says otherwise: alive, whole, not clipped, not out of phase."""

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
    gates: dict[str, Limit | None] = Field(default_factory=lambda: dict(DEFAULT_GATES))
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
    """What is known of one candidate when deciding; ``order`` is its place among the song's seeds."""

    id: str
    seed: int
    order: int
    readings: Mapping[str, Reading]


def check_policy(policy: Policy, metrics: Mapping[str, MetricSpec]) -> tuple[str, ...]:
    """Every fault of a policy against the metrics there are, each one plain sentence without a full stop."""
    known = ", ".join(sorted(metrics))
    faults = [f"gates.{name}: there is no such metric; there are {known}" for name in policy.gates if name not in metrics]
    for name in policy.weights:
        if name not in metrics:
            faults.append(f"weights.{name}: there is no such metric; there are {known}")
        elif metrics[name].direction == "none":
            faults.append(f"weights.{name}: neither more nor less of it is better, so it can be gated but not weighted")
    return tuple(faults)


def decide(
    policy: Policy, candidates: Sequence[CandidateReadings], metrics: Mapping[str, MetricSpec]
) -> Decision:
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
    gated = [_Gated.of(candidate, policy) for candidate in sorted(candidates, key=_seed_order)]
    survivors = [each for each in gated if each.passed]
    ranked, weights, left_out = _rank(survivors or (gated if policy.if_none_passes == "least_bad" else []), policy, metrics)
    enough = len(candidates) >= policy.min_candidates
    return _Explained(policy, metrics, gated, ranked, weights, left_out).decision(chosen=bool(ranked) and enough)
