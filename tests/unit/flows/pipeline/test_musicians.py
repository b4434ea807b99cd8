"""A release of a song with a lead sheet beside one whose engine gives none: what a musician finds of each."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import mido
import pytest

from catalog.catalog import open_catalog
from catalog.common.settings import Settings
from catalog.release.document import ReleaseDocument
from catalog.release.queries import release_by_key
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.audio.files import read_audio
from tasks.delivery.package.export import write_release
from tests.support.albums import album_document, write_album
from tests.support.engine_48k import engine_48k
from tests.support.inline_executor import produce

pytestmark = pytest.mark.slow

LYRICS = "[Verse]\n[00:01.00]Streetlights hum along the wire\n[Chorus]\n[00:05.00]Nobody & <me> at home\n"
SONG = {"lyrics": LYRICS, "seeds": [1], "writers": ["Ada Vale", "Bo Lind"]}
SONGS = [
    {**SONG, "id": "one", "title": "One: <Song> & /", "prompt": "indie pop, 120 BPM, Eb major"},
    {**SONG, "id": "two", "title": "Two", "prompt": "folk rock, 132 BPM, D major", "engine": "guide48"},
]
NAMES = ("01 - One- (Song) & -", "02 - Two")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("musicians")
    settings = Settings(home=place / "home", workers=2)
    document = album_document(songs=SONGS, stems="native", deliverables=["mp3_320"])
    with engine_48k(), open_catalog(settings) as catalog:
        produced, _ = produce(
            catalog, declare_album(catalog, read_album(write_album(place / "album", document), settings))
        )
        assert produced.failures == {}
        yield write_release(catalog, release_by_key(catalog.database, produced.release_key), place / "out").folder


def track(folder: Path, position: int) -> dict[str, Any]:
    tracks: list[dict[str, Any]] = json.loads((folder / "release.json").read_bytes())["tracks"]
    return tracks[position - 1]


def test_only_the_take_with_a_lead_sheet_has_a_written_one(folder: Path) -> None:
    sheets = {file["path"] for file in track(folder, 1)["lead_sheet"].values()}
    assert sheets == {f"sheets/{NAMES[0]}.{form}" for form in ("musicxml", "svg")}
    assert "lead_sheet" not in track(folder, 2)
    assert {path.relative_to(folder).as_posix() for path in (folder / "sheets").iterdir()} == sheets
    head = ET.parse(folder / "sheets" / f"{NAMES[0]}.musicxml").getroot()
    assert head.findtext("work/work-title") == "One: <Song> & /"
    assert [creator.text for creator in head.iter("creator")] == ["Ada Vale, Bo Lind"] * 2
    assert "Made with Songline" in (head.findtext("identification/rights") or "")
    words = "".join(
        (lyric.findtext("text") or "") + ("" if lyric.findtext("syllabic") in ("begin", "middle") else " ")
        for lyric in head.iter("lyric")
    )
    assert words.split() == ["Streetlights", "hum", "along", "the", "wire", "Nobody", "&", "<me>", "at", "home"]


def test_its_files_are_those_of_the_document_and_of_the_sums(folder: Path) -> None:
    document = ReleaseDocument.read(folder / "release.json")
    lines = [line.split("  ", 1) for line in (folder / "SHA256SUMS").read_text().splitlines()]
    sums = {path: digest for digest, path in lines}
    written = [file for file in document.all_files if file.path.startswith(("sheets/", "daw/"))]
    assert len(written) == 4
    for file in written:
        assert hashlib.sha256((folder / file.path).read_bytes()).hexdigest() == file.sha256 == sums[file.path]
        assert file.path in json.dumps(json.loads((folder / "lineage.json").read_bytes()), ensure_ascii=False)
        assert file.path.replace("&", "&amp;").split("/")[0] in (folder / "index.html").read_text()


@pytest.mark.parametrize("position", [1, 2])
def test_the_project_finds_every_stem(folder: Path, position: int) -> None:
    path = folder / track(folder, position)["project"]["path"]
    assert path == folder / "daw" / f"{NAMES[position - 1]}.dawproject"
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        root = ET.fromstring(archive.read("project.xml"))
    stems = {(path.parent / file.get("path", "")).resolve() for file in root.iter("File")}
    assert stems == {(folder / file["path"]).resolve() for file in track(folder, position)["stems"].values()}
    for audio in root.iter("Audio"):
        sound = read_audio(path.parent / audio.find("File").get("path"))
        assert int(audio.get("sampleRate", "0")) == sound.rate
        assert float(audio.get("duration", "0")) == pytest.approx(sound.duration_s, abs=1 / sound.rate)
    names = [mark.get("name") for mark in root.iter("Marker")]
    if position == 2:
        assert names == ["Verse: Streetlights hum along the wire", "Chorus: Nobody & <me> at home"]
    else:
        assert {"Verse", "Chorus"} <= set(names)


def test_the_midi_has_tempo_key_form_and_words(folder: Path) -> None:
    for position, (bpm, key) in enumerate(((120, "Eb"), (132, "D")), start=1):
        midi = mido.MidiFile(folder / track(folder, position)["midi"]["path"], charset="utf8")
        messages = [message for part in midi.tracks for message in part]
        assert mido.bpm2tempo(bpm) in [message.tempo for message in messages if message.type == "set_tempo"]
        assert [message.key for message in messages if message.type == "key_signature"] == [key]
        assert "Verse" in [message.text for message in messages if message.type == "marker"]
        assert "Nobody & <me> at home" in [message.text for message in messages if message.type == "lyrics"]
