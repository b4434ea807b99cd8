"""What a decision says: its reasons, its warnings, and where a candidate is weak."""

from __future__ import annotations

import json
from dataclasses import replace

from catalog.common.digests import canonical_json
from catalog.selection.decide import (
    Alike,
    CandidateReadings,
    Limit,
    decide,
)
from catalog.selection.decision import Decision
from catalog.selection.explanation import says_nothing_of_a_choice
from catalog.selection.metrics import Measured, MetricSpec, Window
from tests.unit.catalog.selection.readings import FAMILIES, FOUR, METRICS, by_family, by_seed, candidate, heard, policy


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
        alone = decide(policy(), FOUR[1:2], METRICS).sentence
        assert alone == "Winner: seed 43. The only candidate."
        assert says_nothing_of_a_choice(alone)
        assert says_nothing_of_a_choice(f"{alone} Left out: key match (0.4 s is too short).")
        assert not says_nothing_of_a_choice(f"{alone} Its end is cut off at -18.1 dBFS.")
        assert not says_nothing_of_a_choice(decide(policy(), FOUR, METRICS).sentence)

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
