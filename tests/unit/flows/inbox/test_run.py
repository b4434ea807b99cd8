"""Nights over an inbox in a folder and in buckets: what is taken, what is left, and what is told of the rest."""

from __future__ import annotations

import http.client
import json
import os
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
import sqlalchemy as sa
import typer
from pydantic import SecretStr, ValidationError
from typer.testing import CliRunner

from catalog.catalog import Catalog
from catalog.common.errors import InputError, MachineError, ModelMissing, StoreError
from catalog.common.settings import Settings
from catalog.inbox import bucket
from catalog.ledger.submissions import SubmissionRequest, submission_of, submit, transition
from db.session import DatabaseError
from db.tables.album import Album as AlbumRow
from flows.cli.album.inbox import inbox
from flows.inbox.parameters import InboxParameters
from flows.inbox.run import run_inbox
from flows.planning.plan_album import declare_plan
from tests.support.albums import LYRICS, album_document
from tests.support.covers import chunk, png

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
    """The house's settings, with the S3 service's where the test has one."""
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


@pytest.mark.slow
def test_new_albums_are_taken_in_the_order_of_paths_and_once(place, pools, night, catalog: Catalog) -> None:
    for name in ("b", "a/deep/er", "c"):
        offer(place, name, name.replace("/", "-"))
    place.put("Z.yaml", json.dumps(document("alone", lyrics="c/lyrics/one.lrc")))
    place.put("readme.txt", "no manifest")
    first = night(place)
    assert [album for album, _ in pools.asked] == ["alone", "a-deep-er", "b", "c"]
    assert set(outcomes(first).values()) == {"taken"}
    assert first.left_as == "reports/2026-11-23T220000Z"
    told = json.loads(place.read("reports/2026-11-23T220000Z.json"))
    assert told["counts"] == {"taken": 4, "left": 0, "faulty": 0, "unchanged": 0}
    assert [each["manifest"] for each in told["taken"]] == list(outcomes(first))
    assert "Album b" in place.read("reports/2026-11-23T220000Z.md").decode()
    assert submission_of(catalog.database, "b").request.priority == "batch"

    again = night(place)
    assert set(outcomes(again).values()) == {"unchanged"}
    assert again.left_as == "reports/2026-11-23T220000Z-2"
    assert len(pools.asked) == 4


@pytest.mark.slow
def test_a_cover_that_an_older_version_stored_as_it_stood_is_no_change(
    tmp_path: Path, pools, night, catalog: Catalog
) -> None:
    """Older versions kept the file's own bytes, its metadata included."""
    place = FolderPlace(tmp_path / "inbox")
    raw = png(beside=chunk(b"tEXt", b"Comment\0taken at home"))
    covered = document("c")
    covered["album"]["cover"] = "cover.png"
    place.put("c/album.yaml", json.dumps(covered))
    place.put("c/lyrics/one.lrc", LYRICS)
    place.put("c/cover.png", raw)
    night(place)
    assert transition(catalog.database, "c", "done", from_states=["active"])
    stored = catalog.add_bytes(raw, media_type="image/png")
    with catalog.database.write() as session:
        session.execute(sa.update(AlbumRow).values(cover_digest=stored))
    assert set(outcomes(night(place)).values()) == {"unchanged"}
    place.put("c/cover.png", png(2, 2))
    assert set(outcomes(night(place)).values()) == {"taken"}


@pytest.mark.slow
def test_a_changed_manifest_lyrics_file_or_cover_is_taken_again(place, pools, night, catalog: Catalog) -> None:
    offer(place, "a", "a")
    offer(place, "b", "b")
    offer(place, "c", "c")
    covered = document("c")
    covered["album"]["cover"] = "art/cover.png"
    place.put("c/album.yaml", json.dumps(covered))
    place.put("c/art/cover.png", COVER)
    night(place)
    for album in "abc":
        assert transition(catalog.database, album, "done", from_states=["active"])
    assert set(outcomes(night(place)).values()) == {"unchanged"}

    place.put("a/lyrics/one.lrc", LYRICS.replace("wire", "road"))
    place.put("c/art/cover.png", png(2, 2))
    report = night(place)
    assert outcomes(report) == {"a/album.yaml": "taken", "b/album.yaml": "unchanged", "c/album.yaml": "taken"}
    assert [album for album, _ in pools.asked] == ["a", "b", "c", "a", "c"]


