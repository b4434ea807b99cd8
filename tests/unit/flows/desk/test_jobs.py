"""Work that a page starts: what is refused, what it tells, and that it ends with the app."""

from __future__ import annotations

import json
import re
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.common.errors import InputError, RefusedError
from flows.desk.access.access import Access
from flows.desk.app import create_app
from flows.desk.jobs import MOST_AT_ONCE, Job, Jobs, Work
from flows.desk.manifests import Manifests
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.support.albums import tiny_document, write_album
from tests.support.app_client import TestClient
from tests.unit.flows.desk.conftest import OWN, PORT


def work(*arguments: str, lock: str = "one") -> Work:
    return Work("render", "Render it", "small", None, arguments, lock)


def ended(job: Job) -> Job:
    limit = time.monotonic() + 60
    while job.state == "running":
        assert time.monotonic() < limit
        time.sleep(0.05)
    return job


@pytest.fixture
def told() -> list[dict]:
    return []


@pytest.fixture
def jobs(told, settings, monkeypatch):
    monkeypatch.setenv("SONGLINE_HOME", str(settings.home))
    made = Jobs(lambda name, data: told.append(dict(data)))
    yield made
    made.close()


def test_the_result_of_a_command_and_its_end_are_told(jobs: Jobs, told) -> None:
    job = ended(jobs.start(work("albums", "--json")))
    assert (job.state, job.result, job.error) == ("done", {"albums": []}, None)
    time.sleep(0.1)
    assert [each["state"] for each in told] == ["running", "done"]


def test_lines_are_told_as_they_come(jobs: Jobs, told) -> None:
    job = ended(jobs.start(work("albums")))
    assert job.state == "done"
    assert any("There is no album yet" in line for line in job.lines)


def test_the_error_of_a_command_is_told_once(jobs: Jobs) -> None:
    job = ended(jobs.start(work("scores", "nobody", "--json")))
    assert job.state == "failed"
    assert job.error == {
        "kind": "input",
        "what": "no album 'nobody' is in the catalog",
        "remedy": "Render an album first",
    }
    assert list(job.lines) == []
    plain = ended(jobs.start(work("scores", "nobody")))
    assert plain.error is not None
    assert plain.error["what"] == "no album 'nobody' is in the catalog. Render an album first"


def test_the_same_work_and_too_much_of_it_are_refused(jobs: Jobs) -> None:
    belongings = ExitStack()
    removed: list[str] = []
    belongings.callback(removed.append, "removed")
    for number in range(MOST_AT_ONCE):
        jobs.start(work("albums", lock=str(number)))
    with pytest.raises(RefusedError, match="running"):
        jobs.start(work("albums", lock="0"), belongings)
    assert removed == ["removed"]
    with pytest.raises(RefusedError, match=f"{MOST_AT_ONCE} pieces of work"):
        jobs.start(work("albums", lock="another"))
    for job in jobs.all():
        ended(job)
    ended(jobs.start(work("albums", lock="0")))


def test_the_app_ends_what_it_started(jobs: Jobs, tmp_path: Path) -> None:
    manifest = write_album(tmp_path / "album", tiny_document())
    job = jobs.start(work("render", f"--out={tmp_path / 'out'}", "--", str(manifest)))
    started = time.monotonic()
    jobs.close()
    assert ended(job).state == "failed"
    assert time.monotonic() - started < 20
    with pytest.raises(RefusedError, match="has ended"):
        jobs.start(work("version"))


@pytest.fixture
def client(catalog: Catalog, settings, tmp_path: Path, monkeypatch):
    """A browser, and an album of two takes that are not rendered; its manifest was named at the start."""
    monkeypatch.setenv("SONGLINE_HOME", str(settings.home))
    manifest = write_album(tmp_path / "album", tiny_document())
    declare_album(catalog, read_album(manifest, settings))
    access = Access(PORT)
    app = create_app(catalog, access, Manifests.named([manifest], tmp_path / "out", settings))
    opened = TestClient(app, base_url=OWN, headers={"origin": OWN}, follow_redirects=False)
    opened.get("/", params={"token": access.token})
    yield opened
    app.state.context.jobs.close()


