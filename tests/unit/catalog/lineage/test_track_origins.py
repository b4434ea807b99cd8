"""Where a delivered file begins: at its release's track, also where others share its bytes or a tagger changed it."""

from __future__ import annotations

import asyncio
import json
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import mutagen
import numpy as np
import pytest
from mutagen.flac import FLAC
from mutagen.id3 import ID3, TIT2

from catalog.catalog import Catalog
from catalog.common.errors import InputError
from catalog.ledger.results import render_products
from catalog.lineage.lineage import trace
from catalog.plan.status import songs_of
from catalog.release.queries import release_by_key
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.audio.audio import Audio
from tasks.audio.files import write_flac24
from tasks.delivery.identify import identify
from tasks.delivery.package.export import write_release
from tasks.delivery.package.models_used import models_of
from tasks.scoring.requests import request_technical_score
from tests.support.albums import LYRICS, album_document, write_album
from tests.support.commands import songline
from tests.support.inline_executor import InlineExecutor, produce

pytestmark = pytest.mark.slow

FORMS = ["mp3_320", "flac24", "wav24", "wav16", "opus_160"]


def plan(catalog, settings, folder, *, lyrics=LYRICS, **changes):
    song = {**album_document()["songs"][0], "lyrics": lyrics, "settings": {"voice": "instrument"}}
    document = album_document(songs=[song], **changes)
    return declare_album(catalog, read_album(write_album(folder / "album", document), settings))


def released(catalog, planned, out):
    produced, _ = produce(catalog, planned)
    release = release_by_key(catalog.database, produced.release_key)
    return release, write_release(catalog, release, out).folder


@pytest.fixture
def edited_words(catalog: Catalog, settings, tmp_path: Path):
    """An album whose words were edited so that the guide plays the very same."""
    released(catalog, plan(catalog, settings, tmp_path), tmp_path / "first")
    return released(catalog, plan(catalog, settings, tmp_path, lyrics=LYRICS.replace("hum", "sing")), tmp_path / "out")


def traced(catalog, file):
    found = identify(catalog, file)
    models = models_of(catalog.settings)
    how = {"candidate": found.candidate, "alike": found.other_artifacts}
    return found, trace(catalog.database, found.digest, models_of=models, **how)


def test_a_file_leads_to_its_own_track_where_an_earlier_candidate_sounds_the_same(
    catalog: Catalog, edited_words
) -> None:
    release, folder = edited_words
    track = release.document["tracks"][0]
    own = songs_of(catalog.database, "small")[0]
    assert track["winner"]["candidate"] == own.winner
    for path in ("mp3_320/01 - Song One.mp3", "lyrics/01 - Song One.lrc"):
        _, found = traced(catalog, folder / path)
        document = found.document()
        assert [song["candidate"] for song in found.own] == [own.winner], path
        assert document["decision"]["winner"] == own.winner
        assert document["decision"]["sentence"] == track["winner"]["sentence"]
    _, found = traced(catalog, folder / "mp3_320" / "01 - Song One.mp3")
    document = found.document()
    render = next(each for each in document["activities"] if each["kind"] == "render")
    assert document["recipe"]["digest"] == render["work_key"]
    shared = [song for song in document["songs"] if song["relation"] == "same bytes"]
    assert shared
    assert all(song["recipe"]["digest"] != document["recipe"]["digest"] for song in shared)
    assert all(song["lyrics_digest"] != document["lyrics_digest"] for song in shared)


def test_the_lineage_in_the_release_begins_at_its_tracks_and_decisions(catalog: Catalog, edited_words) -> None:
    release, folder = edited_words
    document = json.loads((folder / "lineage.json").read_bytes())
    winner = release.document["tracks"][0]["winner"]
    first, *others = document["songs"]
    assert (first["candidate"], first["relation"]) == (winner["candidate"], "itself")
    assert first["decision"]["sentence"] == winner["sentence"]
    assert "mp3_320/01 - Song One.mp3" in first["paths"]
    assert {song["relation"] for song in others} == {"same bytes"}
    renders = [each["work_key"] for each in document["activities"] if each["kind"] == "render"]
    assert renders == [first["recipe"]["digest"]]


def test_scores_are_those_of_the_songs_own_brief(catalog: Catalog, settings, tmp_path: Path) -> None:
    """The same bytes are scored again where tempo or key are stated otherwise."""
    planned = plan(catalog, settings, tmp_path)
    release, folder = released(catalog, planned, tmp_path / "out")
    song = replace(planned.songs[0].song, bpm=87.0)
    audio = _audio(catalog, planned, release)
    asyncio.run(InlineExecutor(catalog).step(request_technical_score(song, audio), "score"))
    _, found = traced(catalog, folder / "mp3_320" / "01 - Song One.mp3")
    document = found.document()
    own = next(c for c in document["decision"]["candidates"] if c["id"] == document["decision"]["winner"])
    assert document["scores"]["tempo_match"]["value"] == own["metrics"]["tempo_match"]["value"]


def _audio(catalog, planned, release):
    winner = release.document["tracks"][0]["winner"]["candidate"]
    key = next(c.render_key for c in planned.songs[0].candidates if c.id == winner)
    return render_products(catalog.database, key)["audio"]


@pytest.fixture
def delivered(catalog: Catalog, settings, tmp_path: Path):
    return released(catalog, plan(catalog, settings, tmp_path, deliverables=FORMS), tmp_path / "out")