@pytest.mark.slow
def test_a_faulty_manifest_is_told_with_all_its_lines_and_blocks_nothing(place, pools, night) -> None:
    place.put("a/album.yaml", json.dumps(document("a", seeds=(3, 3), bpm="fast"), indent=1))
    place.put("b/album.yaml", b"schema_version: 1\n\xff\xfe")
    place.put("c/album.yaml", b"x: " + bytes(9 << 20))
    place.put("d/album.yaml", json.dumps(document("d")))
    place.put("e/album.yaml", "[" * 100_000)
    place.put("f/album.json", "")
    place.put("h/album.yaml", json.dumps(document("h", lyrics="../g/lyrics/one.lrc")))
    offer(place, "g", "g")
    report = night(place)
    assert [album for album, _ in pools.asked] == ["g"]
    assert outcomes(report) == {f"{n}/album.{'json' if n == 'f' else 'yaml'}": "faulty" for n in "abcdefh"} | {
        "g/album.yaml": "taken"
    }
    assert "seeds: 3 occurs twice" in fault(report, "a/album.yaml")
    assert "bpm" in fault(report, "a/album.yaml")
    assert "album.yaml:" in fault(report, "a/album.yaml")
    assert "UTF-8" in fault(report, "b/album.yaml")
    assert "bytes" in fault(report, "c/album.yaml")
    assert "lyrics/one.lrc" in fault(report, "d/album.yaml")
    assert "outside the manifest's folder" in fault(report, "h/album.yaml")
    assert {each["manifest"] for each in report.document()["faulty"]} == {e.manifest for e in report.of("faulty")}


def test_two_manifests_of_one_album_are_both_faults(place, pools, night) -> None:
    offer(place, "a", "same")
    offer(place, "b", "same")
    offer(place, "c", "other")
    place.put("d/album.yaml", json.dumps(document("other", seeds=(3, 3))))
    report = night(place)
    assert [album for album, _ in pools.asked] == ["other"]  # one that is faulty declares nothing
    assert "b/album.yaml" in fault(report, "a/album.yaml")
    assert "a/album.yaml" in fault(report, "b/album.yaml")


def test_hidden_files_and_reports_are_no_manifests(place, night) -> None:
    for name in (".draft.yaml", ".git/config.yaml", "reports/old.json", "a/.hidden/x.yaml"):
        place.put(name, "broken: [")
    place.put("a/reports/x.yaml", "broken: [")  # only the inbox's own reports are its own
    assert outcomes(night(place)) == {"a/reports/x.yaml": "faulty"}


@pytest.mark.slow
def test_the_budget_is_served_in_order_and_the_rest_waits(place, pools, night, catalog: Catalog) -> None:
    for name in "abcd":
        offer(place, name, name, seeds=range(10))
    place.put("d/album.yaml", json.dumps(document("d", seeds=range(10))))
    need = night(place, window="22:00-22:01", at=EVENING - timedelta(hours=1)).entries
    assert [(entry.outcome, entry.why) for entry in need] == [("left", "it is outside of the hours 22:00-22:01")] * 4
    dry = run_inbox(
        catalog, InboxParameters(place=place.place, max_gpu_minutes=1000), submit=None, clock=lambda: EVENING
    )
    assert dry.left_as is None
    assert dry.dry_run
    assert pools.asked == []
    minutes = dry.entries[0].gpu_minutes

    report = night(place, max_gpu_minutes=2.5 * minutes)
    assert list(outcomes(report).values()) == ["taken", "taken", "taken", "left"]
    assert [granted for _, granted in pools.asked] == pytest.approx([1.25 * minutes, 1.25 * minutes, 0.5 * minutes])
    assert report.taken_minutes == pytest.approx(2.5 * minutes)
    assert "for a part of it" in report.entries[2].why

    # Another run of the same night has what the first left: nothing.
    again = night(place, max_gpu_minutes=2.5 * minutes, at=EVENING + timedelta(minutes=5))
    assert list(outcomes(again).values()) == ["unchanged", "unchanged", "unchanged", "left"]
    assert len(pools.asked) == 3


