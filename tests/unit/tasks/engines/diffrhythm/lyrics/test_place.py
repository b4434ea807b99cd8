"""Lyrics on frames: nothing is lost in silence, and what is changed is told."""

from __future__ import annotations

import json

import pytest

from catalog.common.errors import InputError
from catalog.lyrics.lrc import parse_lrc
from catalog.lyrics.lyrics import LyricLine, Lyrics
from tasks.engines.diffrhythm.lyrics.place import place_lyrics, place_original, placed, preview, warnings
from tasks.engines.diffrhythm.lyrics.timing import duration_of, frames_of
from tasks.phonemes.kana import kana_phones
from tasks.phonemes.symbols.vocabulary import load_vocabulary
from tests.support.diffrhythm.frames import in_frames
from tests.support.diffrhythm.lyric_readers import data, reader
from tests.unit.tasks.engines.diffrhythm.lyrics.placed import said, song


def test_a_song_is_placed_line_by_line() -> None:
    placement = song("[00:10.00]Love\n[00:12.00]\n[00:20.00]Go\n")
    love, rest, go = placement.lines
    assert placement.frames == 2048
    assert placement.runs == [
        [215, [*reader().tokens("Love", "en").tokens, 2]],
        [430, [*reader().tokens("Go", "en").tokens, 2]],
    ]
    assert (love.first_frame, love.end_frame, love.phones) == (215, 219, ("l", "ʌ", "v"))
    assert (rest.first_frame, rest.end_frame, rest.phones, rest.notes) == (258, 258, (), ())
    assert (go.line, go.text, go.start_s) == (3, "Go", 20.0)
    assert warnings(placement) == ()
    assert set(placement.versions) == {"espeak-ng", "phonemizer"}


def test_the_last_line_is_kept_on_the_base_model() -> None:
    lines = parse_lrc("[00:10.00]Love\n[00:20.00]Go\n").lines
    read = [(line, reader().tokens(line.text, "en")) for line in lines]
    assert len(placed(read, frames=2048, length_s=95).runs) == 2
    dropped = placed(read, frames=2048, length_s=95, drop_last=True)
    assert len(dropped.runs) == 1
    assert "is not sung" in said(dropped, 2)


@pytest.mark.slow
def test_the_original_way_is_there_too() -> None:
    lyrics = parse_lrc("[00:10.00]不\n[00:11.00]\n[00:20.00]Go\n[00:30.00]Love\n")
    base = place_original(lyrics, reader(), length_s=95, language="zh")
    assert base.runs == [[215, [2]], [430, [*reader().tokens("Go", "en").tokens, 2]]]
    assert "[00:30.00] is not sung, because the original leaves out" in said(base, 4)
    assert len(place_original(lyrics, reader(), length_s=96, language="zh").runs) == 3
    with pytest.raises(InputError, match=r"\[00:10\.00\] has neither English nor Chinese letters"):
        place_original(parse_lrc("[00:10.00]1987\n"), reader(), length_s=95, language="en")


def test_runs_are_json_and_fill_the_frames() -> None:
    placement = song("[00:01.00]Every river knows\n[00:01.20]the way\n[00:30.00]home\n", length_s=130)
    assert json.loads(json.dumps(placement.runs)) == placement.runs
    row = in_frames(placement.runs, placement.frames)
    assert len(row) == placement.frames == 2799
    for line in placement.lines:
        tokens = reader().tokens(line.text, "en").tokens
        assert tuple(row[line.first_frame : line.end_frame]) == (*tokens, 2)


def test_a_line_that_is_pushed_late_is_told_in_seconds() -> None:
    placement = song("[00:01.00]Every river knows the way back home to you\n[00:01.50]Go\n[00:09.00]Love\n")
    late = placement.lines[1]
    assert late.late_frames == late.first_frame - late.wanted_frame > 0
    assert f"[00:01.50] begins {late.late_s:.1f} s late, because [00:01.00]" in said(placement, 2)
    assert said(placement, 1) == said(placement, 3) == ""


def test_a_push_that_no_ear_hears_is_not_told() -> None:
    placement = song("[00:01.00]Go\n[00:01.10]Love\n")
    assert placement.lines[1].late_frames == 1
    assert warnings(placement) == ()


def test_what_runs_past_the_end_is_told() -> None:
    placement = song("[01:34.90]Every river knows the way\n[01:34.95]Love\n")
    first, second = placement.lines
    assert first.end_frame == placement.frames
    assert 0 < first.lost_tokens < len(first.phones)
    assert f"loses the last {first.lost_tokens - 1} of its" in said(placement, 1)
    assert second.lost_tokens == 4
    assert "[00:" not in said(placement, 2)
    assert "is not sung, because the song is over" in said(placement, 2)


def test_a_line_after_the_end_is_told() -> None:
    placement = place_lyrics(Lyrics((LyricLine(96.0, "Love", 7),)), reader(), length_s=95, language="en")
    assert placement.runs == []
    assert "[01:36.00] is not sung" in said(placement, 7)


def test_a_line_that_loses_only_its_full_stop_says_so() -> None:
    placement = song("[01:34.97]Love\n")
    assert placement.lines[0].lost_tokens == 1
    assert "ends exactly where the song ends" in said(placement, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "same", "name"), [("en", "fifty percent", "English"), ("zh-CN", "百分之五十", "Chinese")]
)
def test_digits_alone_are_read_in_the_language_of_the_song(language: str, same: str, name: str) -> None:
    placement = song("[00:10.00]50%\n", language=language)
    assert placement.runs[0][1][:-1] == list(reader().tokens(same, language).tokens)
    assert f"[00:10.00] has digits and no letters; they are read as {name} words" in said(placement, 1)


