"""A producer's day by the real commands, a real browser and its sound.

A passage is not retaken here, since the guide cannot: :mod:`tests.integration.test_desk_retake` does.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.integration.auditioned_song import Audition, desk, ramp
from tests.support.albums import album_document, write_album
from tests.support.commands import Album, environment, files_of

pytestmark = pytest.mark.slow

SONG = "one"
MP3 = "mp3_320/01 - Song One.mp3"


class Day:
    """The album of the day, its manifest as a document that the producer edits, and questions to the catalog."""

    def __init__(self, folder: Path) -> None:
        self.document: dict[str, Any] = json.loads(json.dumps(album_document()))
        self.album = Album(folder / "home", folder / "album" / "album.yaml", folder / "out" / "small")

    def save(self) -> None:
        write_album(self.album.manifest.parent, self.document)

    def render(self, *options: str) -> str:
        return self.album.run("render", self.album.manifest, "--out", self.album.release.parent, *options).stdout

    def song(self) -> dict[str, Any]:
        songs: list[dict[str, Any]] = self.album.json("scores", "small")["songs"]
        return songs[0]

    def takes(self) -> list[str]:
        return [take["id"] for take in self.song()["candidates"]]

    def winner(self) -> str:
        return str(self.album.json("status", "small")["songs"][0]["winner"])

    def asked(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.album.home / "catalog.sqlite3")) as connection:
            return connection.execute(query).fetchall()

    def renders(self) -> int:
        return int(self.asked("SELECT count(*) FROM activity WHERE kind = 'render'")[0][0])


def heard_and_voted(day: Day, browser: Browser) -> None:
    """Hear both takes of the song blind, prefer the second that is shown, while another album renders."""
    with desk(day.album.home) as link:
        visit = Audition(browser, link)
        visit.open(f"/albums/small/songs/{SONG}?blind=pairs")
        visit.press("Space", "1")
        visit.plays(1)
        visit.press("2")
        visit.plays(2)
        visit.press("v")
        visit.until("document.querySelector('.voted').textContent.startsWith('One vote')")
        visit.close()
        assert visit.said == []


def test_a_working_day(tmp_path: Path, browser: Browser, begin_home: Callable[[Path], Path]) -> None:
    day = Day(tmp_path)
    begin_home(day.album.home)
    day.save()

    # In the morning: render until the scores are there; nothing is chosen.
    day.render("--until", "score")
    first_takes = day.takes()
    assert (len(first_takes), day.album.json("status", "small")["songs"][0]["winner"]) == (2, None)

    # Hear them blind in the browser, while another album renders.
    second = album_document(album={"id": "second", "title": "Second", "artist": "Ada Vale"})
    for number, song in enumerate(second["songs"]):
        song["seeds"] = list(range(100 * number + 10, 100 * number + 16))
    second_path = write_album(tmp_path / "second", second)
    command = [sys.executable, "-m", "flows.cli", "render", str(second_path), "--out", str(tmp_path / "out")]
    with subprocess.Popen(
        [*command, "--until", "score"], env=environment(day.album.home), stderr=subprocess.PIPE, text=True
    ) as other:
        heard_and_voted(day, browser)
        _, errors = other.communicate(timeout=300)
        assert other.returncode == 0, errors
    ((shown, preferred),) = day.asked("SELECT shown, preferred FROM vote")
    assert set(json.loads(shown)) == set(first_takes)
    assert json.loads(preferred) == [json.loads(shown)[1]]

    # The policy decides, and the producer overrules it.
    day.render("--until", "select")
    by_policy = day.winner()
    picked = next(take for take in first_takes if take != by_policy)
    day.album.run("pick", picked, "--note", "the warmer voice")
    assert day.winner() == picked

    # One line and one prompt are changed: the takes of the other song stay, the pick of this one goes with its takes.
    made = day.renders()
    day.document["songs"][0]["lyrics"] = day.document["songs"][0]["lyrics"].replace("\n", " again\n", 1)
    day.document["songs"][1]["prompt"] = "folk rock, 100 BPM, D major"
    day.save()
    day.render("--until", "select")
    assert day.renders() == made + 4
    assert set(day.takes()).isdisjoint(first_takes)

    # Two seeds more, a take from elsewhere, and a pick that outlives both.
    chosen = next(take for take in day.takes() if take != day.winner())
    day.album.run("pick", chosen)
    made = day.renders()
    day.document["songs"][0]["seeds"] = [1, 2, 3, 4]
    day.save()
    day.render("--until", "select")
    assert day.renders() == made + 2
    terms = ("--origin", "another studio", "--licence", "CC0-1.0")
    imported = day.album.json("take", "add", "small", SONG, ramp(tmp_path, 0), *terms)["candidate"]
    day.render("--until", "select")
    assert (day.winner(), len(day.takes())) == (chosen, 5)

    # Release; louder; only what follows from the loudness is made again.
    day.render()
    softly = day.album.json("measure", day.album.release / MP3)[0]["integrated_lufs"]
    made = day.renders()
    day.document["mastering"] = {"target_lufs": -11}
    day.save()
    day.render()
    loudly = day.album.json("measure", day.album.release / MP3)[0]["integrated_lufs"]
    assert loudly > softly + 2
    assert day.renders() == made
    builds = day.album.json("releases", "small")["builds"]
    assert [build["build"] for build in builds] == [2, 1]

    # Keep house; the release stays whole, and a take that was dropped comes back bit for bit.
    release = files_of(day.album.release)
    dropped = next(take for take in day.takes() if take not in (chosen, imported))
    (audio,) = day.asked(
        "SELECT render.audio_digest FROM candidate JOIN render ON render.key = candidate.render_key "
        f"WHERE candidate.id = '{dropped}'"
    )[0]
    day.album.run("prune", "small", "--keep", "winners,picks")
    (was_pruned,) = day.asked(f"SELECT pruned_at IS NOT NULL FROM artifact WHERE digest = '{audio}'")[0]
    checked = day.album.json("verify")
    assert (was_pruned, checked["missing"], checked["corrupt"]) == (1, [], [])
    assert "pruned" in day.album.run("pick", dropped, code=1).stderr
    assert day.album.json("rerun", dropped)["verdict"] == "identical"
    (is_pruned,) = day.asked(f"SELECT pruned_at IS NOT NULL FROM artifact WHERE digest = '{audio}'")[0]
    assert is_pruned == 0
    day.render()
    assert files_of(day.album.release) == release

    # In the evening: a delivered file tells all of it, and the song's history the rest.
    told = day.album.json("lineage", day.album.release / MP3)
    assert (told["decision"]["winner"], bool(told["decision"]["picked_by"])) == (chosen, True)
    assert f"-{told['recipe']['seed']}-" in chosen
    assert told["recipe"]["inputs"]["lines"][0][1].endswith("again")
    (mastering,) = [step for step in told["activities"] if step["kind"] == "master"]
    assert mastering["parameters"]["mastering"]["target_lufs"] == -11
    history = json.dumps(day.album.json("scores", "small", "--history", SONG))
    for word in (by_policy, picked, "the warmer voice", imported):
        assert word in history, word
