"""What ``validate`` says of a song's language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog.album.album import Album
from catalog.common.errors import ManifestError
from flows.planning.read_manifest import read_album
from tests.support.albums import album_document, write_album

WORDLESS = {"id": "shift", "title": "Night Shift", "prompt": "ballad, 120 BPM, A minor, instrumental", "seeds": [1]}
WORDS = {"weights": {"lyric_per": 1.0, "lyric_cer": 1.0}}


def read(folder: Path, settings: Any, language: str, *, song: Any = None, selection: Any = WORDS) -> Album:
    songs = [{**(song or album_document()["songs"][0]), "language": language}]
    return read_album(write_album(folder, album_document(songs=songs, selection=selection)), settings)


def about(lines: tuple[str, ...]) -> list[str]:
    return [line.partition(".language: ")[2].partition(" Song:")[0] for line in lines if ".language: " in line]


@pytest.mark.parametrize("language", ["en", "zh-Hans", "de", "pt-BR", "ja", "ger"])
def test_a_language_with_rules_needs_no_remark(tmp_path: Path, settings: Any, language: str) -> None:
    album = read(tmp_path, settings, language)
    assert about(album.warnings) + about(album.hints) == []


def test_a_language_without_rules_is_judged_by_characters(tmp_path: Path, settings: Any) -> None:
    album = read(tmp_path, settings, "th")
    assert about(album.warnings) == []
    assert about(album.hints) == ["There are no rules for the phonemes of Thai: lyric_per counts characters instead."]


def test_a_language_that_is_not_transcribed_has_no_readings(tmp_path: Path, settings: Any) -> None:
    assert about(read(tmp_path, settings, "eo").warnings) == [
        "The judges of lyrics cannot transcribe Esperanto: lyric_cer and lyric_per have no reading, and a gate on it "
        "fails."
    ]


@pytest.mark.parametrize("change", [{"song": WORDLESS}, {"selection": {}}])
def test_where_no_words_are_judged_nothing_is_said(tmp_path: Path, settings: Any, change: Any) -> None:
    album = read(tmp_path, settings, "eo", **change)
    assert about(album.warnings) + about(album.hints) == []


def test_a_code_without_a_name_is_taken_as_it_is(tmp_path: Path, settings: Any) -> None:
    album = read(tmp_path, settings, "qxq", selection={})
    assert album.songs[0].language == "qxq"
    assert "no language of that code" in about(album.warnings)[0]


@pytest.mark.parametrize(("written", "meant"), [("jp", "ja"), ("english", "en"), ("pt_BR", "pt-BR")])
def test_what_is_no_tag_is_refused_with_the_nearest(tmp_path: Path, settings: Any, written: str, meant: str) -> None:
    with pytest.raises(ManifestError, match=f"'{written}' is not a language tag. Did you mean '{meant}'\\?"):
        read(tmp_path, settings, written)


@pytest.mark.parametrize(
    ("engine", "selection", "is_said"),
    [
        ("diffrhythm", {}, True),
        ("diffrhythm", {"gates": {"unwanted_voice_lu": {"max": -20}}}, False),
        ("guide", {}, False),
    ],
)
def test_a_gate_is_advised_where_an_engine_could_sing_without_words(
    tmp_path: Path, settings: Any, engine: str, selection: Any, is_said: bool
) -> None:
    song = WORDLESS | {"engine": engine, "length_s": 95}
    album = read(tmp_path, settings, "en", song=song, selection=selection)
    hints = [line for line in album.hints if "unwanted_voice_lu: {max: -15}" in line]
    assert len(hints) == is_said
