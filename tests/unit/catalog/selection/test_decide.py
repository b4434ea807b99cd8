"""Choosing a winner: gates, ranks, what cannot be measured, and songs of which nobody passes."""

from __future__ import annotations

import pytest

from catalog.selection.decide import (
    CandidateReadings,
    Limit,
    decide,
)
from catalog.selection.metrics import NotMeasurable
from tests.unit.catalog.selection.readings import FOUR, METRICS, NO_DEFAULTS, TAIL, by_seed, candidate, policy


class TestGatesAndRanks:
    def test_gates_outvote_any_score(self) -> None:
        decision = decide(policy(), FOUR, METRICS)
        assert decision.winner == "c44"
        assert [(each.seed, each.rank) for each in decision.candidates] == [(44, 1), (43, 2), (45, 3), (42, None)]
        rejected = by_seed(decision)[42]
        assert (rejected.passed, rejected.score, rejected.normalised) == (False, None, {})
        assert rejected.sentence == "Rejected: seed 42, tail silence 6.2 s, at most 5 allowed."

    def test_percentiles_are_mid_ranks_by_direction_among_the_survivors(self) -> None:
        candidates = [
            candidate(s, tempo_match=t, mono_loss_lu=m) for s, t, m in ((1, 0.9, 1), (2, 0.9, 2), (3, 0.5, 0))
        ]
        outcomes = by_seed(decide(policy(), candidates, METRICS))
        sixths = {seed: {n: round(p * 6) for n, p in each.normalised.items()} for seed, each in outcomes.items()}
        assert sixths == {
            1: {"tempo_match": 4, "mono_loss_lu": 3},
            2: {"tempo_match": 4, "mono_loss_lu": 1},
            3: {"tempo_match": 1, "mono_loss_lu": 5},
        }
        assert outcomes[1].score == pytest.approx((0.6 * 4 + 0.4 * 3) / 6)

    def test_limits_include_their_ends(self) -> None:
        both = policy(gates={**NO_DEFAULTS, "tail_silence_s": Limit(min=1.0, max=5.0)})
        passed = [decide(both, [candidate(1, tail_silence_s=s)], METRICS).winner for s in (0.999, 1.0, 5.0, 5.001)]
        assert passed == [None, "c1", "c1", None]

    def test_a_value_just_past_its_limit_is_told_with_enough_digits(self) -> None:
        decision = decide(policy(), [candidate(1, tail_silence_s=5.00004)], METRICS)
        assert "tail silence 5.00004 s, at most 5 allowed" in decision.sentence

    def test_equal_scores_fall_to_the_earlier_seed_and_say_so(self) -> None:
        level = [candidate(9, 1, tempo_match=0.9), candidate(4, 2, tempo_match=0.9), candidate(7, 3, tempo_match=0.9)]
        decision = decide(policy(weights={"tempo_match": 1.0}), level, METRICS)
        assert [each.seed for each in decision.candidates] == [9, 4, 7]
        assert decision.winner == "c9"
        assert "A tie with seed 4 and seed 7: listen to all of them; the earlier seed was taken." in decision.sentence
        assert decision.tie_with == ("c4", "c7")

    def test_equal_sums_are_equal_whatever_their_last_bits(self) -> None:
        weights = {"tempo_match": 0.1, "key_match": 0.1, "mono_loss_lu": 0.2}
        first = candidate(1, tempo_match=1.0, key_match=1.0, mono_loss_lu=1.0)
        second = candidate(2, tempo_match=0.0, key_match=0.0, mono_loss_lu=0.0)
        outcomes = decide(policy(weights=weights), [second, first], METRICS).candidates
        assert outcomes[0].score == outcomes[1].score
        assert outcomes[0].seed == 1

    def test_without_weights_seed_order_decides(self) -> None:
        decision = decide(policy(weights={}), FOUR, METRICS)
        assert [each.seed for each in decision.candidates] == [43, 44, 45, 42]

    def test_one_id_twice_is_refused(self) -> None:
        with pytest.raises(ValueError, match="twice"):
            decide(policy(), [FOUR[0], FOUR[0]], METRICS)


