"""A difference that nobody hears decides nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, strategies

from catalog.selection.decide import CandidateReadings, Decision, Policy, decide
from catalog.selection.metrics import Measured
from catalog.selection.ranking import Weighing, ahead, goodness, ranked_candidates
from tasks.scoring.just_noticeable import STEPS
from tasks.scoring.registry import metric_specs
from tasks.steps.step_kinds import STEP_KINDS

SPECS = metric_specs()


def takes(name, *values):
    return [CandidateReadings(f"c{n}", n, n, {name: Measured(value)}) for n, value in enumerate(values)]


def decided(name, *values):
    return decide(Policy(gates=dict.fromkeys(Policy().gates), weights={name: 1.0}), takes(name, *values), SPECS)


def test_every_metric_states_its_step_and_where_it_comes_from() -> None:
    assert set(SPECS) == set(STEPS)
    assert all(spec.just_noticeable >= 0 and spec.just_noticeable_source for spec in SPECS.values())


def test_the_winner_is_not_best_by_a_difference_that_nobody_hears() -> None:
    decision = decided("mono_loss_lu", 0.298, 0.27)
    assert decision.winner == "c0", "the first in the manifest, where nothing differs"
    assert "Best mono loss" not in decision.sentence
    assert "Nothing that is weighed differs by more than its just-noticeable step." in decision.sentence
    assert decision.tie_with == ("c1",)
    assert decision.just_noticeable == {"mono_loss_lu": 0.5}
    assert decision.candidates[1].dominated_by is None


def test_a_rival_within_the_step_is_among_the_best_and_the_weakest_too() -> None:
    decision = decided("mono_loss_lu", 0.298, 0.27, 2.0, 2.2)
    first, second, third, fourth = sorted(decision.candidates, key=lambda candidate: candidate.seed)
    assert decision.winner == "c0"
    for candidate in (first, second):
        assert "Best mono loss" not in candidate.sentence
        assert "Among the best: mono loss" in candidate.sentence
    for candidate in (third, fourth):
        assert "Weak: mono loss" not in candidate.sentence
        assert "Among the weakest: mono loss" in candidate.sentence


def test_beyond_the_step_the_better_one_wins() -> None:
    decision = decided("mono_loss_lu", 1.1, 0.27)
    assert decision.winner == "c1"
    assert "Best mono loss (0.27 LU, the other 1.1)" in decision.sentence
    assert "just-noticeable" not in decision.sentence


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.direction != "none" and STEPS[name][0]])
def test_half_a_step_is_nothing_and_two_are_something(name) -> None:
    step, better = STEPS[name][0], 1 if SPECS[name].direction == "higher" else -1
    assert decided(name, 0.0, better * step / 2).winner == "c0"
    assert decided(name, 0.0, better * step * 2).winner == "c1"


def test_more_is_never_worse() -> None:
    scores = [each.score for each in sorted(decided("plr_db", 8.0, 8.7, 9.4, 10.1).candidates, key=lambda c: c.seed)]
    assert scores == sorted(scores)
    assert scores[0] < scores[-1]


def test_stored_decisions_stand_and_are_read() -> None:
    document = {k: v for k, v in decided("plr_db", 8.0, 12.0).document().items() if k != "just_noticeable"}
    assert Decision.from_document(document).just_noticeable == {}
    assert STEP_KINDS["select"].revision == 2, "raising it would decide every finished album anew"


@pytest.mark.slow
@given(
    values=strategies.lists(
        strategies.one_of(strategies.none(), strategies.integers(0, 12).map(lambda n: n / 4)), min_size=1, max_size=9
    ),
    name=strategies.sampled_from(["mono_loss_lu", "tempo_match", "clipping_runs", "plr_db"]),
)
def test_a_percentile_is_the_share_that_is_worse_and_half_of_those_that_differ_by_no_step(values, name) -> None:
    spec = SPECS[name]
    found = ranked_candidates({name: values}, Weighing({name: 1.0}, {}, {}), SPECS, count=len(values))
    own = [goodness(value, spec) for value in values]
    for one, status in zip(own, found, strict=True):
        worse = sum(ahead(one, other, spec.just_noticeable) for other in own)
        better = sum(ahead(other, one, spec.just_noticeable) for other in own)
        assert status.normalised[name] == (worse + (len(own) - worse - better) / 2) / len(own)


@pytest.mark.slow
def test_a_thousand_takes_are_ranked_in_no_time() -> None:
    values = [number % 97 / 7 for number in range(1024)]
    began = time.process_time()
    for _ in range(20):
        ranked_candidates({"plr_db": values}, Weighing({"plr_db": 1.0}, {}, {}), SPECS, count=len(values))
    assert time.process_time() - began < 1