@pytest.mark.slow
def test_an_album_that_its_budget_paused_goes_on_another_night(folder, pools, night, catalog: Catalog) -> None:
    offer(folder, "a", "a")
    offer(folder, "b", "b")
    offer(folder, "c", "c")
    night(folder, max_gpu_minutes=100)
    transition(
        catalog.database, "a", "paused", from_states=["active"], reason="the budget of 3 GPU minutes is spent; 2 left"
    )
    transition(catalog.database, "b", "paused", from_states=["active"], reason="paused by hand")
    transition(catalog.database, "c", "cancelled", from_states=["active"])
    report = night(folder, max_gpu_minutes=50, at=EVENING + timedelta(days=1))
    assert list(outcomes(report).values()) == ["taken", "unchanged", "unchanged"]
    assert submission_of(catalog.database, "a").state == "active"
    assert submission_of(catalog.database, "b").state == "paused"
    assert submission_of(catalog.database, "c").state == "cancelled"
    offer(folder, "c", "c", seeds=(1, 2, 3))
    assert outcomes(night(folder))["c/album.yaml"] == "taken"


def test_hours_bound_what_is_taken(folder, pools, night) -> None:
    for name in "ab":
        offer(folder, name, name, seeds=range(10))
    early = night(folder, window="22:00-06:00", time_zone="UTC", at=EVENING - timedelta(seconds=1))
    assert set(outcomes(early).values()) == {"left"}
    late = night(folder, window="22:00-06:00", time_zone="UTC", at=EVENING + timedelta(hours=8, seconds=-0.5))
    assert set(outcomes(late).values()) == {"left"}
    assert "GPU minutes" in late.entries[0].why
    assert set(outcomes(night(folder, window="22:00-06:00", time_zone="UTC")).values()) == {"taken"}
    assert len(pools.asked) == 2


def test_no_more_albums_than_asked_for(folder, pools, night) -> None:
    for name in "abc":
        offer(folder, name, name)
    assert list(outcomes(night(folder, max_albums=2)).values()) == ["taken", "taken", "left"]
    assert list(outcomes(night(folder, max_albums=2)).values()) == ["unchanged", "unchanged", "taken"]


@pytest.mark.slow
def test_one_stage_further_is_asked_for_again(folder, pools, night, catalog: Catalog) -> None:
    offer(folder, "a", "a")
    night(folder, until="select")
    transition(catalog.database, "a", "done", from_states=["active"])
    assert outcomes(night(folder, until="score")) == {"a/album.yaml": "unchanged"}
    assert outcomes(night(folder)) == {"a/album.yaml": "taken"}


@pytest.mark.slow
def test_links_that_leave_the_folder_are_refused(folder, night, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "album").mkdir(parents=True)
    (outside / "secret.yaml").write_text("secret: words of mine")
    offer(folder, "a", "a")
    (folder.root / "a" / "link.yaml").symlink_to(outside / "secret.yaml")
    (folder.root / "b").symlink_to(outside / "album")
    (folder.root / "c.yaml").symlink_to("nowhere.yaml")
    (folder.root / "d.yaml").symlink_to("d.yaml")
    offer(folder, "e", "e")
    (folder.root / "e/lyrics/one.lrc").unlink()
    (folder.root / "e/lyrics/one.lrc").symlink_to(outside / "secret.yaml")
    os.mkfifo(folder.root / "f.yaml")
    report = night(folder)
    told = outcomes(report)
    assert told.pop("a/album.yaml") == "taken"
    assert told == dict.fromkeys(("a/link.yaml", "b", "c.yaml", "d.yaml", "e/album.yaml", "f.yaml"), "faulty")
    assert "leaves its folder" in fault(report, "a/link.yaml")
    assert "words of mine" not in report.markdown() + json.dumps(report.document())