class TestNotMeasurable:
    def test_a_gate_on_it_fails_with_the_reason(self) -> None:
        decision = decide(policy(), [candidate(1, tail_silence_s="the audio is silent throughout")], METRICS)
        assert decision.winner is None
        assert decision.reasons == ("seed 1: tail silence not measurable (the audio is silent throughout)",)
        (gate,) = decision.candidates[0].gates
        assert (gate.value, gate.not_measurable, gate.passed) == (None, "the audio is silent throughout", False)

    def test_a_gate_on_what_the_song_does_not_state_does_not_apply(self) -> None:
        gates = {**NO_DEFAULTS, "tempo_match": Limit(min=0.5)}
        reading = NotMeasurable.not_stated("tempo")
        decision = decide(policy(gates=gates), [candidate(1, tempo_match=reading.reason)], METRICS)
        (gate,) = decision.candidates[0].gates
        assert (decision.winner, gate.passed, gate.not_measurable) == ("c1", True, "no tempo is stated")

    def test_a_reading_that_is_missing_fails_its_gate(self) -> None:
        bare = CandidateReadings("c1", 1, 1, {})
        assert decide(policy(), [bare], METRICS).reasons == ("seed 1: tail silence not measurable (it was not scored)",)

    def test_a_weight_that_nobody_has_is_left_out_for_all_and_said(self) -> None:
        candidates = [candidate(s, tempo_match="no tempo is stated", mono_loss_lu=m) for s, m in ((1, 2.0), (2, 1.0))]
        decision = decide(policy(), candidates, METRICS)
        assert decision.winner == "c2"
        assert decision.weights == {"mono_loss_lu": 1.0}
        assert decision.left_out == {"tempo_match": "no tempo is stated"}
        assert decision.sentence.endswith("Left out: tempo match (no tempo is stated).")

    def test_who_lacks_what_others_have_comes_last_in_it(self) -> None:
        candidates = [candidate(1, tempo_match="no steady pulse was found"), candidate(2, tempo_match=0.1)]
        decision = decide(policy(weights={"tempo_match": 1.0}), candidates, METRICS)
        assert [each.seed for each in decision.candidates] == [2, 1]
        assert decision.weights == {"tempo_match": 1.0}
        assert (
            by_seed(decision)[1].sentence == "Rank 2 of 2: seed 1. Weak: tempo match (not measurable, the other 0.1)."
        )


class TestNobodyPasses:
    def test_the_song_fails_with_every_reason(self) -> None:
        decision = decide(policy(), [candidate(s, tail_silence_s=5.0 + s) for s in (1, 2)], METRICS)
        assert decision.winner is None
        assert decision.reasons == (
            "seed 1: tail silence 6 s, at most 5 allowed",
            "seed 2: tail silence 7 s, at most 5 allowed",
        )
        assert decision.sentence == f"No winner: {'; '.join(decision.reasons)}."

    def test_too_few_candidates_fail_whatever_passes(self) -> None:
        asked = policy(min_candidates=3, if_none_passes="least_bad")
        decision = decide(asked, FOUR[1:3], METRICS)
        assert decision.winner is None
        assert decision.reasons == ("2 of at least 3 candidates are there",)
        assert decide(asked, FOUR[:3], METRICS).winner == "c44"
        assert decide(policy(), [], METRICS).reasons == ("0 of at least 1 candidates are there",)

    def test_least_bad_counts_failed_gates_then_excess_then_score(self) -> None:
        gates = {**TAIL, "mono_loss_lu": Limit(max=1.0)}
        asked = policy(gates=gates, if_none_passes="least_bad", weights={"tempo_match": 1.0})
        candidates = [
            candidate(1, tempo_match=1.0, tail_silence_s=5.5, mono_loss_lu=1.1),
            candidate(2, tempo_match=0.9, tail_silence_s=9.0, mono_loss_lu=0.5),
            candidate(3, tempo_match=0.1, tail_silence_s=6.0, mono_loss_lu=0.5),
            candidate(4, tempo_match=0.2, tail_silence_s=6.0, mono_loss_lu=0.5),
            candidate(5, tempo_match=0.9, tail_silence_s="it is silent", mono_loss_lu=0.5),
        ]
        decision = decide(asked, candidates, METRICS)
        assert [each.seed for each in decision.candidates] == [4, 3, 2, 5, 1]
        assert decision.winner == "c4"
        assert decision.sentence.startswith("Least bad: seed 4, though tail silence 6 s, at most 5 allowed. ")
        assert decision.reasons == ()

    def test_least_bad_makes_no_difference_while_somebody_passes(self) -> None:
        strict, mild = (decide(policy(if_none_passes=how), FOUR, METRICS) for how in ("fail", "least_bad"))
        assert strict.candidates == mild.candidates
