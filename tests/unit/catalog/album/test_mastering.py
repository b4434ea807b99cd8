"""The manifest's ``mastering:`` block: profiles, overrides, bounds, and what goes into a step's key."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from catalog.album.mastering import REFERENCE, MasteringSpec
from catalog.common.digests import canonical_json


def parameters(block: dict[str, Any]) -> bytes:
    return canonical_json(MasteringSpec.model_validate(block).parameters())


@pytest.mark.parametrize(
    ("block", "target", "ceiling"),
    [
        ({}, -14, -1),
        ({"profile": "loud"}, -9, -2),
        ({"profile": "apple"}, -16, -1),
        ({"profile": "dynamic"}, -14, -1),
        ({"profile": "broadcast"}, -23, -1),
        ({"profile": "custom", "target_lufs": -12}, -12, -1),
        ({"profile": "custom", "target_lufs": -11.9}, -11.9, -2),
        ({"profile": "streaming", "target_lufs": -10}, -10, -2),
        ({"profile": "loud", "target_lufs": -14}, -14, -1),
        ({"profile": "loud", "ceiling_dbtp": -1}, -9, -1),
        ({"ceiling_dbtp": -0.5}, -14, -0.5),
    ],
)
def test_a_profile_holds_unless_it_is_overruled(block: dict[str, Any], target: float, ceiling: float) -> None:
    spec = MasteringSpec.model_validate(block)
    assert (spec.loudness_target_lufs, spec.true_peak_ceiling_dbtp) == (target, ceiling)


@pytest.mark.parametrize(
    ("block", "place"),
    [
        ({"profile": "cassette"}, "profile"),
        ({"profile": "custom"}, ""),
        ({"reference_loudness": True}, ""),
        ({"tone": "warm"}, "tone"),
        ({"tone_max_db": 7}, "tone_max_db"),
        ({"reference": ""}, "reference"),
        ({"trim": "yes"}, "trim"),
        ({"waive": ["Loudness!"]}, "waive.0"),
        ({"waive": "loudness"}, "waive"),
        ({"effects": {"chorus": {}}}, "effects.chorus"),
        ({"effects": {"reverb": {"mix": 0}}}, "effects.reverb.mix"),
        ({"effects": {"echo": {"feedback": 1.0}}}, "effects.echo.feedback"),
        ({"mode": "songs"}, "mode"),
        ({"loudness": -14}, "loudness"),
        ({"target_lufs": "-14"}, "target_lufs"),
        ({"target_lufs": True}, "target_lufs"),
        ({"target_lufs": 0}, "target_lufs"),
        ({"target_lufs": float("nan")}, "target_lufs"),
        ({"ceiling_dbtp": 0}, "ceiling_dbtp"),
        ({"highpass_hz": 5}, "highpass_hz"),
        ({"max_limiting_db": -1}, "max_limiting_db"),
        ({"compression": {"ratio": 0.5}}, "compression.ratio"),
        ({"compression": {"enabled": 1}}, "compression.enabled"),
        ({"compression": {"knee_db": 3}}, "compression.knee_db"),
        ({"limiter": {"lookahead_ms": float("inf")}}, "limiter.lookahead_ms"),
    ],
)
def test_what_is_wrong_is_named(block: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as fault:
        MasteringSpec.model_validate(block)
    assert [".".join(map(str, error["loc"])) for error in fault.value.errors()] == [place]


@pytest.mark.parametrize(
    "block",
    [
        {"profile": "streaming"},
        {"target_lufs": -14},
        {"ceiling_dbtp": -1.0},
        {"preset": "none", "highpass_hz": 30},
        {"compression": {"enabled": True}, "limiter": {}},
        {"tone": "balanced", "tone_max_db": 3.0, "trim": True, "effects": {}},
        {"profile": "custom", "target_lufs": -14},
        {"waive": ["loudness"]},
        {"mode": "album"},  # what it changes is the gain, a parameter beside these
    ],
)
def test_what_changes_no_samples_changes_no_key(block: dict[str, Any]) -> None:
    assert parameters(block) == parameters({})


def test_a_compressor_that_is_off_has_no_settings_in_the_key() -> None:
    off = {"enabled": False}
    assert parameters({"compression": off}) == parameters({"compression": off | {"ratio": 4.0}})


def test_what_gain_alone_never_uses_is_not_in_its_key() -> None:
    dynamic = {"profile": "dynamic"}
    assert parameters(dynamic) == parameters(dynamic | {"compression": {"ratio": 4.0}, "max_limiting_db": 3})
    assert parameters(dynamic) != parameters({})


def test_a_reference_counts_by_its_sound_not_by_its_name() -> None:
    assert parameters({"reference": "a.wav"}) == parameters({"reference": "b.wav", "tone": "jazz"})
    assert parameters({"reference": "a.wav"}) != parameters({})


BLOCKS: list[dict[str, Any]] = [
    {},
    {"profile": "dynamic", "ceiling_dbtp": -3},
    {"profile": "loud", "tone": "none", "trim": False, "fade": False, "preset": "bright"},
    {"reference": REFERENCE, "tone_max_db": 1.5, "compression": {"enabled": False}},
    {"reference": REFERENCE, "reference_loudness": True, "mode": "album"},
    {"reference": REFERENCE, "reference_loudness": True, "ceiling_dbtp": -1.5},
    {"effects": {"reverb": {"mix": 0.2}, "echo": {}}, "limiter": {"lookahead_ms": 2}},
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_spec_comes_back_from_its_parameters(block: dict[str, Any]) -> None:
    spec = MasteringSpec.model_validate(block)
    back = MasteringSpec.from_parameters(spec.parameters())
    assert back.parameters() == spec.parameters()
    assert (back.gain_only, back.tone_curve, back.trim, back.fade) == (
        spec.gain_only,
        spec.tone_curve,
        spec.trim,
        spec.fade,
    )
    assert back.ceiling_for(-9) == (spec.ceiling_for(-9) if spec.reference_loudness else spec.true_peak_ceiling_dbtp)
    assert MasteringSpec.model_validate(spec.model_dump(mode="json")) == spec


def test_everything_that_changes_samples_changes_the_key() -> None:
    blocks: list[dict[str, Any]] = [
        {},
        {"profile": "dynamic"},
        {"tone": "none"},
        {"tone": "jazz"},
        {"tone_max_db": 2.9},
        {"reference": "a.wav"},
        {"reference": "a.wav", "reference_loudness": True},
        {"trim": False},
        {"fade": False},
        {"effects": {"reverb": {}}},
        {"effects": {"echo": {}}},
        {"effects": {"echo": {"mix": 0.3}}},
        {"profile": "loud"},
        {"target_lufs": -13.9},
        {"ceiling_dbtp": -1.1},
        {"preset": "bright"},
        {"highpass_hz": 31},
        {"max_limiting_db": 11},
        {"compression": {"enabled": False}},
        {"compression": {"threshold_db": -19}},
        {"compression": {"ratio": 1.6}},
        {"compression": {"attack_ms": 31}},
        {"compression": {"release_ms": 201}},
        {"limiter": {"release_db_per_s": 61}},
        {"limiter": {"lookahead_ms": 3.1}},
    ]
    assert len({parameters(block) for block in blocks}) == len(blocks)


def test_a_spec_is_frozen() -> None:
    with pytest.raises(ValidationError):
        MasteringSpec().profile = "loud"  # type: ignore[misc]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_level_s_parameters_come_back(block: dict[str, Any]) -> None:
    spec = MasteringSpec.model_validate(block)
    back = MasteringSpec.from_level_parameters(spec.level_parameters())
    assert back.level_parameters() == spec.level_parameters()
    assert (back.gain_only, back.reference_loudness) == (spec.gain_only, spec.reference_loudness)
    assert MasteringSpec.from_level_parameters(spec.parameters()).level_parameters() == spec.level_parameters()


def test_only_what_a_level_depends_on_is_in_its_key() -> None:
    def level(block: dict[str, Any]) -> bytes:
        return canonical_json(MasteringSpec.model_validate(block).level_parameters())

    plain: list[dict[str, Any]] = [{"tone": "jazz"}, {"ceiling_dbtp": -3}, {"effects": {"echo": {}}}, {"trim": False}]
    assert {level(block) for block in [*plain, {"reference": "a.wav"}]} == {level({})}
    told: list[dict[str, Any]] = [{}, {"target_lufs": -13}, {"reference": "a.wav", "reference_loudness": True}]
    dynamic = [{"profile": "dynamic"} | block for block in ({}, *plain)]
    assert len({level(block) for block in told + dynamic}) == len(told) + len(dynamic)
