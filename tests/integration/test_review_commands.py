"""Picks, rejections and notes by the real commands: what is decided, made again, delivered and told."""

from __future__ import annotations

import getpass
import json
import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from tests.integration.rendered_album import album, fresh, rendered
from tests.support.albums import album_document, write_album
from tests.support.commands import Album

__all__ = ["album", "fresh", "rendered"]

pytestmark = pytest.mark.slow

NOTE = "the warmer voice <b>"


def takes(album: Album) -> tuple[str, str]:
    """The winner of the first song, and the other take."""
    first = album.json("status", "small")["songs"][0]
    candidates = [take["id"] for take in album.json("scores", "small")["songs"][0]["candidates"]]
    return first["winner"], next(take for take in candidates if take != first["winner"])


def new_work(album: Album, before: list[str]) -> Counter[str]:
    return Counter(album.done()) - Counter(before)


def test_a_pick_overrules_the_policy_and_only_its_finishing_is_made(album: Album) -> None:
    winner, other = takes(album)
    before = album.done()
    told = album.json("pick", other, "--note", NOTE)
    assert (told["candidate"], told["winner"], told["review"]) == (other, other, "pick")
    assert told["sentence"].startswith("Picked by a user: seed")
    album.run("render", album.manifest, "--out", album.release.parent)
    made = new_work(album, before)
    assert "render" not in made
    assert "score" not in made
    assert made["select"] == 1
    assert made["pack"] == 1
    release = json.loads((album.release / "release.json").read_text())
    chosen = release["tracks"][0]["winner"]
    assert (chosen["candidate"], chosen["chosen_by"]) == (other, "person")
    assert release["tracks"][1]["winner"]["chosen_by"] == "policy"
    for name in ("release.json", "lineage.json", "index.html"):
        text = (album.release / name).read_text()
        assert NOTE.partition("<")[0] not in text
        assert f'"{getpass.getuser()}"' not in text
    traced = album.json("lineage", album.mp3)["songs"][0]
    assert traced["decision"]["picked_by"] == getpass.getuser()
    assert traced["decision"]["policy_winner"] == winner
    assert [(said["kind"], said["note"]) for said in traced["reviews"]] == [("pick", NOTE)]
    assert f"picked {other} by {getpass.getuser()}" in album.run("lineage", album.mp3).stdout
    assert "Picked by a user" in (album.release / "index.html").read_text()


def test_a_pick_stays_when_seeds_and_policy_change_until_it_is_taken_back(album: Album) -> None:
    winner, other = takes(album)
    album.run("pick", other)
    more = album_document(stems="native", deliverables=["wav24"])
    more["songs"][0]["seeds"] = [*more["songs"][0]["seeds"], 9001]
    more["selection"] = {"weights": {"tempo_match": 1.0}}
    manifest = write_album(album.home.parent / "more", more)
    album.run("render", manifest, "--until", "select")
    assert album.json("status", "small")["songs"][0]["winner"] == other
    told = album.run("unpick", other)
    assert "Taken back" in told.stdout
    assert "Picked" not in told.stdout
    assert album.json("scores", "small")["songs"][0]["reviews"][-1]["kind"] == "withdraw"
    assert winner in {take["id"] for take in album.json("scores", "small")["songs"][0]["candidates"]}


def test_a_rejected_take_is_not_chosen_and_a_song_of_rejected_takes_has_no_winner(album: Album) -> None:
    winner, other = takes(album)
    assert album.json("reject", winner, "--note", "hiss")["winner"] == other
    shown = album.run("scores", "small").stdout
    assert "The only one left. 1 of 2 rejected." in shown
    assert f"rejected {winner} by {getpass.getuser()}" in shown
    assert "hiss" in shown
    told = album.run("reject", other)
    assert "No winner" in told.stderr
    assert album.json("status", "small")["songs"][0]["winner"] is None
    album.run("pick", winner)
    assert album.json("status", "small")["songs"][0]["winner"] == winner


def test_a_note_decides_nothing(album: Album) -> None:
    winner, _ = takes(album)
    before = album.done()
    album.run("note", winner, "  try the   bridge again ")
    assert album.done() == before
    assert album.json("scores", "small")["songs"][0]["reviews"][0]["note"] == "try the bridge again"
    assert album.run("note", winner, " ", code=2).stderr.startswith("error: the note is empty")


def test_what_cannot_be_said_is_refused_with_a_remedy(album: Album) -> None:
    winner, other = takes(album)
    assert "no candidate's id starts with" in album.run("pick", "nothing", code=2).stderr
    assert "neither picked nor rejected" in album.run("unpick", winner, code=2).stderr
    assert "2001 characters" in album.run("reject", other, "--note", "x" * 2001, code=2).stderr
    gone = album_document(stems="native", deliverables=["wav24"])
    gone["songs"][0]["prompt"] = "folk"
    album.run("plan", write_album(album.home.parent / "gone", gone))
    album.run("render", album.home.parent / "gone" / "album.yaml", "--until", "score")
    assert "no longer planned" in album.run("pick", winner, code=2).stderr


def test_a_take_that_is_not_rendered_cannot_be_picked(album: Album) -> None:
    with closing(sqlite3.connect(album.home / "catalog.sqlite3")) as connection, connection:
        connection.execute("UPDATE render SET state = 'planned'")
    _, other = takes(album)
    assert "is not rendered yet" in album.run("pick", other, code=2).stderr


def test_a_taste_is_not_made_from_a_single_pick(album: Album) -> None:
    album.run("pick", takes(album)[1])
    assert "votes on takes with scores: 1, and a taste needs 30" in album.run("taste", code=3).stderr


def test_removing_an_album_removes_what_was_said_of_it(album: Album) -> None:
    album.run("pick", takes(album)[1])
    album.run("remove", "small", "--yes")
    with closing(sqlite3.connect(album.home / "catalog.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM review").fetchone() == (0,)
