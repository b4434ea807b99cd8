"""Choosing a winner: gates, ranks, ties, explanations, and the policy as a document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from catalog.common.digests import canonical_json
from catalog.common.errors import InputError
from catalog.plan.applied_policy import row_policy
from catalog.selection.decide import (
    DEFAULT_FAMILIES,
    DEFAULT_GATES,
    DEFAULT_METRICS,
    Alike,
    CandidateReadings,
    Limit,
    Policy,
    check_policy,
    decide,
)
from catalog.selection.decision import CandidateOutcome, Decision
from catalog.selection.metrics import Measured, MetricSpec, NotMeasurable, Reading, Window
from db.tables.album import Album
from tasks.scoring.registry import metric_specs

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


class TestPolicy:
    def test_given_gates_lie_over_the_defaults_and_null_takes_one_away(self) -> None:
        read = Policy.model_validate({"gates": {"clipping_runs": {"max": 0}, "dc_offset": None}})
        assert read.limits["clipping_runs"] == Limit(max=0)
        assert read.limits["tail_silence_s"] == DEFAULT_GATES["tail_silence_s"]
        assert "dc_offset" not in read.limits

    def test_given_weights_stand_in_place_of_the_families(self) -> None:
        read = Policy.model_validate({"weights": {"plr_db": 2}})
        assert (read.weights, read.families, read.metrics) == ({"plr_db": 2.0}, {}, [])
        assert (Policy().weights, Policy().families) == ({}, dict(DEFAULT_FAMILIES))

    def test_given_families_and_metrics_replace_their_defaults_wholly(self) -> None:
        read = Policy.model_validate({"families": {"adherence": 1}})
        assert (read.families, read.metrics) == ({"adherence": 1.0}, list(DEFAULT_METRICS))
        read = Policy.model_validate({"metrics": ["tempo_match"]})
        assert (read.families, read.metrics) == (dict(DEFAULT_FAMILIES), ["tempo_match"])

    def test_what_must_be_listened_to_is_named(self) -> None:
        assert Policy(metrics=["plr_db", "tempo_match"]).named == {*DEFAULT_GATES, "plr_db", "tempo_match"}
        assert Policy(weights={"key_match": 1.0}, gates=NO_DEFAULTS).named == {"key_match"}

    def test_a_policy_of_an_older_catalog_reads_back_and_means_what_it_meant(self) -> None:
        stored = {
            "min_candidates": 2,
            "if_none_passes": "fail",
            "gates": {"clipping_runs": {"max": 10.0}, "dc_offset": None},
            "weights": {"tempo_match": 0.35, "mono_loss_lu": 0.15},
        }
        read = Policy.from_document(stored)
        assert (read.weights, read.families) == ({"tempo_match": 0.35, "mono_loss_lu": 0.15}, {})
        assert read.limits == {"clipping_runs": Limit(max=10)}
        assert read.document() == stored

    def test_what_a_manifest_said_before_there_were_families_is_known(self) -> None:
        gates = {
            "nonfinite_samples": {"max": 0.0},
            "alive_ratio": {"min": 0.6},
            "clipping_runs": {"max": 10.0},
            "dc_offset": None,
            "duration_error_s": {"max": 1.0},
            "head_silence_s": {"max": 5.0},
            "tail_silence_s": {"max": 5.0},
            "longest_gap_s": {"max": 4.0},
            "spectral_flatness": {"max": 0.5},
            "stereo_correlation": {"min": -0.2},
        }
        usual = {
            "tempo_match": 0.35,
            "key_match": 0.3,
            "mono_loss_lu": 0.15,
            "plr_db": 0.1,
            "bandwidth_hz": 0.1,
        }
        before = {"min_candidates": 1, "if_none_passes": "fail", "gates": gates, "weights": usual}
        assert Policy(gates={"dc_offset": None}).former.digest == Policy.from_document(before).digest
        assert Policy(gates={"dc_offset": None}, weights={"plr_db": 1.0}).former.weights == {"plr_db": 1.0}
        assert Policy(gates={"cutoff_hz": Limit(min=9000)}).former.gates["cutoff_hz"] == Limit(min=9000)

    def test_a_policy_applied_before_there_were_families_stays_in_force_while_the_manifest_does(self) -> None:
        applied = Policy(weights={"plr_db": 1.0}, gates={"dc_offset": None})
        row = Album(applied_policy=applied.former.document(), applied_over=Policy().former.digest)
        assert row_policy(row, Policy()) == applied.former
        assert row_policy(row, Policy(min_candidates=2)).min_candidates == 2

    def test_its_document_validates_back_to_it(self) -> None:
        made = Policy.model_validate({"gates": {"dc_offset": None, "x": {"min": -1}}, "if_none_passes": "least_bad"})
        document = json.loads(canonical_json(made.document()))
        assert Policy.from_document(document) == Policy.model_validate(document) == made
        assert Policy.from_document(document).digest == made.digest

    def test_the_digest_follows_what_it_says(self) -> None:
        same = Policy.model_validate({"gates": {"tail_silence_s": {"max": 5}}})
        assert same.digest == Policy().digest
        assert len({Policy().digest, Policy(min_candidates=2).digest, Policy(gates={"dc_offset": None}).digest}) == 3

    @pytest.mark.parametrize(
        "wrong",
        [
            {"gates": {"dc_offset": {}}},
            {"gates": {"dc_offset": {"min": 2, "max": 1}}},
            {"gates": {"dc_offset": {"max": "1"}}},
            {"gates": {"dc_offset": {"max": float("nan")}}},
            {"gates": {"dc_offset": {"max": float("inf")}}},
            {"gates": {"dc_offset": {"max": 1e13}}},
            {"gates": {"dc_offset": {"max": True}}},
            {"gates": {"dc_offset": {"most": 1}}},
            {"gates": [1]},
            {"weights": {"plr_db": 0}},
            {"weights": {"plr_db": -1}},
            {"weights": {"plr_db": float("nan")}},
            {"weights": {"plr_db": "1"}},
            {"min_candidates": 0},
            {"min_candidates": 1.0},
            {"if_none_passes": "shrug"},
            {"wieghts": {}},
            {"families": {"technical": 1}},
            {"families": {"lyrics": 0}},
            {"metrics": "plr_db"},
            {"weights": {"plr_db": 1}, "families": {"lyrics": 1}},
            {"weights": {}, "metrics": ["plr_db"]},
        ],
    )
    def test_wrong_policies_are_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            Policy.model_validate(wrong)

    def test_unknown_metrics_and_weights_without_direction_are_faults(self) -> None:
        asked = policy().model_copy(
            update={"gates": {"loudnes": Limit(max=1)}, "weights": {"tempo": 1.0, "integrated_lufs": 1.0}}
        )
        gate, weight, direction = check_policy(asked, METRICS)
        assert gate.startswith("gates.loudnes: there is no such metric; there are integrated_lufs, key_match,")
        assert weight.startswith("weights.tempo: there is no such metric")
        assert direction.startswith("weights.integrated_lufs: neither more nor less")
        with pytest.raises(InputError, match=r"gates\.loudnes"):
            decide(asked, FOUR, METRICS)


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


class TestExplanation:
    def test_the_winner_is_told_with_figures(self) -> None:
        decision = decide(policy(), FOUR, METRICS)
        assert decision.sentence == (
            "Winner: seed 44. Best tempo match (0.97, others 0.81 to 0.95). "
            "Score 0.7, next seed 43 with 0.433. 1 of 4 rejected."
        )
        assert by_seed(decision)[43].sentence == (
            "Rank 2 of 3: seed 43. Best mono loss (0.5 LU, others 0.8 to 1.2). "
            "Weak: tempo match (0.81, others 0.95 to 0.97)."
        )

    def test_a_lone_survivor_is_no_best_of_anything(self) -> None:
        assert decide(policy(), FOUR[:2], METRICS).sentence == (
            "Winner: seed 43. The only one that passed every gate. 1 of 2 rejected."
        )
        assert decide(policy(), FOUR[1:2], METRICS).sentence == "Winner: seed 43. The only candidate."

    def test_who_is_as_good_as_another_is_among_the_best(self) -> None:
        metrics = {**METRICS, "mono_loss_lu": replace(METRICS["mono_loss_lu"], just_noticeable=0.2)}
        three = [
            candidate(1, tempo_match=0.9, mono_loss_lu=0.5),
            candidate(2, tempo_match=0.8, mono_loss_lu=0.6),
            candidate(3, tempo_match=0.7, mono_loss_lu=0.9),
        ]
        told = {seed: outcome.sentence for seed, outcome in by_seed(decide(policy(), three, metrics)).items()}
        assert (
            "Best tempo match (0.9, others 0.7 to 0.8). Among the best: mono loss (0.5 LU, others 0.6 to 0.9)."
            in told[1]
        )
        assert "Among the best: mono loss (0.6 LU, others 0.5 to 0.9)." in told[2]

    def test_nobody_is_best_by_a_difference_that_cannot_be_seen(self) -> None:
        pair = [
            candidate(1, tempo_match=0.81204, mono_loss_lu=0.5),
            candidate(2, tempo_match=0.81201, mono_loss_lu=0.9),
        ]
        told = {seed: outcome.sentence for seed, outcome in by_seed(decide(policy(), pair, METRICS)).items()}
        assert told[1] == "Winner: seed 1. Best mono loss (0.5 LU, the other 0.9)."
        assert told[2].startswith("Rank 2 of 2: seed 2. Weak: mono loss (0.9 LU, the other 0.5). ")

    def test_the_document_holds_all_that_scripts_read(self) -> None:
        document = json.loads(canonical_json(decide(policy(), FOUR, METRICS).document()))
        winner = document["candidates"][0]
        assert document["winner"] == winner["id"] == "c44"
        assert winner["metrics"]["mono_loss_lu"] == {"value": 0.8, "unit": "LU"}
        assert winner["metrics"]["key_match"] == {"not_measurable": "it was not scored"}
        assert winner["gates"] == [
            {
                "name": "tail_silence_s",
                "value": 1,
                "not_measurable": None,
                "limit": {"min": None, "max": 5},
                "passed": True,
            }
        ]
        assert document["policy"]["weights"] == {"tempo_match": 0.6, "mono_loss_lu": 0.4}
        assert Decision.from_document(document) == decide(policy(), FOUR, METRICS)


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


class TestFamilies:
    def test_a_family_speaks_with_one_voice_however_many_metrics_it_has(self) -> None:
        asked = by_family(families={"adherence": 1.0, "musicality": 1.0})
        pair = [
            heard(1, prompt_match=0.4, key_match=1.0, enjoyment=5),
            heard(2, prompt_match=0.3, key_match=0, enjoyment=6),
        ]
        decision = decide(asked, pair, FAMILIES)
        assert decision.weights == {"prompt_match": 0.25, "key_match": 0.25, "enjoyment": 0.5}
        assert decision.families == {"adherence": 0.5, "musicality": 0.5}
        assert by_seed(decision)[1].families == {"adherence": 0.75, "musicality": 0.25}
        assert {each.score for each in decision.candidates} == {0.5}

    def test_a_family_of_which_nothing_is_read_gives_its_share_to_the_others(self) -> None:
        decision = decide(
            by_family(), [heard(1, prompt_match=0.3, bandwidth_hz=9e3), heard(2, prompt_match=0.4)], FAMILIES
        )
        assert decision.families == {"adherence": pytest.approx(2 / 3), "production": pytest.approx(1 / 3)}
        assert decision.left_out == dict.fromkeys(("key_match", "enjoyment", "lyric_per"), "it was not scored")
        assert decision.winner == "c2"

    def test_a_metric_of_a_family_that_is_not_named_does_not_count(self) -> None:
        asked = by_family(families={"lyrics": 1.0}, metrics=["prompt_match", "lyric_per"])
        assert check_policy(asked, FAMILIES)[0] == "metrics.prompt_match: it is adherence, which families leaves out"
        with pytest.raises(InputError, match="families leaves out"):
            decide(asked, [heard(1, lyric_per=0.2)], FAMILIES)

    def test_the_usual_metrics_of_other_families_stand_aside(self) -> None:
        specs = metric_specs()
        assert check_policy(Policy(families={"production": 1.0}), specs) == ()
        (fault,) = check_policy(Policy(families={"lyrics": 1.0}), specs)
        assert fault == "metrics: none is left to rank by, for families names lyrics and no metric belongs to it"
        assert check_policy(Policy(metrics=[]), specs)[0].startswith("metrics: none is left")

    def test_what_only_gates_cannot_be_ranked_by(self) -> None:
        asked = by_family(metrics=["sung_gap_s", "cutoff_hz", "loud", "key_match", "key_match"])
        gates, direction, unknown, twice = check_policy(asked, FAMILIES)
        assert gates == "metrics.sung_gap_s: it is technical, which gates but does not rank"
        assert direction.startswith("metrics.cutoff_hz: neither more nor less")
        assert unknown.startswith("metrics.loud: there is no such metric")
        assert twice == "metrics.key_match: it occurs twice"


class TestTies:
    ASKED = by_family(metrics=["prompt_match"])

    def test_a_margin_within_the_spread_over_the_windows_is_a_tie(self) -> None:
        pair = [
            heard(1, {"prompt_match": [0.30, 0.40, 0.35, 0.33]}),
            heard(2, {"prompt_match": [0.40, 0.31, 0.33, 0.33]}),
        ]
        decision = decide(self.ASKED, pair, FAMILIES)
        assert (decision.winner, decision.tie_with) == ("c1", ("c2",))
        assert "A tie with seed 2, score 0.75 against 0.25, within the spread over the windows: listen to both." in (
            decision.sentence
        )

    def test_a_margin_in_every_window_is_none_however_the_windows_vary(self) -> None:
        courses = [0.30, 0.60, 0.20, 0.45]
        pair = [heard(1, {"prompt_match": courses}), heard(2, {"prompt_match": [each - 0.01 for each in courses]})]
        decision = decide(self.ASKED, pair, FAMILIES)
        assert decision.tie_with == ()
        assert "Score 0.75, next seed 2 with 0.25." in decision.sentence

    def test_without_windows_only_equals_are_tied(self) -> None:
        assert decide(self.ASKED, [heard(1, prompt_match=0.3), heard(2, prompt_match=0.3)], FAMILIES).tie_with == (
            "c2",
        )
        assert decide(self.ASKED, [heard(1, prompt_match=0.3), heard(2, prompt_match=0.2)], FAMILIES).tie_with == ()

    @pytest.mark.slow
    @given(st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=6), min_size=1, max_size=4))
    def test_a_tie_changes_no_rank_and_is_the_same_each_time(self, courses: list[list[float]]) -> None:
        spread = [heard(seed, {"prompt_match": parts}) for seed, parts in enumerate(courses)]
        bare = [heard(seed, prompt_match=sum(parts) / len(parts)) for seed, parts in enumerate(courses)]
        first, again, plain = (decide(self.ASKED, each, FAMILIES) for each in (spread, spread[::-1], bare))
        assert first == again
        assert [each.id for each in first.candidates] == [each.id for each in plain.candidates]
        assert first.tie_with == tuple(each.id for each in first.candidates[1 : 1 + len(first.tie_with)])


class TestGuards:
    def test_words_traded_for_music_are_said(self) -> None:
        asked = by_family(metrics=["enjoyment", "lyric_per"], families={"musicality": 2.0, "lyrics": 1.0})
        pair = [heard(1, enjoyment=7, lyric_per=0.23), heard(2, enjoyment=6, lyric_per=0.14)]
        decision = decide(asked, pair, FAMILIES)
        assert decision.winner == "c1"
        told = "The winner's words are worse than they could be: phoneme errors 0.23, seed 2 has 0.14."
        assert decision.guards == (told,)
        assert told in decision.sentence
        near = [pair[0], heard(2, enjoyment=6, lyric_per=0.19)]
        assert decide(asked, near, FAMILIES).guards == ()

    def test_who_is_beaten_in_everything_is_flagged(self) -> None:
        asked = by_family(metrics=["enjoyment", "prompt_match"])
        three = [
            heard(1, enjoyment=7, prompt_match=0.3),
            heard(2, enjoyment=6, prompt_match=0.3),
            heard(3, enjoyment=5, prompt_match=0.4),
        ]
        outcomes = by_seed(decide(asked, three, FAMILIES))
        assert {seed: each.dominated_by for seed, each in outcomes.items()} == {1: None, 2: "c1", 3: None}
        assert outcomes[2].sentence.endswith("Seed 1 is worse in nothing that is weighed.")

    def test_faults_that_do_not_gate_are_warned_of(self) -> None:
        takes = [
            heard(1, {"sung_gap_s": [2.25]}, bandwidth_hz=20000, ending_dbfs=-12.0),
            heard(2, bandwidth_hz=15000, cutoff_hz=15000, ending_dbfs=-55),
            heard(3, bandwidth_hz=20000),
        ]
        outcomes = by_seed(decide(by_family(), takes, FAMILIES))
        assert outcomes[1].warnings == (
            "Silent for 2.25 s where a line should be sung at 0:00.",
            "Its end is cut off at -12 dBFS.",
        )
        assert outcomes[2].warnings == ("Its treble is cut off at 15000 Hz, that of the others at about 20000 Hz.",)
        assert outcomes[3].warnings == ()

    def test_a_treble_is_narrow_against_the_others_alone(self) -> None:
        pair = [heard(1, bandwidth_hz=20000), heard(2, bandwidth_hz=17000)]
        outcomes = by_seed(decide(by_family(), pair, FAMILIES))
        assert outcomes[2].warnings == ("Its treble ends at 17000 Hz, that of the others at about 20000 Hz.",)
        assert decide(by_family(), pair[1:], FAMILIES).candidates[0].warnings == ()

    def test_going_in_circles_is_warned_of(self) -> None:
        specs = FAMILIES | {"looping_ratio": MetricSpec("looping_ratio", "", "lower", "technical", "")}
        looped = CandidateReadings("c1", 1, 1, {"looping_ratio": Measured(0.98, (Window(10, 15, 1),))})
        decision = decide(by_family(), [looped, heard(2, bandwidth_hz=9e3)], specs)
        told = "One stretch of 5 s comes again and again and fills 98 % of it, first at 0:10."
        assert by_seed(decision)[1].warnings == (told,)

    def test_near_duplicates_are_reported_and_change_nothing(self) -> None:
        three = [heard(seed, prompt_match=0.3 + seed / 10) for seed in (1, 2, 3)]
        asked = by_family(metrics=["prompt_match"])
        same = [Alike(frozenset({"c1", "c3"}), "identical samples")]
        decision, plain = decide(asked, three, FAMILIES, alike=same), decide(asked, three, FAMILIES)
        assert [group.candidates for group in decision.groups] == [("c3", "c1")]
        assert decision.sentence.endswith("Seed 3 and seed 1 sound the same (identical samples).")
        assert (decision.winner, decision.candidates) == (plain.winner, plain.candidates)


class TestPlaces:
    def test_what_is_weak_is_told_with_its_worst_stretch(self) -> None:
        pair = [
            heard(1, {"prompt_match": [0.33] * 8 + [0.15, 0.33]}, enjoyment=7),
            heard(2, {"prompt_match": [0.36] * 10}, enjoyment=6),
        ]
        decision = decide(
            by_family(metrics=["prompt_match", "enjoyment"], families={"musicality": 2.0, "adherence": 1.0}),
            pair,
            FAMILIES,
        )
        assert "Weak: prompt match (0.312, the other 0.36, worst at 1:20-1:30)." in decision.sentence
        place = by_seed(decision)[1].worst["prompt_match"]
        assert (place.start_s, place.end_s, place.value) == (80.0, 90.0, 0.15)

    def test_a_hole_is_told_with_its_time(self) -> None:
        asked = by_family(gates={"sung_gap_s": Limit(max=3.0)}, metrics=["enjoyment"])
        holed = CandidateReadings("c1", 1, 1, {"sung_gap_s": Measured(4.2, (Window(51.0, 55.2, 4.2),))})
        decision = decide(asked, [holed], FAMILIES)
        assert decision.reasons == ("seed 1: silence in sung lines 4.2 s at 0:51, at most 3 allowed",)


def test_a_decision_of_an_older_catalog_reads_back() -> None:
    document = decide(policy(), FOUR, METRICS).document()
    for name in ("families", "tie_with", "guards", "groups"):
        del document[name]
    for outcome in document["candidates"]:
        for name in ("families", "worst", "dominated_by", "warnings"):
            del outcome[name]
    assert Decision.from_document(document).winner == "c44"


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
