"""A taste as a part of a policy: it ranks as one more metric, can be replayed, and cannot be edited unnoticed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from catalog.selection.decide import Policy, check_policy, decide
from catalog.selection.decision import Decision
from catalog.selection.reviews import Review, Reviews
from catalog.selection.taste.taste import taste_of
from catalog.selection.taste.term import TasteTerm, revision_of
from tests.unit.catalog.selection.readings import FOUR, METRICS, NO_DEFAULTS, candidate, policy
from tests.unit.catalog.selection.taste.test_taste import studio

WEIGHTS, SPREADS = {"integrated_lufs": 2.0, "mono_loss_lu": 0.5}, {"integrated_lufs": 1.5, "mono_loss_lu": 0.4}


def term(share: float = 0.5, weights=WEIGHTS, spreads=SPREADS) -> TasteTerm:
    return TasteTerm(share=share, revision=revision_of(weights, spreads), weights=weights, spreads=spreads)


def test_a_fitted_taste_is_a_term_with_its_revision() -> None:
    taste = taste_of(*studio(1, 60))
    made = taste.term(0.3)
    assert made.revision == taste.revision
    assert TasteTerm.model_validate(made.document()) == made


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"weights": {**WEIGHTS, "mono_loss_lu": 0.6}}, "revision is that of other weights"),
        ({"spreads": {"integrated_lufs": 1.5}}, "must name the same metrics"),
        ({"weights": {}, "spreads": {}}, "at least one"),
        ({"share": 0.0}, "greater than 0"),
        ({"share": 1.5}, "less than or equal to 1"),
    ],
)
def test_what_was_edited_or_makes_no_sense_is_refused(change, reason) -> None:
    with pytest.raises(ValidationError, match=reason):
        TasteTerm.model_validate({**term().document(), **change})


def test_a_metric_that_is_not_there_is_named() -> None:
    unknown = term(weights={"charm": 1.0}, spreads={"charm": 1.0})
    assert "taste.weights.charm: there is no such metric" in check_policy(policy(taste=unknown), METRICS)


def test_it_decides_with_its_share_and_says_so() -> None:
    takes = [
        candidate(1, tempo_match=0.99, mono_loss_lu=0.1, integrated_lufs=-20.0),
        candidate(2, tempo_match=0.95, mono_loss_lu=0.2, integrated_lufs=-14.0),
        candidate(3, tempo_match=0.90, mono_loss_lu=0.3, integrated_lufs=-15.0),
    ]
    without = decide(policy(), takes, METRICS)
    decision = decide(policy(taste=term(0.8)), takes, METRICS)
    assert (without.winner, decision.winner) == ("c1", "c2")
    assert decision.weights["taste"] == 0.8
    assert sum(decision.weights.values()) == pytest.approx(1)
    assert "Best taste" in decision.sentence
    assert decide(policy(taste=term(0.1)), takes, METRICS).winner == "c1"
    again = Decision.from_document(decision.document())
    stored = Policy.from_document(again.policy)
    assert decide(stored, takes, METRICS).document() == decision.document()


def test_by_families_it_is_a_family_of_its_own() -> None:
    chosen = Policy(gates=NO_DEFAULTS, families={"adherence": 1.0}, metrics=["tempo_match"], taste=term(0.25))
    chosen = chosen.model_copy(update={"gates": {}})
    takes = [candidate(1, tempo_match=0.9, integrated_lufs=-14.0), candidate(2, tempo_match=0.5, integrated_lufs=-20.0)]
    decision = decide(chosen, takes, METRICS)
    assert decision.families == {"adherence": 0.75, "taste": 0.25}
    assert decision.candidates[0].families == {"adherence": 0.75, "taste": 0.75}


def test_a_missing_reading_is_neither_good_nor_bad() -> None:
    own = term(weights={"integrated_lufs": 1.0}, spreads={"integrated_lufs": 1.0})
    strengths = own.strengths([{"integrated_lufs": -14.0}, {}, {"integrated_lufs": -16.0}])
    assert strengths == [1.0, 0.0, -1.0]
    assert own.strengths([{}, {}]) == [0.0, 0.0]


def test_what_fails_a_gate_or_is_rejected_changes_nothing_of_the_others() -> None:
    liked = policy(taste=term(0.5))
    loud = candidate(9, tempo_match=0.9, mono_loss_lu=0.0, integrated_lufs=-3.0, tail_silence_s=9.0)
    before = decide(liked, FOUR, METRICS)
    after = decide(liked, [*FOUR, loud], METRICS)
    assert [each.score for each in after.candidates if each.rank] == [
        each.score for each in before.candidates if each.rank
    ]
    rejected = Reviews(rejected=(Review("c9", "reject", "ada", "2026-12-01T00:00:00+00:00"),))
    passing = candidate(9, tempo_match=0.9, mono_loss_lu=0.0, integrated_lufs=-3.0)
    assert decide(liked, [*FOUR, passing], METRICS, reviews=rejected).winner == before.winner


def test_policies_without_it_are_as_before() -> None:
    assert "taste" not in Policy().document()
    assert "taste" not in decide(policy(), FOUR, METRICS).document()["weights"]