@pytest.mark.parametrize("form", FORMS)
def test_a_tag_edit_does_not_end_the_lineage(catalog: Catalog, delivered, tmp_path: Path, form) -> None:
    release, folder = delivered
    copy = Path(shutil.copy(next((folder / form).iterdir()), tmp_path))
    _rename(copy)
    named, found = traced(catalog, copy)
    assert named.certainty == "same samples"
    assert found.own[0]["candidate"] == release.document["tracks"][0]["winner"]["candidate"]
    assert found.document()["artifact"]["digest"] == release.document["tracks"][0]["deliverables"][form]["sha256"]


def _rename(path):
    file = mutagen.File(path)
    if isinstance(file.tags, ID3):
        file.tags.add(TIT2(encoding=3, text="Renamed"))
    else:
        file["TITLE"] = "Renamed"
    file.save()


def test_without_tags_the_samples_lead_back_and_without_samples_the_tag(
    catalog: Catalog, delivered, tmp_path: Path
) -> None:
    release, folder = delivered
    winner = release.document["tracks"][0]["winner"]["candidate"]
    bare = tmp_path / "bare.flac"
    shutil.copy(next((folder / "flac24").iterdir()), bare)
    FLAC(bare).delete()
    named, found = traced(catalog, bare)
    assert (named.certainty, named.candidate, found.own[0]["candidate"]) == ("same samples", None, winner)

    cut = tmp_path / "cut.mp3"
    data = next((folder / "mp3_320").iterdir()).read_bytes()
    cut.write_bytes(data[: len(data) * 2 // 3])
    named, found = traced(catalog, cut)
    assert (named.certainty, found.own[0]["candidate"]) == ("tag only, bytes changed", winner)
    assert "nothing shows" in named.note


def test_a_tag_of_another_song_does_not_outweigh_the_samples(catalog: Catalog, settings, tmp_path: Path) -> None:
    songs = album_document()["songs"]
    document = album_document(songs=songs, deliverables=["flac24"])
    planned = declare_album(catalog, read_album(write_album(tmp_path / "album", document), settings))
    release, folder = released(catalog, planned, tmp_path / "out")
    winners = [track["winner"]["candidate"] for track in release.document["tracks"]]
    first = tmp_path / "first.flac"
    shutil.copy(sorted((folder / "flac24").iterdir())[0], first)
    file = FLAC(first)
    file["SONGLINE_CANDIDATE"] = winners[1]
    file.save()
    named, found = traced(catalog, first)
    assert found.own[0]["candidate"] == winners[0]
    assert winners[1] in named.note


def test_a_file_that_was_made_wrong_is_no_fault_of_the_catalog(tmp_path: Path) -> None:
    """Its rate is one that WavPack has not, which mutagen looks for behind the end of a list."""
    wrong = tmp_path / "wrong.wv"
    wrong.write_bytes(b"wvpk" + struct.pack("<IHBBIIIII", 24, 0x410, 0, 0, 0, 0, 0, 15 << 23, 0) + bytes(64))
    told = songline("lineage", wrong, home=tmp_path / "home")
    assert told.returncode == 2
    assert "no tag of it names a candidate" in told.stderr


def test_what_leads_nowhere_says_so(catalog: Catalog, tmp_path: Path) -> None:
    data_free = tmp_path / "notes.txt"
    data_free.write_text("no audio")
    with pytest.raises(InputError, match="no tag of it names a candidate"):
        identify(catalog, data_free)
    foreign = tmp_path / "foreign.flac"
    write_flac24(foreign, Audio.of(np.zeros((2, 4410)), 44100))
    file = FLAC(foreign)
    file["SONGLINE_CANDIDATE"] = "one-1-abcdef"
    file.save()
    with pytest.raises(InputError, match="one-1-abcdef, which is not in this catalog"):
        identify(catalog, foreign)


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_lost_all_its_tags_is_known_by_its_samples(
    catalog: Catalog, delivered, tmp_path: Path, form
) -> None:
    release, folder = delivered
    copy = Path(shutil.copy(next((folder / form).iterdir()), tmp_path))
    mutagen.File(copy).delete()
    named, found = traced(catalog, copy)
    assert (named.certainty, named.candidate) == ("same samples", None)
    assert [song["candidate"] for song in found.own] == [release.document["tracks"][0]["winner"]["candidate"]]
    assert found.albums == ("small",)


@pytest.mark.parametrize("form", ["wav24", "mp3_320"])
def test_what_two_albums_share_is_said_to_be_of_both(catalog: Catalog, settings, tmp_path: Path, form) -> None:
    """Bare WAVs are the same bytes; of an MP3 without its tags the samples are the same."""
    changes = {"deliverables": [form], "wav": {"tags": "none"}}
    winners, folder = {}, tmp_path
    for name in ("small", "other"):
        album = {"id": name, "title": name.title(), "artist": "Ada Vale"}
        planned = plan(catalog, settings, tmp_path / name, album=album, **changes)
        release, folder = released(catalog, planned, tmp_path / "out")
        winners[name] = release.document["tracks"][0]["winner"]["candidate"]
    copy = Path(shutil.copy(next((folder / form).iterdir()), tmp_path))
    if form == "mp3_320":
        ID3(copy).delete()
    _, found = traced(catalog, copy)
    assert sorted(found.albums) == ["other", "small"]
    assert {(song["album"], song["candidate"]) for song in found.own} == set(winners.items())
    assert all(song["decision"]["winner"] == song["candidate"] for song in found.own)


def test_of_several_builds_the_newest_counts(catalog: Catalog, edited_words, tmp_path: Path) -> None:
    release, folder = edited_words
    copy = Path(shutil.copy(next((folder / "mp3_320").iterdir()), tmp_path))
    ID3(copy).delete()
    _, found = traced(catalog, copy)
    assert [song["candidate"] for song in found.own] == [release.document["tracks"][0]["winner"]["candidate"]]
    assert [song["relation"] for song in found.songs] == ["itself", "same bytes"]
