"""Ranks by families of metrics, and ties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.common.errors import InputError
from catalog.selection.decide import (
    Policy,
    check_policy,
    decide,
)
from tasks.scoring.registry import metric_specs
from tests.unit.catalog.selection.readings import FAMILIES, by_family, by_seed, heard


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
