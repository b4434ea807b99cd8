"""Choosing a winner among any readings under any policy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.common.digests import canonical_json
from catalog.selection.decide import (
    CandidateReadings,
    Limit,
    Policy,
    decide,
)
from catalog.selection.decision import Decision
from catalog.selection.metrics import Measured, NotMeasurable, Reading
from tests.unit.catalog.selection.readings import METRICS, NO_DEFAULTS, candidate, policy

finite = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, 0.5, 1.0])
readings = st.fixed_dictionaries(
    {},
    optional={
        name: finite.map(Measured) | st.sampled_from(["no tempo is stated", "it is silent"]).map(NotMeasurable)
        for name in METRICS
    },
)
bound = st.floats(-1e12, 1e12) | st.sampled_from([0.0, 0.5, 1.0])
gate = st.lists(bound, min_size=2, max_size=2).map(lambda ends: Limit(min=min(ends), max=max(ends)))


@st.composite
def songs(draw: st.DrawFn) -> tuple[Policy, list[CandidateReadings]]:
    """A policy over the metrics there are, and candidates with all sorts of readings."""
    gates = draw(st.dictionaries(st.sampled_from(sorted(METRICS)), gate, max_size=3))
    weighable = [name for name, spec in METRICS.items() if spec.direction != "none"]
    weights = draw(st.dictionaries(st.sampled_from(weighable), st.floats(0.001, 1000.0), max_size=4))
    asked = policy(
        gates={**NO_DEFAULTS, **gates},
        weights=weights,
        if_none_passes=draw(st.sampled_from(["fail", "least_bad"])),
        min_candidates=draw(st.integers(1, 4)),
    )
    seeds = draw(st.lists(st.integers(0, 2**53 - 1), unique=True, max_size=7))
    return asked, [CandidateReadings(f"c{seed}", seed, at, draw(readings)) for at, seed in enumerate(seeds)]


@pytest.mark.slow
@given(songs())
def test_the_document_is_canonical_json_and_reads_back(song: tuple[Policy, list[CandidateReadings]]) -> None:
    decision = decide(*song, METRICS)
    assert Decision.from_document(json.loads(canonical_json(decision.document()))) == decision


@pytest.mark.slow
@given(songs(), st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_is_no_matter(song: tuple[Policy, list[CandidateReadings]], random: Any) -> None:
    asked, candidates = song
    shuffled = random.sample(candidates, len(candidates))
    assert decide(asked, shuffled, METRICS) == decide(asked, candidates, METRICS)


@pytest.mark.slow
@given(songs(), readings)
def test_one_that_fails_a_gate_changes_nothing_for_those_that_pass(
    song: tuple[Policy, list[CandidateReadings]], others: dict[str, Reading]
) -> None:
    asked, candidates = song
    asked = asked.model_copy(update={"gates": {**asked.gates, "tail_silence_s": Limit(max=5.0)}})
    before = decide(asked, candidates, METRICS)
    added = CandidateReadings("added", 1, -1, {**others, "tail_silence_s": Measured(99.0)})
    after = decide(asked, [*candidates, added], METRICS)
    survivors = [(each.id, each.rank, each.score) for each in before.candidates if each.passed]
    assert survivors == [(each.id, each.rank, each.score) for each in after.candidates if each.passed]


@pytest.mark.slow
@given(songs())
def test_the_winner_is_one_that_passes_while_anybody_does(song: tuple[Policy, list[CandidateReadings]]) -> None:
    asked, candidates = song
    decision = decide(asked, candidates, METRICS)
    passed = [each for each in decision.candidates if each.passed]
    expected = len(candidates) >= asked.min_candidates and (bool(passed) or asked.if_none_passes == "least_bad")
    assert (decision.winner is not None) == expected
    assert bool(decision.reasons) != expected
    if passed and expected:
        assert decision.winner == passed[0].id
        assert all(each.rank is None for each in decision.candidates if not each.passed)
    assert sum(decision.weights.values()) == pytest.approx(1.0 if decision.weights else 0.0)


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=8))
def test_ties_fall_by_seed_order(values: list[tuple[int, int]]) -> None:
    candidates = [candidate(s, tempo_match=float(t), mono_loss_lu=float(m)) for s, (t, m) in enumerate(values)]
    decided = decide(policy(weights={"tempo_match": 1.0, "mono_loss_lu": 1.0}), candidates, METRICS).candidates
    keys = [(-(each.score or 0.0), each.order) for each in decided]
    assert keys == sorted(keys)
