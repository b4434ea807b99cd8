"""What an inbox refuses and tells: faults, links, odd names, sizes, and trouble of the machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.common.errors import InputError, MachineError, ModelMissing, StoreError
from catalog.inbox import bucket
from db.session import DatabaseError
from flows.inbox.parameters import InboxParameters
from flows.inbox.run import run_inbox
from tests.unit.flows.inbox.inboxes import document, fault, folder, night, offer, outcomes, place, pools, settings

__all__ = ["folder", "night", "place", "pools", "settings"]


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
    for address, message in ((str(tmp_path / "none"), "there is no inbox"), ("", "no inbox is named")):
        with pytest.raises(InputError, match=message):
            run_inbox(catalog, InboxParameters(place=address), submit=None)
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
