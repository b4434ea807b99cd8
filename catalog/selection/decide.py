"""Selects a winner: gates first, then ranks within the song (:mod:`catalog.selection.ranking`), ties by the order in
which the manifest names the seeds.

A gate on a metric that is not measurable fails, with the reason; but where the song itself states nothing to compare
with (no tempo, no key, no lyrics) the gate does not apply, since every candidate would fail for what the manifest
leaves open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from catalog.common.digests import digest_value
from catalog.common.errors import InputError
from catalog.selection import explanation
from catalog.selection.caveats import dominated_by, lyrics_caveat, warnings
from catalog.selection.decision import CandidateOutcome, Decision, GateOutcome, Group, Limit, Missing, Place, Value
from catalog.selection.metrics import Measured, MetricSpec, Reading
from catalog.selection.overruling import overruled
from catalog.selection.policy import DEFAULT_FAMILIES, DEFAULT_GATES, DEFAULT_METRICS, Policy, check_policy
from catalog.selection.ranking import RankedCandidate, Weighing, ranked_candidates, reading_of, value_of, weigh
from catalog.selection.reviews import Review, Reviews
from catalog.selection.taste import term as taste_term
from catalog.selection.taste.term import TasteTerm
from catalog.selection.ties import tied_with_first

__all__ = [
    "DEFAULT_FAMILIES",
    "DEFAULT_GATES",
    "DEFAULT_METRICS",
    "Alike",
    "CandidateReadings",
    "Decision",
    "Limit",
    "Policy",
    "check_policy",
    "decide",
]

NOTHING_SAID = Reviews()


@dataclass(frozen=True, slots=True)
class CandidateReadings:
    """The readings of one candidate for a decision; ``order`` is its place in the song's seeds. A ``retake`` renders
    a passage of another candidate again."""

    id: str
    seed: int
    order: int
    readings: Mapping[str, Reading]
    retake: bool = False
    engine: str | None = None


@dataclass(frozen=True, slots=True)
class Alike:
    """Candidates, by id, that sound the same, and ``how`` that was determined, in words for use in brackets."""

    candidates: frozenset[str]
    how: str


def decide(
    policy: Policy,
    candidates: Sequence[CandidateReadings],
    metrics: Mapping[str, MetricSpec],
    *,
    alike: Sequence[Alike] = (),
    reviews: Reviews = NOTHING_SAID,
    failed: Collection[str] = (),
) -> Decision:
    """Select a song's winner from ``candidates``, given in any order, and explain the choice.

    The same candidates give the same decision, and one that fails a gate never changes the order of the others.
    ``alike`` are groups of near-duplicates, which are reported and have no effect. If none passes and the policy says
    ``least_bad``, all are ranked: fewest failed gates first, then fewest of them without a reading, then the smallest
    excess over the limits, then the score. ``reviews`` are what users said: a rejected candidate is never ranked, and
    a pick overrules the policy (:mod:`catalog.selection.overruling`); ``failed`` are the ids of candidates that could
    not be rendered or scored. Raises InputError where the policy does not fit ``metrics``, ValueError
    where an id occurs twice.
    """
    if faults := check_policy(policy, metrics):
        raise InputError("; ".join(faults), remedy="Correct the selection policy")
    if len({candidate.id for candidate in candidates}) < len(candidates):
        raise ValueError("a candidate occurs twice")
    rejections = {review.candidate: review for review in reviews.rejected}
    entries = [
        _Entry(candidate, _gates(candidate, policy), rejections.get(candidate.id))
        for candidate in sorted(candidates, key=_seed_order)
    ]
    eligible = [entry for entry in entries if entry.rejection is None]
    survivors = [entry for entry in eligible if entry.passed]
    ranked = survivors or (eligible if policy.if_none_passes == "least_bad" else [])
    if policy.taste:
        metrics = {**metrics, taste_term.NAME: taste_term.SPEC}
        _taste(ranked, policy.taste)
    weighing = weigh(policy, [entry.candidate.readings for entry in ranked], metrics)
    _score(ranked, weighing, metrics)
    ranked = sorted(ranked, key=_least_bad)
    losers = [entry for entry in entries if entry not in ranked]
    decision = _decision(policy, metrics, ranked, losers, weighing, alike)
    return overruled(decision, reviews.picked, failed=failed)


@dataclass(slots=True, eq=False)
class _Entry:
    """A candidate while a decision is made."""

    candidate: CandidateReadings
    gates: tuple[GateOutcome, ...]
    rejection: Review | None = None
    status: RankedCandidate | None = None

    @property
    def passed(self) -> bool:
        return all(gate.passed for gate in self.gates)


def _seed_order(candidate: CandidateReadings) -> tuple[int, int, str]:
    return candidate.order, candidate.seed, candidate.id


def _gates(candidate: CandidateReadings, policy: Policy) -> tuple[GateOutcome, ...]:
    return tuple(_gate(name, limit, reading_of(candidate.readings, name)) for name, limit in policy.limits.items())


def _gate(name: str, limit: Limit, reading: Reading) -> GateOutcome:
    if isinstance(reading, Measured):
        is_passed = limit.allows(reading.value)
        return GateOutcome(name=name, value=reading.value, not_measurable=None, limit=limit, passed=is_passed)
    is_passed = reading.is_not_stated
    return GateOutcome(name=name, value=None, not_measurable=reading.reason, limit=limit, passed=is_passed)


def _score(ranked: Sequence[_Entry], weighing: Weighing, metrics: Mapping[str, MetricSpec]) -> None:
    values = {name: [value_of(entry.candidate.readings, name) for entry in ranked] for name in weighing.weights}
    for entry, status in zip(ranked, ranked_candidates(values, weighing, metrics, count=len(ranked)), strict=True):
        entry.status = status


def _taste(ranked: Sequence[_Entry], taste: TasteTerm) -> None:
    """Give each ranked candidate its strength by the taste as one more reading."""
    values = [
        {name: value for name in taste.weights if (value := value_of(entry.candidate.readings, name)) is not None}
        for entry in ranked
    ]
    for entry, strength in zip(ranked, taste.strengths(values), strict=True):
        readings = {**entry.candidate.readings, taste_term.NAME: Measured(strength)}
        entry.candidate = replace(entry.candidate, readings=readings)


def _least_bad(entry: _Entry) -> tuple[int, int, float, float, tuple[int, int, str]]:
    """Sort key for ranking; for candidates that pass every gate only score and seed order differ."""
    failed_gates = [gate for gate in entry.gates if not gate.passed]
    excess = sum(gate.limit.excess(gate.value) for gate in failed_gates if gate.value is not None)
    unread_count = sum(gate.value is None for gate in failed_gates)
    score = entry.status.score if entry.status else 0.0
    return len(failed_gates), unread_count, excess, -score, _seed_order(entry.candidate)


def _decision(
    policy: Policy,
    metrics: Mapping[str, MetricSpec],
    ranked: Sequence[_Entry],
    rejected: Sequence[_Entry],
    weighing: Weighing,
    alike: Sequence[Alike],
) -> Decision:
    """Build the decision; the sentences last, since they refer to all candidates."""
    outcomes = _outcomes(metrics, ranked, rejected, weighing)
    is_enough = len(outcomes) >= policy.min_candidates
    winner = outcomes[0].id if ranked and is_enough else None
    tied_ids = _tied(ranked, weighing, metrics) if winner else ()
    guards = lyrics_caveat(outcomes[: len(ranked)], metrics) if winner else ()
    groups = _groups(outcomes, alike)
    explainer = explanation.Explainer(metrics, weighing.weights, outcomes, winner, tied_ids, guards, groups)
    final_outcomes = tuple(
        outcome.model_copy(update={"sentence": explainer.candidate(outcome)}) for outcome in outcomes
    )
    reasons = () if winner else explainer.reasons(policy.min_candidates, final_outcomes)
    return Decision(
        policy=policy.document(),
        weights=weighing.weights,
        left_out=weighing.left_out,
        candidates=final_outcomes,
        winner=winner,
        sentence=explainer.decision(weighing.left_out, reasons),
        reasons=reasons,
        families=weighing.families,
        tie_with=tied_ids,
        guards=guards,
        groups=groups,
        just_noticeable={
            name: metrics[name].just_noticeable for name in weighing.weights if metrics[name].just_noticeable
        },
    )


def _tied(ranked: Sequence[_Entry], weighing: Weighing, metrics: Mapping[str, MetricSpec]) -> tuple[str, ...]:
    """The ids of the candidates that the first is not clearly ahead of; only candidates that passed."""
    if not ranked[0].passed:
        return ()
    seed = digest_value("bootstrap/v1", {"candidates": sorted(entry.candidate.id for entry in ranked)})
    count = tied_with_first([entry.candidate.readings for entry in ranked], weighing, metrics, seed=seed)
    return tuple(entry.candidate.id for entry in ranked[1 : 1 + count])


def _groups(outcomes: Sequence[CandidateOutcome], alike: Sequence[Alike]) -> tuple[Group, ...]:
    """The groups with their candidates in the order of the decision, best first."""
    order = [outcome.id for outcome in outcomes]
    groups = (
        Group(
            candidates=tuple(candidate_id for candidate_id in order if candidate_id in duplicates.candidates),
            how=duplicates.how,
        )
        for duplicates in alike
    )
    return tuple(sorted(groups, key=lambda group: order.index(group.candidates[0])))


def _outcomes(
    metrics: Mapping[str, MetricSpec], ranked: Sequence[_Entry], rejected: Sequence[_Entry], weighing: Weighing
) -> list[CandidateOutcome]:
    """Each candidate's outcome without its sentence: by rank, then the rejected."""
    rivals = dominated_by([entry.candidate.readings for entry in ranked], weighing, metrics)
    outcomes = [
        _outcome(entry, metrics, rank=rank, dominated_by=None if rival is None else ranked[rival].candidate.id)
        for rank, (entry, rival) in enumerate(zip(ranked, rivals, strict=True), start=1)
    ]
    outcomes += [_outcome(entry, metrics, rank=None, dominated_by=None) for entry in rejected]
    return [outcome.model_copy(update={"warnings": warnings(outcome, outcomes)}) for outcome in outcomes]