def test_a_manifest_that_was_named_can_be_rendered_and_no_other(client: TestClient, tmp_path: Path) -> None:
    page = client.get("/albums/small").text
    assert str(tmp_path / "album" / "album.yaml") in page
    assert client.post("/api/albums/small/render", json={}).status_code == 202
    assert client.post("/api/albums/small/render", json={}).status_code == 422
    refused = client.post("/api/albums/other/render", json={})
    assert refused.status_code == 400
    assert "songline render" in refused.json()["error"]["remedy"]


def test_two_manifests_of_one_album_are_refused(settings, tmp_path: Path) -> None:
    paths = [write_album(tmp_path / name, tiny_document()) for name in ("a", "b")]
    with pytest.raises(InputError, match="both of 'small'"):
        Manifests.named(paths, tmp_path, settings)


def jobs_of(client: TestClient) -> list[Job]:
    return client.app.state.context.jobs.all()  # type: ignore[attr-defined]


def takes(client: TestClient) -> str:
    return re.search(r"/candidates/([a-z0-9-]+)", client.get("/albums/small/songs/one/takes").text)[1]


@pytest.mark.parametrize(
    ("passage", "words"),
    [
        ({"from_s": 5, "to_s": 2}, "ends before it begins"),
        ({"from_s": -1, "to_s": 2}, "from_s"),
        ({"from_s": 1, "to_s": 2, "seeds": 0}, "seeds"),
        ({"from_s": 1, "to_s": 2, "seeds": 257}, "seeds"),
        ({"from_s": 1, "to_s": 2, "words": "x" * 200_000}, "too large"),
        ({"from_s": "nan", "to_s": 2}, "from_s"),
        ({"from_s": 1}, "to_s"),
    ],
)
def test_a_passage_that_cannot_be_is_refused_at_once(client: TestClient, passage, words) -> None:
    answer = client.post(f"/api/candidates/{takes(client)}/retake", json=passage)
    assert answer.status_code in (400, 413)
    assert words in answer.text
    assert client.get("/api/jobs").json() == {"jobs": []}


def test_a_retake_of_a_take_that_is_not_rendered_says_so(client: TestClient, catalog: Catalog) -> None:
    body = {"from_s": 1, "to_s": 3, "words": "One more stop and I am gone"}
    started = client.post(f"/api/candidates/{takes(client)}/retake", json=body)
    assert started.status_code == 202
    (job,) = jobs_of(client)
    assert ended(job).error is not None
    assert "is not rendered yet" in job.error["what"]
    time.sleep(0.1)
    assert list((catalog.settings.home / "scratch").glob("**/words.lrc")) == []


def upload(client: TestClient, content: bytes, **changes: str):
    query = {"name": "bounce.wav", "origin": "a session", "licence": "proprietary"} | changes
    return client.post("/api/uploads/albums/small/songs/one", params=query, content=content)


def test_an_upload_that_is_no_sound_fails_with_one_error_and_leaves_nothing(
    client: TestClient, catalog: Catalog
) -> None:
    assert upload(client, b"no sound", name="../../--x.wav").status_code == 202
    (job,) = jobs_of(client)
    assert ended(job).error is not None
    assert job.error["kind"] == "audio_file"
    assert job.work.title == "Add ../../--x.wav to one"
    time.sleep(0.1)
    assert list((catalog.settings.home / "scratch").glob("**/take*")) == []


def test_an_upload_without_what_it_needs_is_refused_at_once(client: TestClient) -> None:
    assert upload(client, b"").status_code == 400
    assert client.post("/api/uploads/albums/small/songs/one", content=b"x").status_code == 400
    answer = client.post("/api/uploads/albums/small/songs/one", headers={"content-length": str(10**13)}, content=b"x")
    assert answer.status_code == 413
    assert client.get("/api/jobs").json() == {"jobs": []}


def test_the_document_of_a_job_is_json(client: TestClient) -> None:
    upload(client, b"no sound")
    (job,) = jobs_of(client)
    ended(job)
    json.dumps(client.get("/api/jobs").json(), allow_nan=False)