def test_names_that_are_no_text_are_spelled_out(folder, night) -> None:
    raw = os.fsdecode(b"\xff\x1b[31m|.yaml")
    folder.put(raw, "x: 1")
    folder.put("a\n# b.yaml", "x: 1")
    report = night(folder)
    assert len(report.of("faulty")) == 2
    files = report.files()
    assert b"\x1b" not in files[".md"] + files[".json"]
    assert not any(line.startswith("# b") for line in files[".md"].decode().splitlines())


def test_a_report_goes_nowhere_but_into_the_inbox(folder, night, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder.root / "reports").symlink_to(tmp_path / "elsewhere")
    offer(folder, "a", "a")
    report = night(folder)
    assert "is a link" in report.trouble
    assert outcomes(report) == {"a/album.yaml": "taken"}
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("trouble", [MachineError("the server is away"), DatabaseError("the disk is full")])
def test_the_machines_trouble_breaks_off_and_is_told(folder, pools, night, trouble) -> None:
    for name in "abc":
        offer(folder, name, name)
    pools.trouble["b"] = trouble
    report = night(folder)
    assert list(outcomes(report).values()) == ["taken", "left", "left"]
    assert "away" in report.trouble or "full" in report.trouble
    pools.trouble.clear()
    assert list(outcomes(night(folder)).values()) == ["unchanged", "taken", "taken"]


@pytest.mark.parametrize("trouble", [ModelMissing("no model", remedy="Get it"), ZeroDivisionError("a bug")])
def test_what_is_wrong_with_one_album_only_does_not_break_off(folder, pools, night, trouble) -> None:
    for name in "abc":
        offer(folder, name, name)
    pools.trouble["b"] = trouble
    report = night(folder)
    assert list(outcomes(report).values()) == ["taken", "faulty", "taken"]
    assert report.trouble is None


def test_an_inbox_that_is_not_there_is_told(catalog: Catalog, tmp_path: Path) -> None:
    for place, message in ((str(tmp_path / "none"), "there is no inbox"), ("", "no inbox is named")):
        with pytest.raises(InputError, match=message):
            run_inbox(catalog, InboxParameters(place=place), submit=None)
    with pytest.raises(StoreError, match="credentials are not set"):
        run_inbox(catalog, InboxParameters(place="s3://songs"), submit=None)


@pytest.mark.parametrize("place", ["moto", "minio"], indirect=True)
def test_a_missing_bucket_is_not_made(catalog: Catalog, place) -> None:
    with pytest.raises(StoreError, match="SONGLINE_INBOX"):
        run_inbox(catalog, InboxParameters(place=f"s3://{place.bucket}-not-there"), submit=None)
    assert not place.client.bucket_exists(f"{place.bucket}-not-there")


