"""The parameters of a training: their document and their ranges."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from tasks.training.parameters import TARGETS, TrainingParameters


def test_the_document_names_every_field_in_plain_json() -> None:
    document = TrainingParameters().document()
    assert list(document) == [field.name for field in fields(TrainingParameters)]
    assert json.loads(json.dumps(document)) == document


def test_equal_trainings_have_equal_documents() -> None:
    stated = TrainingParameters(rank=8, alpha=8.0, targets=tuple(reversed(TARGETS)))
    assert stated.document() == TrainingParameters(rank=8).document()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rank", 0),
        ("steps", 0),
        ("batch", 0),
        ("accumulation", 0),
        ("crop_frames", 0),
        ("evaluate_every", 0),
        ("patience", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("clip", -1.0),
        ("ema", 1.0),
        ("drop_words", 1.1),
        ("drop_style", -0.1),
        ("improvement", 2.0),
        ("alpha", 0.0),
        ("warm_up", -1),
        ("weight_decay", -0.1),
        ("targets", ()),
        ("targets", ("proj",)),
        ("targets", ("q_proj", "q_proj")),
        ("dtype", "float16"),
    ],
)
def test_a_number_outside_its_range_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        TrainingParameters(**{name: value})
