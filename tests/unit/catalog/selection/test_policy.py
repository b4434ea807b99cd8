"""The policy as a document: defaults, older forms, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from catalog.common.digests import canonical_json
from catalog.common.errors import InputError
from catalog.plan.applied_policy import row_policy
from catalog.selection.decide import (
    DEFAULT_FAMILIES,
    DEFAULT_GATES,
    DEFAULT_METRICS,
    Limit,
    Policy,
    check_policy,
    decide,
)
from db.tables.album import Album
from tests.unit.catalog.selection.readings import FOUR, METRICS, NO_DEFAULTS, policy


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
