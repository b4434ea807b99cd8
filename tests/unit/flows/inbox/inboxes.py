"""An inbox in a folder or a bucket, the pools that take its albums, and a night over it."""

from __future__ import annotations

import http.client
import json
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from pydantic import SecretStr

from catalog.catalog import Catalog
from catalog.common.settings import Settings
from catalog.ledger.submissions import SubmissionRequest, submit
from flows.inbox.parameters import InboxParameters
from flows.inbox.run import run_inbox
from flows.planning.plan_album import declare_plan
from tests.support.albums import LYRICS, album_document
from tests.support.covers import png

EVENING = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
COVER = png()


def document(album="small", *, seeds=(1, 2), **song):
    """An album of one short song, its lyrics in a file."""
    fields = {"id": "one", "title": "Song One", "prompt": "indie pop, 120 BPM, A minor", "seeds": list(seeds)}
    head = {"id": album, "title": f"Album {album}", "artist": "Ada Vale"}
    return album_document(album=head, songs=[fields | {"lyrics": "lyrics/one.lrc"} | song])


class FolderPlace:
    """An inbox in a folder, as somebody fills it."""

    def __init__(self, root):
        self.root = root
        self.place = str(root)
        root.mkdir()

    def put(self, name, data):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)

    def read(self, name):
        return (self.root / name).read_bytes()


class BucketPlace:
    """The same under a prefix of a bucket."""

    def __init__(self, service):
        self.service = service
        self.client = service.client()
        self.bucket = service.bucket().name
        self.place = f"s3://{self.bucket}/night/inbox"
        self.client.make_bucket(self.bucket)

    def put(self, name, data):
        data = data.encode() if isinstance(data, str) else data
        self.client.put_object(self.bucket, f"night/inbox/{name}", BytesIO(data), len(data))

    def put_plainly(self, path, data):
        """A name that the client refuses, and services may hold all the same (moto checks no signature)."""
        connection = http.client.HTTPConnection(self.service.endpoint.removeprefix("http://"), timeout=10)
        connection.request("PUT", f"/{self.bucket}/night/inbox/{path}", data)
        assert connection.getresponse().status == 200
        connection.close()

    def read(self, name):
        return self.client.get_object(self.bucket, f"night/inbox/{name}").data


@pytest.fixture(params=["folder", "moto", "minio"])
def place(request: pytest.FixtureRequest, tmp_path: Path):
    """An empty inbox of each kind."""
    if request.param == "folder":
        return FolderPlace(tmp_path / "inbox")
    return BucketPlace(request.getfixturevalue(request.param))


@pytest.fixture
def folder(tmp_path: Path):
    return FolderPlace(tmp_path / "inbox")


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path):
    """Settings of the test's own, with the S3 service's where the test has one."""
    own = Settings(home=tmp_path / "home", workers=2)
    kind = getattr(getattr(request.node, "callspec", None), "params", {}).get("place", "folder")
    if kind == "folder":
        return own
    service = request.getfixturevalue(kind)
    return own.model_copy(
        update={
            "s3_endpoint": service.endpoint,
            "s3_access_key": SecretStr(service.access_key),
            "s3_secret_key": SecretStr(service.secret_key),
            "s3_patience_s": 1.0,
        }
    )


class Pools:
    """Takes albums as work pools do, and remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.trouble = {}

    def __call__(self, catalog, planned, *, priority, until, max_gpu_minutes):
        album = planned.album
        if error := self.trouble.get(album.id):
            raise error
        self.asked.append((album.id, max_gpu_minutes))
        planned = declare_plan(catalog, planned)
        return submit(catalog.database, SubmissionRequest(album.id, planned.digest, until, priority, max_gpu_minutes))


@pytest.fixture
def pools():
    return Pools()


@pytest.fixture
def night(catalog: Catalog, pools):
    """Run over the inbox; gives the report."""

    def run(place, *, at=EVENING, **work):
        order = InboxParameters(place=place.place, **work)
        return run_inbox(catalog, order, submit=pools, clock=lambda: at)

    return run


def offer(place, name, album, **changes):
    """Put an album into a folder of the inbox."""
    place.put(f"{name}/album.yaml", json.dumps(document(album, **changes)))
    place.put(f"{name}/lyrics/one.lrc", LYRICS)


def outcomes(report):
    return {entry.manifest: entry.outcome for entry in report.entries}


def fault(report, manifest):
    (entry,) = [e for e in report.of("faulty") if e.manifest == manifest]
    return "\n".join(entry.faults)
