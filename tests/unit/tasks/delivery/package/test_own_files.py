"""What people put into a release folder stays there, whatever the next build writes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from catalog.common.digests import digest_bytes
from flows.cli.console.kept_files import kept_file_sentence
from tasks.delivery.package.bundle import staging_folder, swap_in
from tasks.delivery.package.own_files import BuildFiles

BUILD_1 = {"release.json": "1", "cover.jpg": "1", "mp3/01 - A.mp3": "1", "opus/01 - A.opus": "1"}
BUILD_2 = {"release.json": "2", "cover.jpg": "1", "mp3/01 - A.mp3": "2", "midi/01 - A.mid": "2"}
BUILDS = BuildFiles({path: frozenset(map(digest_bytes, (b"1", b"2"))) for path in (*BUILD_1, *BUILD_2)})


def publish(place: Path, files: dict[str, str]) -> tuple[str, ...]:
    with staging_folder(place) as staging:
        for path, text in files.items():
            (staging / path).parent.mkdir(parents=True, exist_ok=True)
            (staging / path).write_text(text)
        return tuple(file.place for file in swap_in(staging, place, builds=BUILDS))


def contents(place: Path) -> dict[str, str]:
    return {path.relative_to(place).as_posix(): path.read_text() for path in place.rglob("*") if path.is_file()}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    publish(tmp_path / "out" / "small", BUILD_1)
    return tmp_path / "out" / "small"


@pytest.fixture(params=["links", "copies", "two renames"], autouse=True)
def file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """One with everything, one without hard links, one that cannot exchange two folders."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no links here")

    if request.param == "copies":
        monkeypatch.setattr(os, "link", refuse)
    if request.param == "two renames":
        monkeypatch.setattr("tasks.delivery.package.bundle.atomic_swap", lambda one, other: False)
    return str(request.param)


def test_own_files_stay_where_they_are_and_files_of_older_builds_go(place: Path) -> None:
    (place / "notes.txt").write_text("mine")
    (place / "mp3" / "liner.pdf").write_text("mine")
    (place / "art" / "drafts").mkdir(parents=True)
    (place / "art" / "drafts" / "one.png").write_text("mine")
    (place / "empty").mkdir()
    assert publish(place, BUILD_2) == ("art/drafts/one.png", "mp3/liner.pdf", "notes.txt")
    mine = dict.fromkeys(("notes.txt", "mp3/liner.pdf", "art/drafts/one.png"), "mine")
    assert contents(place) == BUILD_2 | mine
    assert (place / "empty").is_dir()
    assert not (place / "opus").exists()
    publish(place, BUILD_1)
    assert contents(place) == BUILD_1 | mine


def test_an_edited_file_of_a_build_is_kept_beside_the_new_one(place: Path) -> None:
    (place / "mp3" / "01 - A.mp3").write_text("retagged")
    (place / "opus" / "01 - A.opus").write_text("retagged")
    assert publish(place, BUILD_2) == ("mp3/01 - A (yours).mp3", "opus/01 - A.opus")
    assert contents(place) == BUILD_2 | {"mp3/01 - A (yours).mp3": "retagged", "opus/01 - A.opus": "retagged"}
    (place / "mp3" / "01 - A.mp3").write_text("again")
    assert publish(place, BUILD_1) == ("mp3/01 - A (yours).mp3", "mp3/01 - A (yours 2).mp3", "opus/01 - A (yours).opus")
    assert contents(place)["mp3/01 - A (yours 2).mp3"] == "again"


def test_a_file_that_was_only_touched_is_the_builds(place: Path) -> None:
    os.utime(place / "mp3" / "01 - A.mp3", (1, 1))
    assert publish(place, BUILD_2) == ()
    assert contents(place) == BUILD_2


def test_an_edit_that_keeps_size_and_time_is_one(place: Path) -> None:
    before = (place / "cover.jpg").stat()
    (place / "cover.jpg").write_text("9")
    os.utime(place / "cover.jpg", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert publish(place, BUILD_2) == ("cover (yours).jpg",)


def test_an_own_file_in_the_way_of_a_folder_and_the_other_way_round(place: Path) -> None:
    (place / "midi").write_text("mine")
    (place / "cover.jpg").unlink()
    (place / "cover.jpg").mkdir()
    for name in ("a", "b"):
        (place / "cover.jpg" / name).write_text("mine")
    assert publish(place, BUILD_2) == ("cover (yours).jpg/a", "cover (yours).jpg/b", "midi (yours)")
    assert contents(place) == BUILD_2 | dict.fromkeys(
        ("cover (yours).jpg/a", "cover (yours).jpg/b", "midi (yours)"), "mine"
    )


def test_links_stay_links_and_are_not_followed(place: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    (place / "elsewhere").symlink_to(outside)
    (place / "dangling").symlink_to("nowhere")
    (place / "mp3" / "01 - A.mp3").unlink()
    (place / "mp3" / "01 - A.mp3").symlink_to(outside / "precious")
    assert publish(place, BUILD_2) == ("dangling", "elsewhere", "mp3/01 - A (yours).mp3")
    assert os.readlink(place / "elsewhere") == str(outside)
    assert os.readlink(place / "dangling") == "nowhere"
    assert (outside / "precious").read_text() == "mine"


def test_what_is_put_there_while_a_build_is_swapped_in_is_kept_too(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.delivery.package import bundle

    made_durable = bundle.make_durable

    def late(folder: Path) -> None:
        made_durable(folder)
        (place / "late.txt").write_text("mine")

    (place / "early.txt").write_text("mine")
    monkeypatch.setattr(bundle, "make_durable", late)
    assert publish(place, BUILD_2) == ("early.txt", "late.txt")
    assert contents(place) == BUILD_2 | {"early.txt": "mine", "late.txt": "mine"}


def test_it_is_said_whether_a_file_was_renamed_and_whether_a_build_had_written_it(place: Path) -> None:
    (place / "mp3" / "01 - A.mp3").write_text("retagged")
    (place / "opus" / "01 - A.opus").write_text("retagged")
    (place / "midi").write_text("mine")
    (place / "notes.txt").write_text("mine")
    with staging_folder(place) as staging:
        for path, text in BUILD_2.items():
            (staging / path).parent.mkdir(parents=True, exist_ok=True)
            (staging / path).write_text(text)
        own = swap_in(staging, place, builds=BUILDS)
    assert [kept_file_sentence(file) for file in own] == [
        "Kept your own file midi as midi (yours): no build wrote it.",
        "Kept your edited copy of mp3/01 - A.mp3: it is mp3/01 - A (yours).mp3 now, beside the new file.",
        "Kept your own file notes.txt: no build wrote it.",
        "Kept your edited copy of opus/01 - A.opus: no file of this build takes its place.",
    ]
