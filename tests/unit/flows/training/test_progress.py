"""How a training is told: curves as bars, its stage in words, and the licence that its rights amount to."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from catalog.models.store import ModelStore
from flows.cli.training.display import TrainingView, folded
from flows.training.pages import training_page
from flows.training.progress import Curves, PreviewMade, ProgressReporter, sparkline
from flows.training.registration import NOT_COMMERCIAL, licence_of
from tasks.training.steps.progress import Point, TrainingStatus
from tests.unit.tasks.training.steps.test_document import document

CURVE = (Point(0, None, 2.0), Point(1, 1.5, None), Point(2, 1.0, 1.6), Point(3, 0.9, 1.8))
STATUS = TrainingStatus(3, 10, 2.0, 1, CURVE, 0.0)
PREVIEW = PreviewMade(2, "folk", "a" * 64, {"is_close": False, "song": "one", "correlation": 0.1})


@pytest.mark.parametrize(
    ("values", "bars"), [([], ""), ([1.0], "▁"), ([1.0, 1.0], "▁▁"), ([0.0, 7.0], "▁█"), ([3.0, 2.0, 1.0], "█▅▁")]
)
def test_a_curve_is_a_row_of_bars(values: list[float], bars: str) -> None:
    assert sparkline(values) == bars


def test_a_long_curve_is_averaged_to_the_width() -> None:
    row = sparkline([float(step) for step in range(1000)], width=8)
    assert row == "▁▂▃▄▅▆▇█"


def test_the_stages_follow_each_other_in_words() -> None:
    reporter = ProgressReporter(3)
    assert reporter.progress.sentence() == "preparing the songs: 0 of 3"
    reporter.set(encoded=3, styled=3)
    assert reporter.progress.sentence() == "loading the network"
    reporter.set(status=STATUS)
    assert reporter.progress.sentence() == (
        "step 3 of 10 · loss 0.9000 · held out 1.8000 (best 1.6000 at 2) · 2 s a step · at most 0:14 left"
    )
    reporter.set(status=TrainingStatus(0, 10, None, 1, CURVE[:1], 0.0))
    assert reporter.progress.sentence() == "step 0 of 10 · held out 2.0000 (best 2.0000 at 0)"
    assert Curves.of(CURVE).lines()[1] == "held out █▁▅  2.0000 → 1.8000"


def test_without_a_terminal_each_event_is_one_line() -> None:
    out, reporter = io.StringIO(), ProgressReporter(1)
    with TrainingView(reporter, Console(file=out, width=200), is_silent=False):
        reporter.set(encoded=1)
        reporter.set(styled=1)
        reporter.set(status=STATUS)
        reporter.set(status=TrainingStatus(4, 10, 2.0, 1, (*CURVE, Point(4, 0.8, None)), 0.0))
        reporter.set(previews=(PREVIEW,))
        reporter.set(is_trained=True)
    lines = [line.partition(" (")[0] for line in out.getvalue().splitlines()]
    assert [line.split(" · ")[0] for line in lines] == [
        "loading the network",
        "step 3 of 10",
        "preview of step 2, folk: nothing is close to a song; the most similar is one",
        "trained",
    ]


def test_a_terminal_that_is_too_narrow_breaks_the_sentence_between_its_parts() -> None:
    assert folded("step 3 of 10 · loss 0.9 · 0:02 elapsed", 24) == ["step 3 of 10 · loss 0.9", "0:02 elapsed"]
    assert folded("step 3 of 10 · loss 0.9", 23) == ["step 3 of 10 · loss 0.9"]
    assert folded("loading the network", 5) == ["loading the network"]


def test_the_page_has_the_curve_and_escapes_what_the_user_wrote() -> None:
    reporter = ProgressReporter(2)
    preview = replace(PREVIEW, prompt="folk](http://a.example) <b>\n# loud")
    reporter.set(encoded=2, styled=2, status=STATUS, previews=(preview,))
    text = training_page(document(name="my-style"), reporter.progress)
    assert "| 2 | 1.0000 | 1.6000 |" in text
    assert "2 songs, 1 of them held out" in text
    (line,) = [line for line in text.splitlines() if line.startswith("- preview")]
    assert line.startswith("- preview of step 2, folk\\]")
    assert "<b>" not in line.replace("\\<b", "")
    assert "http://a" not in line, "an address becomes no link"
    assert "\n# loud" not in text


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({}, ("own-recordings", False)),
        ({"commercial": True}, ("own-recordings", True)),
        ({"licence": "CC-BY-NC-4.0", "commercial": True}, ("CC-BY-NC-4.0", False)),
        ({"licence": "Apache-2.0", "commercial": True}, ("Apache-2.0", True)),
        ({"licence": "Apache-2.0"}, ("Apache-2.0", False)),
        ({"licence": "cc-by-nc-4.0", "commercial": True}, ("CC-BY-NC-4.0", False)),
        ({"licence": "apache-2.0", "commercial": True}, ("Apache-2.0", True)),
        ({"licence": "studio-1", "commercial": True}, ("studio-1", True)),
    ],
)
def test_rights_amount_to_a_licence(tmp_path, stated: dict[str, object], expected: tuple[str, bool]) -> None:
    licence = licence_of(document(**stated), ModelStore(tmp_path))
    assert (licence.id, licence.commercial) == expected
    assert (NOT_COMMERCIAL in licence.sentence) == ("commercial" not in stated)
