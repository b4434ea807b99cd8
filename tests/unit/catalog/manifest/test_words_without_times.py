"""Lyrics without times in a manifest: timed for engines that need times, kept for the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from catalog.album.album import Album
from catalog.album.document import album_of, manifest_document
from catalog.common.errors import ManifestError
from catalog.lyrics.reading import read_lyrics
from catalog.lyrics.timing.times import time_lyrics
from catalog.manifest.context import Vocabulary
from catalog.manifest.loader import load_manifest


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


VOCABULARY = Vocabulary(
    engines={"keeps": _Settings, "chooses": _Settings},
    metrics={},
    deliverables=frozenset({"wav24", "flac24", "mp3_320"}),
    stem_models=frozenset(),
    default_engine="keeps",
    untimed=frozenset({"chooses"}),
)
WORDS = "[Verse]\nThe last bus carries half a load\nOf people waiting for the sun\n\n[Chorus]\nHold on\n"


def album_with(
    folder: Path, fields: str, words: str = WORDS, *, prompt: str = "pop", lyrics: str = "words.txt"
) -> Album:
    (folder / "words.txt").write_text(words)
    manifest = folder / "album.yaml"
    head = "schema_version: 1\nalbum: {title: A, artist: B}\n"
    manifest.write_text(f"{head}songs:\n  - title: A\n    lyrics: {lyrics}\n    prompt: {prompt}\n    {fields}\n")
    return load_manifest(manifest, VOCABULARY)


def faults_of(folder: Path, fields: str, words: str = WORDS) -> tuple[str, ...]:
    with pytest.raises(ManifestError) as caught:
        album_with(folder, fields, words)
    return caught.value.faults


def test_words_are_timed_at_the_songs_tempo_and_length(tmp_path: Path) -> None:
    album = album_with(tmp_path, "bpm: 120")
    expected = time_lyrics(read_lyrics(WORDS), bpm=120, length_s=95).lyrics
    assert album.songs[0].lyrics.digest == expected.digest
    assert [line.line for line in album.songs[0].lyrics.sung] == [2, 3, 6]
    assert album.songs[0].bpm == 120
    assert album_of(manifest_document(album)).songs[0].lyrics.digest == expected.digest


def test_the_tempo_of_the_prompt_counts_where_the_field_is_left_out(tmp_path: Path) -> None:
    song = album_with(tmp_path, "length_s: 60", prompt="folk, 80 BPM").songs[0]
    assert song.lyrics.digest == time_lyrics(read_lyrics(WORDS), bpm=80, length_s=60).lyrics.digest
    assert song.bpm is None


def test_a_song_without_a_tempo_gets_that_of_its_times(tmp_path: Path) -> None:
    album = album_with(tmp_path, "language: en")
    assert album.songs[0].bpm == 96
    assert album.songs[0].lyrics.digest == time_lyrics(read_lyrics(WORDS), bpm=96, length_s=95).lyrics.digest
    (hint,) = album.hints
    assert "96 BPM, the song's tempo from now on, as it states none" in hint
    assert "`songline lyrics time words.txt --bpm 96 --length 95 --out words.lrc`" in hint
    assert not album.warnings


def test_a_hint_names_the_file_as_a_shell_reads_it_and_the_language(tmp_path: Path) -> None:
    (tmp_path / "my words.txt").write_text("Hallo Welt, wie geht es dir")
    (hint,) = album_with(tmp_path, "language: de", lyrics="my words.txt").hints
    assert "time 'my words.txt' --bpm 96 --length 95 --language de --out 'my words.lrc'`" in hint


def test_words_in_the_manifest_are_put_into_a_file_first(tmp_path: Path) -> None:
    (hint,) = album_with(tmp_path, "bpm: 90", lyrics='"Hold on\\nWe are nearly home"').hints
    assert "put the words into a file and run `songline lyrics time words.txt --bpm 90 " in hint


def test_an_engine_that_chooses_its_times_keeps_the_text(tmp_path: Path) -> None:
    album = album_with(tmp_path, "engine: chooses")
    song = album.songs[0]
    assert not song.lyrics.timed
    assert song.lyrics.to_text() == WORDS
    assert song.bpm is None
    assert not album.hints


def test_one_engine_of_several_that_keeps_times_is_enough(tmp_path: Path) -> None:
    song = album_with(tmp_path, "engines: [chooses, keeps]").songs[0]
    assert song.lyrics.timed
    assert song.rendered_by("keeps").lyrics.timed
    assert song.rendered_by("chooses").lyrics.to_text() == WORDS


STANZAS = "one line\nand two\n\nthree lines\nand four\n\n\nfive\n"


def test_what_an_engine_without_times_gets_does_not_depend_on_the_others(tmp_path: Path) -> None:
    alone = album_with(tmp_path, "engine: chooses\n    bpm: 150", STANZAS).songs[0]
    album = album_with(tmp_path, "engines: [chooses, keeps]\n    bpm: 150", STANZAS)
    stored = album_of(manifest_document(album)).songs[0]
    for song in (album.songs[0], stored):
        assert song.lyrics.timed
        assert [variant.lyrics.timed for variant in song.for_engines()] == [False, True]
        assert song.for_engines()[0].lyrics == song.rendered_by("chooses").lyrics == alone.lyrics
    assert "words" not in manifest_document(album_with(tmp_path, "engines: [keeps]", STANZAS))["songs"][0]


def test_words_that_do_not_fit_name_the_length_that_is_enough(tmp_path: Path) -> None:
    words = "I told you everything that I remember of the house\n" * 8
    (fault,) = faults_of(tmp_path, "bpm: 70\n    length_s: 30", words)
    assert fault.startswith("album.yaml:5: songs[0].lyrics: the words need at least 35 s at 70 BPM (")
    length_s = int(fault.partition("`length_s: ")[2].partition("`")[0])
    assert f"at 70 BPM ({length_s} s with pauses), and the song has 30 s" in fault
    album = album_with(tmp_path, f"bpm: 70\n    length_s: {length_s}", words)
    assert album.songs[0].lyrics.timed


def test_words_that_no_song_has_room_for_are_to_be_shortened(tmp_path: Path) -> None:
    words = "I told you everything that I remember of the house\n" * 200
    (fault,) = faults_of(tmp_path, "bpm: 100", words)
    assert fault.endswith("Shorten the words.")


@pytest.mark.parametrize("engine", ["keeps", "chooses"])
@pytest.mark.parametrize("words", ["[Instrumental]\n", "[Intro]\n[Guitar Solo]\n\n[Outro]\n"])
def test_marks_of_instrumental_sections_alone_make_a_song_without_words(
    tmp_path: Path, engine: str, words: str
) -> None:
    album = album_with(tmp_path, f"engine: {engine}", words)
    assert album.songs[0].instrumental
    assert not album.songs[0].lyrics.lines
    assert (album.warnings, album.hints) == ((), ())


@pytest.mark.parametrize("words", ["[Verse]\n\n[Chorus]\n", "[Intro]\n[Verse]\n", "[00:01.00][Verse]\n[00:09.00]\n"])
def test_marks_of_sung_sections_without_words_are_warned_of(tmp_path: Path, words: str) -> None:
    album = album_with(tmp_path, "bpm: 96", words)
    (warning,) = album.warnings
    line = 2 if words.startswith("[Intro]") else 1
    assert warning.startswith(f"words.txt:{line}: [Verse] has no words, and no line has: the song is an instrumental.")
    assert album.songs[0].instrumental
    assert album_with(tmp_path, "instrumental: true", words).warnings == ()


def test_a_song_that_is_to_be_sung_needs_a_line_with_words(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, "instrumental: false", "[Verse]\n")
    assert "`instrumental` is false, and no line of the lyrics has words" in fault


def test_a_bad_tempo_or_length_is_the_only_fault(tmp_path: Path) -> None:
    assert [fault.split(": ")[1] for fault in faults_of(tmp_path, "bpm: 5")] == ["songs[0].bpm"]
    assert [fault.split(": ")[1] for fault in faults_of(tmp_path, "length_s: 1")] == ["songs[0].length_s"]


def test_a_stamped_mark_in_parentheses_is_warned_of(tmp_path: Path) -> None:
    album = album_with(tmp_path, "bpm: 96", "[00:10.00]words are here\n[00:20.00](Bridge)\n[00:22.00]and here\n")
    (warning,) = album.warnings
    assert warning == "words.txt:2: [00:20.00] '(Bridge)' is sung as words. Write [Bridge] for a section's mark."