def test_foreign_and_full_width_digits_and_letters_are_read_as_ascii() -> None:
    assert reader().tokens("１２ ｍｏｏｎｓ", "en").tokens == reader().tokens("12 moons", "en").tokens
    assert reader().tokens("٣", "en").tokens == reader().tokens("3", "en").tokens
    assert reader().tokens("二〇二四", "zh").tokens == reader().tokens("二零二四", "zh").tokens


@pytest.mark.parametrize("text", ["9" * 60, "£" + "9" * 60, "1/" + "9" * 60, "9" * 60 + "th", "$1.2.3", "$0.00", "9/0"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_number_is_too_odd_to_sing(text: str, language: str) -> None:
    assert reader().tokens(text, language).tokens


@pytest.mark.parametrize(
    ("kana", "phones"),
    [
        ("さくら", "s ɑː k uː ɾ ɑː"),
        ("きょう", "k j oʊ uː"),
        ("しゃしん", "ʃ ɑː ʃ iː n"),
        ("がっこう、", "ɡ ɑː k oʊ uː ,"),
        ("パーティー", "p ɑː t iː"),
        ("ﾊﾟｰﾃｨｰ", "p ɑː t iː"),
        ("ウィスキー", "w iː s uː k iː"),
        ("ヴァイオリン", "v ɑː iː oʊ ɾ iː n"),
        ("ゃ", "j ɑː"),
    ],
)
def test_kana_are_read_mora_by_mora(kana: str, phones: str) -> None:
    assert kana_phones(kana) == phones.split()


def test_every_kana_has_phones_that_the_model_knows() -> None:
    vocabulary = load_vocabulary(data().path("vocab.json"))
    silent = {"っ", "ッ", "ー"}
    for character in map(chr, (*range(0x3041, 0x3097), *range(0x30A1, 0x30F7), *range(0xFF71, 0xFF9E))):
        phones = kana_phones(character)
        assert not vocabulary.tokens(phones)[1], character
        assert phones or character in silent, character


def test_kana_are_told_and_their_digits_and_words_are_read_too() -> None:
    placement = song("[00:10.00]3時 きみと dance\n")
    phones = placement.lines[0].phones
    assert phones == (
        *reader().tokens("3時", "en").phones, "k", "iː", "m", "iː", "t", "oʊ", *reader().tokens("dance", "en").phones
    )  # fmt: skip
    assert "[00:10.00] has kana, read syllable by syllable and its ideographs as Chinese" in said(placement, 1)
    only = reader().tokens("きみは3", "en")
    assert only.phones == ("k", "iː", "m", "iː", "h", "ɑː", *reader().tokens("three", "en").phones)


@pytest.mark.parametrize("text", ["Привет", "안녕하세요", "مرحبا", "γεια"])
def test_other_scripts_are_told_and_leave_no_trace(text: str) -> None:
    placement = song(f"[00:10.00]{text}\n[00:20.00]{text} love\n")
    assert placement.runs == [[430, [*reader().tokens("love", "en").tokens, 2]]]
    assert "cannot be read" in said(placement, 1)
    assert "[00:10.00] gives no phonemes" in said(placement, 1)
    assert text[0] in said(placement, 2)
    assert "gives no phonemes" not in said(placement, 2)


@pytest.mark.parametrize("text", ["...", "♪ ♪", "!?", "-", "(…)"])
def test_a_line_without_words_is_told(text: str) -> None:
    placement = song(f"[00:10.00]{text}\n")
    assert placement.runs == []
    assert "[00:10.00] has no words" in said(placement, 1)


def test_accented_latin_letters_belong_to_their_word() -> None:
    assert reader().tokens("été", "en").phones == ("eɪ", "t", "eɪ")
    mixed = reader().tokens("爱 été", "zh")
    assert [segment.language for segment in mixed.segments] == ["zh", "en"]
    assert mixed.phones[-3:] == ("eɪ", "t", "eɪ")


def test_languages_may_change_within_a_line() -> None:
    spoken = reader().tokens("Hello你好world", "en")
    assert [tuple(segment) for segment in spoken.segments] == [("Hello", "en"), ("你好", "zh"), ("world", "en")]
    assert spoken.phones[4] == "_"
    assert set(spoken.versions) == {"espeak-ng", "phonemizer", "jieba", "pypinyin"}
    assert set(reader().tokens("12 drummers", "en").versions) == {"espeak-ng", "phonemizer", "inflect"}
    assert "cn2an" in reader().tokens("12月", "zh").versions


@pytest.mark.parametrize(("length_s", "frames"), [(95, 2048), (96, 2067), (130, 2799), (200, 4306), (285, 6136)])
def test_frames_and_duration_of_a_length(length_s: int, frames: int) -> None:
    assert frames_of(length_s) == frames
    assert duration_of(length_s) == pytest.approx(1.0 if length_s == 95 else frames / 6144, abs=5e-4)


@pytest.mark.parametrize("length_s", [0, 94, 286, 3600, 100.5])
def test_other_lengths_are_refused(length_s: int) -> None:
    with pytest.raises(InputError, match="95 to 285 whole seconds"):
        frames_of(length_s)


def test_the_preview_shows_every_line() -> None:
    love, rest, digits = preview(song("[00:10.00]Love\n[00:12.00]\n[00:20.00]7\n"))
    assert (love.stamp, love.text, love.phonemes, love.remarks) == ("[00:10.00]", "Love", "l ʌ v", ())
    assert love.start_s == pytest.approx(10.0, abs=0.05)
    assert love.end_s == pytest.approx(10.0 + 4 * 2048 / 44100, abs=0.05)
    assert (rest.text, rest.phonemes) == ("", "")
    assert len(digits.remarks) == 1
