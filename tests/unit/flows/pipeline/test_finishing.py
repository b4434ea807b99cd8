"""Finishing on the line: checks that hold a release back, versions without the voice, levels that players keep."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.common.errors import CheckFailed, WorkError
from catalog.lineage.lineage import trace
from catalog.release.queries import release_by_key
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, write_wav
from tasks.audio.metering.loudness import integrated_lufs
from tasks.delivery.package.export import write_release
from tasks.delivery.package.models_used import models_of
from tasks.delivery.tags.tags import read_tags
from tests.support.albums import album_document, write_album
from tests.support.inline_executor import produce

pytestmark = pytest.mark.slow

ONE_SONG = {"songs": album_document()["songs"][:1]}
ALL_BUT_AAC = ["wav24", "wav16", "flac24", "mp3_320", "opus_160", "instrumental", "acapella"]


def plan(catalog, settings, tmp_path, **changes):
    album = read_album(write_album(tmp_path / "album", album_document(**changes)), settings)
    return declare_album(catalog, album)


def written(catalog, produced, folder):
    assert produced.failures == {}
    return write_release(catalog, release_by_key(catalog.database, produced.release_key), folder).folder


def test_a_failing_master_is_held_back_until_its_check_is_waived(catalog: Catalog, settings, tmp_path: Path) -> None:
    # 60 dB of limiting could bring this song to -5 LUFS; half a dB cannot.
    hard = {"profile": "custom", "target_lufs": -5.0, "max_limiting_db": 0.5}
    planned = plan(catalog, settings, tmp_path, mastering=hard, **ONE_SONG)
    produced, first = produce(catalog, planned)
    (error,) = produced.failures.values()
    assert isinstance(error, CheckFailed)
    assert "LUFS" in error.what
    assert "-5.0 LUFS would take more than the 0.5 dB of limiting that are allowed" in error.what
    assert "target_unreachable" not in error.what
    assert "allow more limiting than 0.5 dB (`max_limiting_db`)" in error.remedy
    assert "target_lufs: -" in error.remedy
    assert "waive: [loudness]" in error.remedy
    assert produced.release_key is None

    planned = plan(catalog, settings, tmp_path, mastering=hard | {"waive": ["loudness"]}, **ONE_SONG)
    produced, again = produce(catalog, planned)
    assert [s for s in again.steps if s.startswith(("master", "accept"))] == []
    assert any(s.startswith("accept") for s in first.steps)
    (track,) = json.loads((written(catalog, produced, tmp_path / "out") / "release.json").read_bytes())["tracks"]
    (waived,) = [check for check in track["checks"] if check["waived"]]
    assert (waived["check"], waived["file"], waived["verdict"]) == ("loudness", "master", "fail")
    assert "waived" in (tmp_path / "out" / "small" / "index.html").read_text()


def test_every_check_is_kept_with_its_file_and_shown(catalog: Catalog, settings, tmp_path: Path) -> None:
    planned = plan(catalog, settings, tmp_path, deliverables=["wav24", "mp3_320"], **ONE_SONG)
    produced, _ = produce(catalog, planned)
    folder = written(catalog, produced, tmp_path / "out")
    (track,) = json.loads((folder / "release.json").read_bytes())["tracks"]
    by_file = {file: [c for c in track["checks"] if c["file"] == file] for file in ("master", "mp3_320")}
    assert {"loudness", "true_peak", "second_loudness_meter"} <= {c["check"] for c in by_file["master"]}
    assert by_file["mp3_320"]
    page = (folder / "index.html").read_text()
    assert all(check["verdict"] in ("pass", "warn") for check in track["checks"])
    assert "Checks of the finished files" in page


@pytest.mark.parametrize("enhance", ["none", "air"])
def test_a_master_without_its_voice_and_the_voice_alone_add_up_to_it(
    catalog: Catalog, settings, tmp_path: Path, enhance
) -> None:
    # Nothing but gain and filters works at this level, so that the parts must add up sample by sample.
    quiet = {"profile": "broadcast", "compression": {"enabled": False}}
    song = ONE_SONG["songs"][0] | {"isrc": "GBAYE2600001", "explicit": True}
    wanted = {"stems": "native", "deliverables": ALL_BUT_AAC, "mastering": quiet, "songs": [song]}
    produced, _ = produce(catalog, plan(catalog, settings, tmp_path, enhance=enhance, **wanted))
    folder = written(catalog, produced, tmp_path / "out")
    files = {kind: next((folder / kind).iterdir()) for kind in ("wav24", "instrumental", "acapella")}
    master, instrumental, voice = (read_audio(path).samples.astype(np.float64) for path in files.values())
    apart = master - (instrumental + voice)
    assert 20 * np.log10(np.sqrt(np.mean(apart**2) / np.mean(master**2))) < -60.0
    assert np.sqrt(np.mean(voice**2)) > 0.01 * np.sqrt(np.mean(master**2))

    tags = {kind: read_tags(path) for kind, path in files.items()}
    assert [tag.title for tag in tags.values()] == ["Song One", "Song One (Instrumental)", "Song One (Acapella)"]
    assert [tag.isrc for tag in tags.values()] == ["GBAYE2600001", None, None]
    assert [tag.explicit for tag in tags.values()] == [True, None, True]
    assert [bool(tag.lyrics_text) for tag in tags.values()] == [True, False, True]
    for kind, path in files.items():
        expected = -18.0 - integrated_lufs(read_audio(path)).value
        assert tags[kind].track_gain_db == pytest.approx(expected, abs=0.02), kind
    (track,) = json.loads((folder / "release.json").read_bytes())["tracks"]
    assert {"instrumental", "acapella"} <= {check["file"] for check in track["checks"]}


def test_albums_that_keep_a_balance_tell_players_so(catalog: Catalog, settings, tmp_path: Path) -> None:
    planned = plan(catalog, settings, tmp_path, mastering={"mode": "album"}, deliverables=["flac24"])
    produced, executor = produce(catalog, planned)
    folder = written(catalog, produced, tmp_path / "out")
    tags = [read_tags(path) for path in sorted((folder / "flac24").iterdir())]
    read = [t["readings"] for t in json.loads((folder / "release.json").read_bytes())["tracks"]]
    for tag, reading in zip(tags, read, strict=True):
        assert tag.track_gain_db == pytest.approx(-18 - reading["integrated_lufs"], abs=0.01)
    assert tags[0].album_gain_db == tags[1].album_gain_db
    low, high = sorted(-18 - r["integrated_lufs"] for r in read)
    assert low <= tags[0].album_gain_db <= high
    assert sum(s.startswith("master") for s in executor.steps) == 2  # the leader's master is not made twice


def test_trouble_with_a_machine_never_gives_an_album_another_gain(
    catalog: Catalog, settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = plan(catalog, settings, tmp_path, mastering={"mode": "album"})
    produce(catalog, planned, until="select")

    def out_of_order(*_: object, **__: object) -> None:
        raise WorkError("the machine is out of order")

    with monkeypatch.context() as broken:
        broken.setattr("tasks.mastering.step.song_level", out_of_order)
        produced, executor = produce(catalog, planned)
    assert set(produced.failures) == {"one", "two"}
    assert not any(sentence.startswith("master") for sentence in executor.steps)


def test_a_waiver_of_a_file_is_none_of_the_master(catalog: Catalog, settings, tmp_path: Path) -> None:
    hard = {"profile": "custom", "target_lufs": -5.0, "max_limiting_db": 0.5, "waive": ["mp3_320.loudness"]}
    produced, _ = produce(catalog, plan(catalog, settings, tmp_path, mastering=hard, **ONE_SONG))
    assert isinstance(produced.failures["one"], CheckFailed)


def test_changing_what_is_said_of_a_song_masters_nothing_anew(catalog: Catalog, settings, tmp_path: Path) -> None:
    produce(catalog, plan(catalog, settings, tmp_path, **ONE_SONG))
    song = ONE_SONG["songs"][0] | {
        "explicit": True,
        "credits": [{"role": "producer", "name": "Ada Vale"}],
        "gap_s": 2.0,
    }
    album = {"id": "small", "title": "Small Album", "artist": "Ada Vale", "upc": "4006381333931", "label": "Depot"}
    planned = plan(catalog, settings, tmp_path, album=album, songs=[song])
    produced, executor = produce(catalog, planned)
    assert {s.split(" · ")[0] for s in executor.steps} == {"encode", "pack"}
    folder = written(catalog, produced, tmp_path / "out")
    tags = read_tags(next((folder / "mp3_320").iterdir()))
    assert (tags.explicit, tags.upc, tags.label) == (True, "4006381333931", "Depot")
    assert tags.credits == (("producer", "Ada Vale"),)
    document = json.loads((folder / "release.json").read_bytes())
    assert document["album"]["upc"] == "4006381333931"
    assert document["tracks"][0]["explicit"] is True
    assert "Explicit" in (folder / "index.html").read_text()


def test_a_reference_leads_the_lineage_to_the_track_that_was_loved(catalog: Catalog, settings, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    noise = np.cumsum(rng.standard_normal((2, 44100 * 12)), axis=1)
    noise -= noise.mean(axis=1, keepdims=True)
    (tmp_path / "album").mkdir()
    write_wav(tmp_path / "album" / "loved.wav", Audio.of(0.3 * noise / np.abs(noise).max(), 44100), subtype="PCM_24")
    planned = plan(catalog, settings, tmp_path, mastering={"reference": "loved.wav"}, **ONE_SONG)
    produced, _ = produce(catalog, planned)
    release = release_by_key(catalog.database, produced.release_key)
    found = trace(catalog.database, release.files["mp3_320/01 - Song One.mp3"], models_of=models_of(catalog.settings))
    master = next(a for a in found.document()["activities"] if a["kind"] == "master")
    assert [stage["name"] for stage in master["found"]["stages"]]
    assert all(stage["before"] and stage["after"] for stage in master["found"]["stages"])
    encode = found.root
    roles = {role for _, node in encode.used for role, _ in node.used}
    assert roles == {"audio", "reference"}
