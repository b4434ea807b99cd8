"""An album that is submitted, and the one in charge of it on a farm that is made up."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.ledger.submissions import (
    SubmissionRequest,
    submit,
)
from flows.orchestration.coordinator import AlbumCoordinator
from flows.pipeline.progress import Progress
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.support.albums import album_document, write_album
from tests.support.farm import FakeFarm

RENDER_S = 60.0


@pytest.fixture
def farm():
    return FakeFarm()


@pytest.fixture
def submitted(catalog: Catalog, settings, tmp_path: Path):
    """A function that plans and submits an album; gives the plan and the submission."""

    def ask(*, until="select", max_gpu_minutes=None, **changes):
        album = read_album(write_album(tmp_path / "album", album_document(**changes)), settings)
        planned = declare_album(catalog, album)
        request = SubmissionRequest(album.id, planned.digest, until, "urgent", max_gpu_minutes)
        return planned, submit(catalog.database, request)

    return ask


def coordinator_of(catalog, asked, farm, *, shard_minutes=2.0, progress=None, clock=time.monotonic):
    planned, submission = asked
    catalog.settings = catalog.settings.model_copy(update={"shard_minutes": shard_minutes})
    return AlbumCoordinator(
        catalog,
        submission,
        planned,
        dispatcher=farm,
        progress=progress or Progress(planned.songs),
        expected_s=lambda _: RENDER_S,
        clock=clock,
    )


def run(coordinator, farm, catalog, *, rounds=12):
    """Rounds of the coordinator with the farm working in between; gives its verdict."""
    for _ in range(rounds):
        if (verdict := coordinator.round()) is not None:
            return verdict
        farm.work_off(catalog)
    raise AssertionError("the coordinator did not come to an end")


def keys_of(planned):
    return [candidate.render_key for song in planned.songs for candidate in song.candidates]
