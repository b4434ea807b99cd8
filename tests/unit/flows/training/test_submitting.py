"""Parts of ``songline train``: the run that ``--submit`` starts, and previews that cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.catalog import Catalog
from flows.cli.training.train import PreviewWriter
from flows.training.finished import begun_times
from flows.training.progress import PreviewMade, TrainingProgress
from flows.training.submitted import start_run
from tests.support.farm import FakeFarm
from tests.unit.tasks.training.steps.test_document import document

TRAINING = "d" * 64


def test_a_run_that_waits_or_works_is_given_again() -> None:
    farm = FakeFarm()
    first = start_run(farm, document(), TRAINING, begun=0)
    assert start_run(farm, document(), TRAINING, begun=0) == first
    farm.runs[first].state = "running"
    assert start_run(farm, document(), TRAINING, begun=0) == first
    assert len(farm.runs) == 1


def test_a_run_that_ended_before_any_step_is_followed_by_another() -> None:
    farm = FakeFarm()
    ended = [start_run(farm, document(), TRAINING, begun=0)]
    for _ in range(2):
        farm.runs[ended[-1]].state = "ended"
        ended.append(start_run(farm, document(), TRAINING, begun=0))
    assert len(set(ended)) == 3


def test_a_worker_that_died_while_it_encoded_is_followed_by_another_run(catalog: Catalog) -> None:
    """Its run is still listed as running."""
    farm, training = FakeFarm(), document()
    first = start_run(farm, training, TRAINING, begun=begun_times(catalog, training))
    farm.runs[first].state = "running"
    encode = training.encode_request(training.songs[0])
    catalog.ledger.declare_steps([encode])
    catalog.ledger.claim("step", encode.key)
    assert start_run(farm, training, TRAINING, begun=begun_times(catalog, training)) != first


def test_a_preview_that_cannot_be_written_stops_nothing(
    catalog: Catalog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = catalog.add_bytes(b"sound", media_type="audio/wav")
    (tmp_path / "file").write_bytes(b"")
    previews = tuple(PreviewMade(2, prompt, digest, {}) for prompt, digest in (("folk", "0" * 64), ("jazz", whole)))
    for folder in (tmp_path / "file", tmp_path / "out"):
        writer = PreviewWriter(catalog, folder)
        writer(TrainingProgress(2, previews=previews[:1]))
        writer(TrainingProgress(2, previews=previews))
    assert [path.name for path in (tmp_path / "out" / "previews").iterdir()] == ["jazz-step-2.wav"]
    warnings = capsys.readouterr().err
    assert warnings.count("the preview of step 2 could not be written") == 3
