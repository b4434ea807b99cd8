"""The builds of an album by the real commands: listed, compared, and an older one written again bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.rendered_album import album, fresh, rendered
from tests.support.commands import Album, files_of

__all__ = ["album", "fresh", "rendered"]

pytestmark = pytest.mark.slow


def test_builds_are_listed_compared_and_written_again(album: Album, tmp_path: Path) -> None:
    first_files = files_of(album.release)
    song = album.json("scores", "small")["songs"][0]
    winner = album.json("status", "small")["songs"][0]["winner"]
    other = next(take["id"] for take in song["candidates"] if take["id"] != winner)
    assert "no build before 1" in album.run("diff", "small", code=2).stderr
    album.run("pick", other)
    album.run("render", album.manifest, "--out", album.release.parent)
    builds = album.json("releases", "small")["builds"]
    assert [(build["build"], build["is_current"], build["is_kept"]) for build in builds] == [
        (2, True, True),
        (1, False, True),
    ]
    assert builds[1]["size_bytes"] > 100_000
    assert "current" in album.run("releases", album.manifest).stdout
    found = album.json("diff", "small")
    assert (found["older"]["build"], found["newer"]["build"]) == (1, 2)
    first = found["differences"][0]
    assert (first["song"], first["what"]) == (song["id"], f"the take is {other}, before {winner}")
    assert first["reason"].startswith("Picked by a user")
    assert album.json("diff", "small@1", album.release)["differences"] == found["differences"]
    assert f"The take is {other}, before {winner}. Picked by a user" in album.run("diff", "small@1", "small@2").stdout
    assert "The contents are the same." in album.run("diff", "small@2", album.release).stdout
    album.run("export", "small", "--build", "1", "--out", tmp_path / "older")
    assert files_of(tmp_path / "older" / "small") == first_files
    assert (
        "its builds are 2, 1" in album.run("export", "small", "--build", "9", "--out", tmp_path, code=2).stderr.lower()
    )
    assert "no album" in album.run("releases", "nothing", code=2).stderr
    assert "no album" in album.run("diff", "nothing@1", "small", code=2).stderr


def test_finished_work_is_done_again_from_a_stage_and_compared(album: Album, tmp_path: Path) -> None:
    files = files_of(album.release)
    out = ("--out", album.release.parent)
    again = album.run("render", album.manifest, *out, "--from", "master").stdout
    assert "done again, with the same result bit for bit." in again
    assert files_of(album.release) == files
    steps = [int(line.split()[0]) for line in again.splitlines() if "done again" in line]
    package = album.run("render", album.manifest, *out, "--from", "package").stdout
    fewer = [int(line.split()[0]) for line in package.splitlines() if "done again" in line]
    assert steps > fewer > [0]
    assert album.json("releases", "small")["builds"][0]["build"] == 1
    assert album.json("verify")["missing"] == []


def test_nothing_is_done_again_that_was_never_made(fresh: Album) -> None:
    refused = fresh.run("render", fresh.manifest, "--out", fresh.release.parent, "--from", "stems", code=2).stderr
    assert "is made from the stage stems on. Run it without --from" in refused
    assert not fresh.release.exists()
