"""A take that was made elsewhere, by the real commands: added, scored, picked, mastered, delivered, traced."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from catalog.common.digests import digest_file
from tests.integration.rendered_album import album, fresh, rendered
from tests.support.albums import album_document, write_album
from tests.support.commands import Album

__all__ = ["album", "fresh", "rendered"]

pytestmark = pytest.mark.slow

TERMS = ("--origin", "Live <session>", "--licence", "CC-BY-4.0")


def bounce(path: Path, *, rate: int = 48000, channels: int = 2, seconds: float = 21.0) -> Path:
    """A take with a beat: noise that falls off twice a second, over a chord of A minor."""
    times = np.arange(round(rate * seconds)) / rate
    noise = np.random.default_rng(7).normal(0, 0.2, len(times)) * np.exp(-12 * (times % 0.5))
    tones = sum(np.sin(2 * np.pi * hz * times) for hz in (220.0, 261.63, 329.63)) * 0.08
    mono = (noise + tones) * np.minimum(1, (seconds - times) / 2)
    soundfile.write(path, np.repeat(mono[:, None], channels, axis=1).astype(np.float32), rate, subtype="FLOAT")
    return path


def first(album: Album) -> str:
    return str(album.json("status", "small")["songs"][0]["id"])


def test_a_take_from_elsewhere_is_scored_picked_delivered_and_traced(album: Album, tmp_path: Path) -> None:
    file, song, before = bounce(tmp_path / "bounce.wav"), first(album), album.done()
    added = album.json("take", "add", "small", song, file, *TERMS)
    assert (added["state"], added["new"], added["duration_s"]) == ("rendered", True, 21.0)
    again = album.json("take", "add", album.manifest, song, file, "--origin", "other", "--licence", "MIT")
    assert (again["candidate"], again["new"]) == (added["candidate"], False)
    album.run("render", album.manifest, "--until", "select")
    scored = {take["id"]: take for take in album.json("scores", "small")["songs"][0]["candidates"]}
    assert added["candidate"] in scored
    assert "import 1" in scored[added["candidate"]]["sentence"]
    album.run("pick", added["candidate"])
    album.run("render", album.manifest, "--out", album.release.parent)
    made = Counter(album.done()) - Counter(before)
    assert made["render"] == 1
    assert made["separate"] == 0  # the stems of the other song are resampled to the release's rate, not made again
    assert made["resample"] == 1
    release = json.loads((album.release / "release.json").read_text())
    track, other = release["tracks"]
    assert (track["engine"]["name"], track["engine"]["models"][0]["name"]) == ("imported", "Live <session>")
    assert track["engine"]["models"][0]["licence"] == "CC-BY-4.0"
    assert track["winner"]["chosen_by"] == "person"
    assert "resampled" not in track
    assert other["resampled"]["from_hz"] == 44100
    assert track["stems"] == {}
    assert other["stems"]
    assert soundfile.info(album.release / "wav24" / "01 - Song One.wav").samplerate == 48000
    page = (album.release / "index.html").read_text()
    assert "Live &lt;session&gt;" in page
    assert "Live <session>" not in page
    traced = album.run("lineage", album.release / "wav24" / "01 - Song One.wav").stdout
    assert "engine   imported revision 1" in traced
    told = album.run("rerun", added["candidate"], code=3).stderr
    assert "was made elsewhere (Live <session>)" in told
    assert "made elsewhere" in album.run("retake", added["candidate"], "--from", "1", "--to", "5", code=3).stderr


def test_a_take_stays_in_the_plan_and_its_stored_file_is_read_again(album: Album, tmp_path: Path) -> None:
    song = first(album)
    added = album.json("take", "add", "small", song, bounce(tmp_path / "mono.wav", rate=32000, channels=1), *TERMS)
    audio = album.json("scores", "small")
    assert audio["songs"][0]["id"] == song
    more = album_document(stems="native", deliverables=["wav24"])
    more["songs"][0]["seeds"] = [9001]
    album.run("render", write_album(tmp_path / "more", more), "--until", "select")
    ids = [take["id"] for take in album.json("scores", "small")["songs"][0]["candidates"]]
    assert added["candidate"] in ids
    assert len(ids) == 2


def test_its_file_outlives_its_song_in_the_manifest_and_the_removal_of_old_builds(album: Album, tmp_path: Path) -> None:
    file = bounce(tmp_path / "bounce.wav")
    added = album.json("take", "add", "small", first(album), file, *TERMS)
    without = album_document(stems="native", deliverables=["wav24"])
    without["songs"] = without["songs"][1:]
    album.run("render", write_album(tmp_path / "without", without), "--out", album.release.parent)
    album.run("gc", "--keep-builds", "1")
    assert album.stored(digest_file(file)).exists()
    album.run("render", album.manifest, "--until", "score")
    assert added["candidate"] in [take["id"] for take in album.json("scores", "small")["songs"][0]["candidates"]]


def test_what_cannot_be_a_take_is_refused_and_nothing_is_stored(album: Album, tmp_path: Path) -> None:
    song, before = first(album), album.dump()
    good, silent, six = tmp_path / "good.wav", tmp_path / "silent.wav", bounce(tmp_path / "six.wav", channels=6)
    bounce(good)
    soundfile.write(silent, np.zeros((44100, 2)), 44100)
    (tmp_path / "text.wav").write_text("no audio")
    cases = [
        ((song, silent, *TERMS), 2, "silent.wav cannot be a take: it is silent"),
        ((song, six, *TERMS), 2, "six.wav cannot be a take: it has 6 channels"),
        ((song, tmp_path / "text.wav", *TERMS), 2, "text.wav"),
        ((song, tmp_path / "none.wav", *TERMS), 2, "none.wav"),
        ((song, tmp_path, *TERMS), 2, "error:"),
        (("no-song", good, *TERMS), 2, "has no song 'no-song'"),
        ((song, good, "--origin", " ", "--licence", "MIT"), 2, "origin"),
        ((song, good, "--origin", "a\u202eb", "--licence", "MIT"), 2, "cannot be seen"),
        ((song, good, "--origin", "x" * 201, "--licence", "MIT"), 2, "too long"),
        ((song, good, "--origin", "x", "--licence", "<b>"), 2, "cannot be a licence's id"),
    ]
    for arguments, code, words in cases:
        assert words in album.run("take", "add", "small", *arguments, code=code).stderr
    assert "no album" in album.run("take", "add", "nothing", song, good, *TERMS, code=2).stderr
    assert album.dump() == before


def test_a_commercial_album_takes_only_what_may_be_sold(album: Album, tmp_path: Path) -> None:
    song, file = first(album), bounce(tmp_path / "bounce.wav")
    private = ("--origin", "a friend", "--licence", "handshake")
    added = album.json("take", "add", "small", song, file, *private)
    commercial = album_document(stems="native", deliverables=["wav24"], commercial=True)
    manifest = write_album(tmp_path / "sold", commercial)
    refused = album.run("plan", manifest, code=3).stderr
    assert f"{added['candidate']} (handshake)" in refused
    album.run("reject", added["candidate"])
    album.run("render", manifest, "--until", "score")
    other = bounce(tmp_path / "other.wav", seconds=20.0)
    assert "not stated to allow that" in album.run("take", "add", "small", song, other, *private, code=3).stderr
    sold = album.json("take", "add", "small", song, other, *private, "--commercial")
    assert sold["state"] == "rendered"