def _outcome(
    entry: _Entry, metrics: Mapping[str, MetricSpec], *, rank: int | None, dominated_by: str | None
) -> CandidateOutcome:
    candidate, status = entry.candidate, entry.status
    return CandidateOutcome(
        id=candidate.id,
        seed=candidate.seed,
        order=candidate.order,
        retake=candidate.retake,
        engine=candidate.engine,
        gates=entry.gates,
        metrics={name: _metric(reading_of(candidate.readings, name), spec.unit) for name, spec in metrics.items()},
        normalised=status.normalised if status else {},
        families=status.families if status else {},
        score=status.score if status else None,
        rank=rank,
        sentence="",
        worst=dict(_worst(entry, metrics)),
        dominated_by=dominated_by,
        rejected_by=entry.rejection.by if entry.rejection else None,
        rejection_note=entry.rejection.note if entry.rejection else None,
    )


def _worst(entry: _Entry, metrics: Mapping[str, MetricSpec]) -> Iterable[tuple[str, Place]]:
    """The worst window of each metric that was measured in windows; for metrics without a direction, the gate's limit
    that was exceeded decides whether high or low is worse."""
    is_over = {gate.name: gate.value is not None and gate.limit.max is not None for gate in entry.gates}
    for name, spec in metrics.items():
        reading = entry.candidate.readings.get(name)
        if not isinstance(reading, Measured) or not reading.windows:
            continue
        higher_is_worse = spec.direction == "lower" or (spec.direction == "none" and is_over.get(name, False))
        worst_window = max(reading.windows, key=lambda window: window.value if higher_is_worse else -window.value)
        yield name, Place(start_s=worst_window.start_s, end_s=worst_window.end_s, value=worst_window.value)


def _metric(reading: Reading, unit: str) -> Value | Missing:
    if isinstance(reading, Measured):
        return Value(value=reading.value, unit=unit)
    return Missing(not_measurable=reading.reason)
