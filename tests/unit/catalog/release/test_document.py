"""The document of a release."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from catalog.common.errors import InputError
from catalog.models.used import ModelUsed
from catalog.release.document import (
    Check,
    Credit,
    EngineUsed,
    Readings,
    ReleasedAlbum,
    ReleasedFile,
    ReleaseDocument,
    ReleasedTrack,
    Targets,
    Winner,
)


def file(path: str) -> ReleasedFile:
    return ReleasedFile(path=path, sha256="ab" * 32, bytes=10, media_type="audio/wav")


def track(position: int, **changed: Any) -> ReleasedTrack:
    values: dict[str, Any] = {
        "position": position,
        "song": f"song-{position}",
        "title": "</script>\u202e 夜 🚌",
        "artist": "Ada Vale",
        "duration_s": 95.0,
        "engine": EngineUsed(
            name="guide", revision=1, models=(ModelUsed(name="TimGM6mb", revision="1", licence="GPL-2.0"),)
        ),
        "winner": Winner(candidate="last-43", seed=2**53 - 1, sentence="Seed 43 wins."),
        "targets": Targets(profile="streaming", mode="tracks", integrated_lufs=-14, true_peak_dbtp=-1),
        "readings": Readings(integrated_lufs=-14.02, true_peak_dbtp=-1.3, loudness_range_lu=None),
        "master_sha256": "cd" * 32,
        "deliverables": {"wav24": file(f"wav24/{position:02d}.wav")},
    }
    return ReleasedTrack(**{**values, **changed})


ALBUM = ReleasedAlbum(id="night-bus", title="Night Bus", artist="Ada Vale", disclosure="Made with Songline")


def document(**changed: Any) -> ReleaseDocument:
    values: dict[str, Any] = {"songline_version": "0.1.0", "build": 1, "album": ALBUM, "tracks": [track(1), track(2)]}
    return ReleaseDocument.sealed(**{**values, **changed})


def test_it_comes_back_from_its_file_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "release.json"
    path.write_bytes(document().to_json())
    assert ReleaseDocument.read(path) == document()
    assert ReleaseDocument.read(path).to_json() == path.read_bytes()
    shown = json.loads(path.read_bytes())
    assert shown["schema_version"] == 1
    assert shown["tracks"][0]["winner"]["seed"] == 2**53 - 1
    assert shown["tracks"][0]["title"] == "</script>\u202e 夜 🚌"


def test_documents_from_before_later_fields_keep_their_digest() -> None:
    plain = document()
    assert plain.digest == "5872cc0bc7c7b0dbc38372b5475141b509757d65fba7be647816881150e0eedb"
    assert "checks" not in json.loads(plain.to_json())["tracks"][0]


def test_what_later_fields_say_is_written_and_read_back(tmp_path: Path) -> None:
    check = Check(
        file="master", check="clicks", verdict="warn", value=1, limit=0, unit="", sentence="One click at 0:03."
    )
    more = track(1, explicit=False, gap_s=2.0, checks=(check,), credits=(Credit(role="producer", name="Ada Vale"),))
    path = tmp_path / "release.json"
    path.write_bytes(document(tracks=[more]).to_json())
    read = ReleaseDocument.read(path).tracks[0]
    assert (read.explicit, read.gap_s, read.checks, read.credits) == (False, 2.0, (check,), more.credits)


def test_the_digest_is_of_the_content_alone() -> None:
    digest = document().digest
    assert document(build=2, songline_version="0.2.0").digest == digest
    assert document(tracks=[track(2), track(1)]).digest == digest
    assert (
        document(files=[file("a.cue"), file("b.json")]).digest == document(files=[file("b.json"), file("a.cue")]).digest
    )
    different = [
        document(album=ALBUM.model_copy(update={"title": "Other"})),
        document(tracks=[track(1)]),
        document(tracks=[track(1, title="Renamed"), track(2)]),
        document(files=[file("night-bus.cue")]),
    ]
    assert len({digest, *(each.digest for each in different)}) == 5


def test_every_file_is_named_once() -> None:
    with_parts = track(1, stems={"mix": file("stems/mix.wav")}, lyrics=file("lyrics/01.lrc"), midi=file("midi/01.mid"))
    whole = document(
        album=ALBUM.model_copy(update={"cover": file("cover.jpg")}), tracks=[with_parts], files=[file("night-bus.cue")]
    )
    paths = [each.path for each in whole.all_files]
    assert paths == ["cover.jpg", "night-bus.cue", "wav24/01.wav", "stems/mix.wav", "lyrics/01.lrc", "midi/01.mid"]
    with pytest.raises(ValidationError, match="two files have one path"):
        document(files=[file("wav24/01.wav")])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_reading_is_a_number_or_nothing(value: float) -> None:
    with pytest.raises(ValidationError):
        Readings(integrated_lufs=value, true_peak_dbtp=None)


def test_a_document_changed_by_hand_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "release.json"
    path.write_bytes(document().to_json().replace(b"Night Bus", b"Knight Bus"))
    with pytest.raises(InputError, match="digest does not fit"):
        ReleaseDocument.read(path)
    path.write_bytes(b"{}")
    with pytest.raises(InputError, match="no release document"):
        ReleaseDocument.read(path)
    with pytest.raises(InputError, match="cannot be read"):
        ReleaseDocument.read(tmp_path / "nowhere.json")
