"""What a manifest says of finishing: enhancement, stems, credits, pauses, the track to sound like."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.album.document import album_of, manifest_document
from catalog.common.digests import digest_bytes
from tests.support.manifests import GOOD, faults_of, load

FULL = """\
schema_version: 1
album: {title: Night Bus, artist: Ada Vale, upc: "4006381333931", label: Depot Records}
enhance: air
stems: htdemucs
two_stems: vocals
mastering: {reference: refs/loved.wav, waive: [mono_fold_down]}
songs:
  - title: Last Bus Home
    explicit: false
    credits:
      - {role: producer, name: Ada Vale}
      - {role: vocals, name: Songline}
    fade_out_s: 3.5
    gap_s: 2
    prompt: indie pop
    lyrics: |
      [00:10.00]First line
      [00:14.50]Second line
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "refs").mkdir()
    (tmp_path / "refs" / "loved.wav").write_bytes(b"RIFF of a loved song")
    return tmp_path


def test_all_of_it_reaches_the_album(folder: Path) -> None:
    album = load(folder, FULL)
    (song,) = album.songs
    assert (album.upc, album.label, album.enhance, album.two_stems) == (
        "4006381333931",
        "Depot Records",
        "air",
        "vocals",
    )
    assert album.mastering_reference_digest == digest_bytes(b"RIFF of a loved song")
    assert (song.explicit, song.fade_out_s, song.gap_s) == (False, 3.5, 2.0)
    assert song.credits == (("producer", "Ada Vale"), ("vocals", "Songline"))


def test_other_machines_read_the_same_from_the_catalog(folder: Path) -> None:
    album = load(folder, FULL)
    document = manifest_document(album)
    read = album_of(document)
    assert manifest_document(read) == document
    assert read.songs[0].credits == album.songs[0].credits
    assert read.mastering_reference_digest == album.mastering_reference_digest


def test_a_plan_from_before_these_fields_reads_back(tmp_path: Path) -> None:
    document = manifest_document(load(tmp_path, GOOD))
    for name in ("enhance", "two_stems", "mastering_reference"):
        del document[name]
    for name in ("upc", "label"):
        del document["album"][name]
    for name in ("explicit", "credits", "fade_out_s", "gap_s"):
        del document["songs"][0][name]
    old = album_of(document)
    assert (old.enhance, old.two_stems, old.upc, old.songs[0].gap_s) == ("none", None, None, 0.0)


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("4006381333931", "4006381333932", "the check digit of 4006381333932 does not fit"),
        ("4006381333931", "40063813", "is not a UPC or EAN"),
        ("enhance: air", "enhance: sparkle", "there is no enhancement 'sparkle'"),
        ("stems: htdemucs", "stems: native", "`two_stems` is for a separation model"),
        ("two_stems: vocals", "two_stems: kazoo", "two_stems"),
        ("refs/loved.wav", "refs/lost.wav", "'refs/lost.wav' is not there"),
        ("refs/loved.wav", "../loved.wav", "lies outside the manifest's folder"),
        ("gap_s: 2", "gap_s: 31", "songs[0].gap_s"),
        ("explicit: false", 'explicit: "no"', "songs[0].explicit"),
        ("role: vocals", "part: vocals", "songs[0].credits[1].part"),
    ],
)
def test_a_fault_is_told_at_its_field(folder: Path, written: str, instead: str, said: str) -> None:
    faults = faults_of(folder, FULL.replace(written, instead))
    assert any(said in fault for fault in faults), faults
    assert all(fault.startswith("album.yaml:") for fault in faults)


@pytest.mark.parametrize("written", ["", "stems: htdemucs\ntwo_stems: drums\n"])
def test_a_version_without_the_voice_needs_a_stem_of_it(tmp_path: Path, written: str) -> None:
    faults = faults_of(tmp_path, f"{GOOD}{written}deliverables: [wav24, acapella]\n")
    assert len(faults) == 1
    assert "deliverables[1]: acapella needs a stem of the voice" in faults[0]
    load(tmp_path, f"{GOOD}stems: htdemucs\ndeliverables: [wav24, acapella]\n")


def test_a_upc_of_twelve_digits_is_one_too(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD.replace("artist: Ada Vale", 'artist: Ada Vale, upc: "0-36000-29145-2"')).upc == (
        "036000291452"
    )