@pytest.mark.slow
@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_objects_are_bounded_and_their_names_distrusted(place, night, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(place, "a", "a", lyrics="./lyrics//one.lrc")
    offer(place, "b", "b")
    place.put("b/lyrics", "a file where a folder is")
    place.put("b/album.yaml", json.dumps(document("b", title="lyrics")))
    place.put("c//album.yaml", json.dumps(document("c")))
    place.put_plainly("d/%2E%2E/album.yaml", json.dumps(document("d")))
    place.put(f"{'e' * 300}.yaml", "x: 1")
    place.put("f\\g.yaml", "x: 1")
    report = night(place)
    assert outcomes(report)["a/album.yaml"] == "taken"
    assert "a file and a folder" in fault(report, "b/album.yaml")
    for name in ("c//album.yaml", "d/../album.yaml", f"{'e' * 300}.yaml", "f\\g.yaml"):
        assert "no path inside the inbox" in fault(report, name)
    monkeypatch.setattr(bucket, "MAX_TOTAL_BYTES", 10)
    offer(place, "a", "a", seeds=(5,), lyrics="./lyrics//one.lrc")
    assert "the manifest names 1 files" in fault(night(place), "a/album.yaml")
    monkeypatch.setattr(bucket, "MAX_NAMES", 3)
    with pytest.raises(InputError, match="more than"):
        night(place)


@pytest.mark.parametrize("place", ["minio"], indirect=True)
def test_a_place_that_gives_nothing_any_more_breaks_off(place, night, monkeypatch: pytest.MonkeyPatch, pools) -> None:
    for name in "abcde":
        offer(place, name, name)
    real = bucket.NamedObjects.fetch  # type: ignore[attr-defined]

    def fetch(self, name, destination, *, max_bytes):
        if name[0] in "bcd":
            raise StoreError("the store is away")
        return real(self, name, destination, max_bytes=max_bytes)

    monkeypatch.setattr(bucket.NamedObjects, "fetch", fetch)  # type: ignore[attr-defined]
    report = night(place)
    assert list(outcomes(report).values()) == ["left"] * 5
    assert "away" in report.trouble
    assert pools.asked == []


def test_a_folder_of_everything_is_no_inbox(folder, night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.inbox.folder.MAX_NAMES", 3)
    for name in "abcd":
        folder.put(f"{name}.txt", "")
    with pytest.raises(InputError, match="more than"):
        night(folder)


@pytest.mark.parametrize(
    "fields",
    [
        {"place": "https://example.org/inbox"},
        {"place": "inbox"},
        {"place": "s3://A"},
        {"window": "10-12"},
        {"time_zone": "UTC"},
        {"window": "10:00-12:00", "time_zone": "Europe"},
        {"max_gpu_minutes": 0},
        {"max_gpu_minutes": float("nan")},
        {"max_albums": 0},
        {"priority": "soon"},
        {"nights": 3},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(fields) -> None:
    with pytest.raises(ValidationError):
        InboxParameters(**fields)


def test_the_setting_is_a_folder_or_a_bucket(tmp_path: Path) -> None:
    assert Settings(home=tmp_path, inbox="s3://songs/inbox/").inbox == "s3://songs/inbox/"
    assert Settings(home=tmp_path, inbox="albums/new").inbox == "albums/new"
    with pytest.raises(ValidationError):
        Settings(home=tmp_path, inbox="ftp://songs")


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The command in this process, on a home of the test's own."""
    monkeypatch.setenv("SONGLINE_HOME", str(tmp_path / "home"))
    commands = typer.Typer()
    commands.command()(inbox)
    return lambda *arguments: CliRunner().invoke(commands, list(arguments))


def test_the_command_tells_what_it_would_take(folder, command) -> None:
    offer(folder, "a", "a")
    done = command(folder.place, "--dry-run", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["dry_run"]
    assert [each["album"] for each in told["taken"]] == ["a"]
    assert not (folder.root / "reports").exists()
    folder.put("b.yaml", "x: 1")
    done = command(folder.place, "--dry-run")
    assert done.exit_code == 1
    assert "Faults to correct" in done.stdout


def test_the_command_refuses_what_makes_no_sense(command) -> None:
    done = command("--window", "10-12")
    assert isinstance(done.exception, InputError)
    done = command("ftp://songs", "--dry-run")
    assert "--place" in str(done.exception)


def test_a_run_has_a_sentence_for_its_name(tmp_path: Path) -> None:
    from flows.render_inbox import render_inbox, sentence

    work = InboxParameters(place="s3://songs/inbox", max_gpu_minutes=240, window="22:00-06:00")
    assert sentence(work) == "inbox · s3://songs/inbox · 240 GPU minutes · 22:00-06:00"
    assert sentence(InboxParameters()) == "inbox · the one that is set"
    assert render_inbox.name == "render-inbox"
    assert set(render_inbox.parameters.properties) == {"work"}
