"""The document of a training, its requests, its progress file and its card; none of it needs torch."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.common.errors import InputError
from catalog.training.schema import LAYERS, ParametersFile
from tasks.training.parameters import TARGETS, TrainingParameters
from tasks.training.report import Progress
from tasks.training.steps.card import card, likeness_sentence
from tasks.training.steps.document import TrainingDocument, parameters_from, read_document
from tasks.training.steps.progress import Point, ProgressFile, status_of, thinned

A, B, C = "a" * 64, "b" * 64, "c" * 64
MULAN = {"name": "muq-mulan-large", "digests": {"x": C}}


def document(**changes: object) -> TrainingDocument:
    songs = [
        {"name": "one", "audio": A, "samples": A, "duration_s": 100.0, "lines": [[1.0, [5, 6]]], "held_out": False}
        | {"style": {"text": "folk", "model": MULAN}},
        {"name": "two", "audio": B, "samples": B, "duration_s": 65.0, "lines": [], "held_out": True}
        | {"style": {"vector": C}},
    ]
    stated = {
        "name": "my-style",
        "base": {"name": "diffrhythm-1.2-base", "digest": A},
        "vae": {"name": "diffrhythm-vae", "digest": B},
        "rope": "float16",
        "training": TrainingParameters().document(),
        "songs": songs,
        "rights": "my *own*",
        "commercial": False,
        "licence": None,
        "mulan": MULAN,
        "previews": {"prompts": ["folk"], "every": 0, "seed": 1, "steps": 32},
    }
    return TrainingDocument.model_validate_json(json.dumps(stated | changes))


def train_key(of: TrainingDocument) -> str:
    return of.train_request({"one": A, "two": B}, {"one": C, "two": C}).key


def test_a_document_is_read_as_it_was_written() -> None:
    assert read_document(document().to_bytes()) == document()
    assert document().parameters.document() == TrainingParameters().document()


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", document(training={"rank": 0}).to_bytes()])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        read_document(data)


def test_what_defines_the_result_is_in_the_key_and_nothing_else() -> None:
    key = train_key(document())
    previews = {"prompts": [], "every": 5, "seed": 2, "steps": 8}
    assert train_key(document(name="other", previews=previews, mulan=None)) == key
    for change in ({"rights": "theirs"}, {"commercial": True}, {"rope": "exact"}):
        assert train_key(document(**change)) != key
    seeded = dataclasses.replace(TrainingParameters(), seed=1).document()
    assert train_key(document(training=seeded)) != key


def test_requests_name_what_they_use() -> None:
    of = document()
    one, two = of.songs
    assert of.encode_request(one).inputs == {"audio": A}
    assert of.style_request(one).parameters["text"] == "folk"
    assert of.style_request(two) is None
    request = of.train_request({"one": A, "two": B}, {"one": C, "two": C})
    assert request.inputs == {"moments.one": A, "moments.two": B, "style.one": C, "style.two": C}
    preview = of.preview_request(A, C, {"one": A})
    assert preview.parameters["lines"] == [[1.0, [5, 6]]] or preview.parameters["lines"] == [[1.0, (5, 6)]]


def test_the_manifest_has_the_defaults_of_the_training() -> None:
    written = ParametersFile().model_dump(mode="json")
    assert (written.pop("dtype"), written.pop("rope"), tuple(written["targets"])) == ("auto", "float16", TARGETS)
    assert LAYERS == TARGETS
    assert parameters_from(written | {"dtype": "float32"}) == TrainingParameters()


def test_progress_is_read_as_it_was_written_and_none_where_there_is_none(tmp_path: Path) -> None:
    assert status_of(tmp_path, A) is None
    file = ProgressFile(tmp_path, A)
    file.note(Progress(0, 10, None, 2.0, None, 2))
    untrained = status_of(tmp_path, A)
    assert (untrained.step, untrained.left_s, untrained.curve) == (0, None, (Point(0, None, 2.0),))
    file.note(Progress(1, 10, 1.5, 1.9, 0.5, 2))
    status = status_of(tmp_path, A)
    assert (status.step, status.left_s, status.curve) == (1, 4.5, (Point(0, None, 2.0), Point(1, 1.5, 1.9)))
    (tmp_path / "trainings" / f"{A}.json").write_text("{")
    assert status_of(tmp_path, A) is None
    file.remove()
    file.remove()


def test_progress_that_cannot_be_written_ends_no_training(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path, A)
    (tmp_path / "trainings").rmdir()
    file.note(Progress(1, 10, 1.5, None, 0.5, 2))
    assert status_of(tmp_path, A) is None


def test_a_long_curve_keeps_what_was_evaluated() -> None:
    curve = [Point(step, 1.0, 1.0 if step % 100 == 0 else None) for step in range(2001)]
    kept = thinned(curve)
    assert len(kept) < 500
    assert [point.step for point in kept if point.held_out] == list(range(0, 2001, 100))


def test_the_card_says_rights_songs_course_and_copies() -> None:
    of = document()
    request = of.train_request({"one": A, "two": B}, {"one": C, "two": C})
    close = {"take": "one", "song": "one", "correlation": 0.7, "latent_s": 42.0, "song_s": 70.0, "is_close": True}
    result = {"digest": A, "best_step": 100, "steps": 200, "stopped": "early", "held_out_loss": 0.9}
    result |= {"untrained_loss": 1.0, "copies": [close]}
    text = card(request.parameters, result, [Point(0, None, 1.0), Point(100, 0.8, 0.9), Point(200, 0.7, 0.95)])
    assert "my \\*own\\*" in text
    assert "- one (1:40, 1 line)" in text
    assert "- two (1:05, no words, held out)" in text
    assert "10.0 % lower" in text
    assert "| 100 | 0.8000 | 0.9000 |" in text
    assert likeness_sentence(close) == "at 0:42 it is close to one at 1:10"


def test_none_of_it_loads_torch() -> None:
    modules = ("document", "card", "progress")
    program = "import sys; " + "; ".join(f"import tasks.training.steps.{name}" for name in modules)
    subprocess.run([sys.executable, "-c", f"{program}; sys.exit('torch' in sys.modules)"], check=True, timeout=120)
