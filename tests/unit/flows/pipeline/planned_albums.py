"""Albums planned from changed manifests."""

from __future__ import annotations

import asyncio

import pytest

from flows.pipeline.forecast import finished_result
from flows.pipeline.progress import Progress
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.support.albums import album_document, write_album


def plan(catalog, settings, tmp_path, **changes):
    album = read_album(write_album(tmp_path / "album", album_document(**changes)), settings)
    return declare_album(catalog, album)


def looked(catalog, planned, until="release"):
    return asyncio.run(finished_result(catalog, planned, Progress(planned.songs), until))


@pytest.fixture
def one_song():
    return {"songs": album_document()["songs"][:1]}
