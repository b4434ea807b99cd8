"""Songs without words, and deliverables of single songs, as a manifest may ask for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.album.album import Album
from catalog.album.document import album_of, manifest_document
from tests.support.manifests import faults_of, load

HEAD = "schema_version: 1\nalbum: {title: Night Bus, artist: Ada Vale}\nstems: native\n"
SUNG = '  - {title: Sung, prompt: pop, lyrics: "[00:10.00]First line\\n[00:14.50]Second line"}\n'


def album(folder: Path, songs: str, *, deliverables: str = "[wav24]") -> Album:
    return load(folder, f"{HEAD}deliverables: {deliverables}\nsongs:\n{songs}")


@pytest.mark.parametrize("said", ["", ", instrumental: true"])
def test_a_song_without_lyrics_is_a_song_without_words(tmp_path: Path, said: str) -> None:
    (song,) = album(tmp_path, f"  - {{title: Night Shift, prompt: pop{said}}}\n").songs
    assert song.instrumental
    assert song.lyrics.lines == ()


@pytest.mark.parametrize("stated", ["", ", deliverables: [wav24, flac24]"])
def test_it_is_stored_and_read_again(tmp_path: Path, stated: str) -> None:
    read = album(tmp_path, SUNG + f"  - {{title: Night Shift, prompt: pop{stated}}}\n")
    assert album_of(manifest_document(read)).songs == read.songs


def test_what_older_manifests_say_has_the_document_it_had(tmp_path: Path) -> None:
    document = manifest_document(album(tmp_path, SUNG))
    assert "wav" not in document
    assert "deliverables" not in document["songs"][0]


@pytest.mark.parametrize(
    ("song", "words"),
    [
        ('{title: A, prompt: pop, instrumental: true, lyrics: "[00:10.00]A\\n[00:14.00]B"}', "it is not instrumental"),
        ("{title: A, prompt: pop, instrumental: false}", "has no lyrics"),
        ("{title: A, prompt: pop, deliverables: [wav24, acapella]}", "so no acapella is made. Remove it."),
        ("{title: A, prompt: pop, deliverables: [wav25]}", "there is no deliverable 'wav25'"),
        ("{title: A, prompt: pop, deliverables: [wav24, wav24]}", "wav24 occurs twice"),
    ],
)
def test_what_cannot_be_is_told_at_once(tmp_path: Path, song: str, words: str) -> None:
    (fault,) = faults_of(tmp_path, f"{HEAD}songs:\n  - {song}\n")
    assert fault.startswith("album.yaml:5: songs[0]")
    assert words in fault


def test_the_albums_versions_of_the_voice_are_left_out_for_it_and_that_is_said(tmp_path: Path) -> None:
    read = album(tmp_path, SUNG + "  - {title: Night Shift, prompt: pop}\n", deliverables="[wav24, acapella]")
    assert [read.deliverables_of(song) for song in read.songs] == [("wav24", "acapella"), ("wav24",)]
    (warning,) = read.warnings
    assert "songs[1]: The song has no words, so acapella is not made of it." in warning


def test_an_album_of_nothing_but_voices_delivers_nothing_of_it(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, f"{HEAD}deliverables: [acapella]\nsongs:\n  - {{title: A, prompt: pop}}\n")
    assert "delivers nothing but acapella" in fault


def test_lyrics_that_cannot_be_read_are_no_missing_lyrics(tmp_path: Path) -> None:
    (fault,) = faults_of(
        tmp_path, f"{HEAD}deliverables: [acapella]\nsongs:\n  - {{title: A, prompt: pop, lyrics: gone.lrc}}\n"
    )
    assert "gone.lrc" in fault


def test_a_text_without_a_stamp_says_how_to_have_no_words(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, f'{HEAD}songs:\n  - {{title: A, prompt: pop, lyrics: "[ti:A]\\n[ar:B]"}}\n')
    assert "a song without words has no `lyrics`" in fault


def test_a_song_may_have_deliverables_of_its_own(tmp_path: Path) -> None:
    read = album(tmp_path, SUNG.replace("prompt", "deliverables: [mp3_320], prompt"))
    assert read.deliverables_of(read.songs[0]) == ("mp3_320",)


def test_wav_files_may_be_bare(tmp_path: Path) -> None:
    read = load(tmp_path, f"{HEAD}wav: {{tags: none}}\nsongs:\n{SUNG}")
    assert read.wav_tags == "none"
    assert album_of(manifest_document(read)).wav_tags == "none"
    (fault,) = faults_of(tmp_path, f"{HEAD}wav: {{tags: some}}\nsongs:\n{SUNG}")
    assert "wav.tags" in fault
