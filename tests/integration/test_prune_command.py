"""``prune`` by the real commands: what goes, what stays, and how a take comes back."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.rendered_album import album, rendered
from tests.support.albums import album_document, write_album
from tests.support.commands import Album, files_of

__all__ = ["album", "rendered"]

pytestmark = pytest.mark.slow

KEEP = ("--keep", "winners,picks")


def losers(album: Album, name: str = "small") -> list[str]:
    """The takes of an album that were not chosen, in the songs' order."""
    winners = {song["winner"] for song in album.json("status", name)["songs"]}
    songs = album.json("scores", name)["songs"]
    return [take["id"] for song in songs for take in song["candidates"] if take["id"] not in winners]


def audio_of(album: Album, candidate: str) -> str:
    with closing(sqlite3.connect(album.home / "catalog.sqlite3")) as connection:
        query = "SELECT audio_digest FROM render JOIN candidate ON render.key = render_key WHERE id = ?"
        return connection.execute(query, [candidate]).fetchone()[0]


def test_a_pruned_take_keeps_its_scores_and_comes_back_bit_for_bit(album: Album) -> None:
    dropped = losers(album)
    scores, catalog = album.json("scores", "small"), album.dump()
    told = album.json("prune", "small", *KEEP, "--dry-run")
    assert (told["dropped"], told["kept"], told["dry_run"]) == (dropped, 2, True)
    assert album.dump() == catalog
    before = sum(path.stat().st_size for path in (album.home / "store").rglob("*") if path.is_file())
    done = album.json("prune", "small", *KEEP)
    assert {**done, "dry_run": True} == told
    after = sum(path.stat().st_size for path in (album.home / "store").rglob("*") if path.is_file())
    assert before - after == told["bytes"] > 0
    assert album.json("scores", "small") == scores
    checked = album.json("verify")
    assert (checked["missing"], checked["corrupt"], checked["pruned"]) == ([], [], told["artifacts"])
    work = album.done()
    album.run("render", album.manifest, "--out", album.release.parent)
    assert album.done() == work
    assert album.json("gc")["removed"] == []
    digest = audio_of(album, dropped[0])
    assert not album.stored(digest).exists()
    assert album.json("rerun", dropped[0]) == {
        "candidate": dropped[0],
        "verdict": "identical",
        "difference_dbfs": None,
        "restored": True,
    }
    assert album.stored(digest).exists()
    assert album.json("verify")["pruned"] < told["artifacts"]
    assert album.json("prune", "small", *KEEP)["dropped"] == dropped[:1]


def test_a_pruned_take_can_be_picked_and_mastered_once_it_is_back(album: Album) -> None:
    take = losers(album)[0]
    album.run("prune", "small", *KEEP)
    refused = album.run("pick", take, code=1)
    assert f"{take} was pruned" in refused.stderr
    assert f"songline rerun {take}" in refused.stderr
    assert "was pruned" in album.run("retake", take, "--from", "1", "--to", "5", code=1).stderr
    assert "back in the store" in album.run("rerun", take).stdout
    assert album.json("pick", take)["winner"] == take
    album.run("render", album.manifest, "--out", album.release.parent)
    assert album.json("verify")["missing"] == []
    # The first winner is in an older build, which can still be exported as it was.
    assert album.json("prune", "small", "--keep", "picks")["dropped"] == []
    album.run("export", "small", "--build", "1", "--out", album.release.parent.parent / "older")


def test_a_policy_that_chooses_a_pruned_take_is_told_and_a_pruned_take_is_not_scored_anew(album: Album) -> None:
    winner = album.json("status", "small")["songs"][0]["winner"]
    take = losers(album)[0]
    album.run("prune", "small", *KEEP)
    assert album.json("reject", winner)["winner"] == take
    told = album.run("render", album.manifest, "--out", album.release.parent, code=1)
    assert f"Song One: {take} was pruned" in told.stderr
    assert f"songline rerun {take}" in told.stderr
    album.run("rerun", take)
    album.run("render", album.manifest, "--out", album.release.parent)


def test_a_take_that_two_albums_share_stays_until_both_drop_it(album: Album, tmp_path: Path) -> None:
    document = album_document(deliverables=["wav24"], stems="none")
    other = {**document, "album": {**document["album"], "id": "second", "title": "Second"}}
    album.run("render", write_album(tmp_path / "second", other), "--out", tmp_path / "out")
    told = album.json("prune", "small", *KEEP)
    assert (told["dropped"], told["bytes"]) == ([], 0)
    assert set(told["shared"]) == set(losers(album))
    both = album.json("prune", "small", "second", *KEEP)
    assert set(both["dropped"]) == {*losers(album), *losers(album, "second")}
    assert both["bytes"] > 0


def test_files_of_a_release_stay_as_they_are(album: Album, tmp_path: Path) -> None:
    before = files_of(album.release)
    album.run("prune", "small", *KEEP)
    shutil.rmtree(album.release)
    album.run("export", "small", "--out", tmp_path / "again")
    assert files_of(tmp_path / "again" / "small") == before


@pytest.mark.parametrize("rule", ["everything", "top:0", "top:99999", "", "top:-1"])
def test_a_rule_that_says_nothing_is_refused(rendered: Album, rule: str) -> None:
    told = rendered.run("prune", "small", "--keep", rule, code=2).stderr
    assert "winners, picks or top:N" in told


def test_the_best_ranked_stay_and_seeds_that_nobody_judged_too(album: Album) -> None:
    assert album.json("prune", "small", "--keep", "winners,top:2", "--dry-run")["dropped"] == []
    more = album_document(stems="native", deliverables=["wav24"])
    more["songs"][0]["seeds"] = [1, 2, 9001]
    before = losers(album)
    album.run("render", write_album(album.home.parent / "more", more), "--until", "score")
    assert album.json("prune", "small", "--keep", "top:1", "--dry-run")["dropped"] == before
