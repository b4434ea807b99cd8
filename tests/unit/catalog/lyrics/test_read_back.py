"""Lyrics are stored as they are written, so what is written must be read back as the same lyrics."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.common.errors import InputError
from catalog.lyrics.lines import LyricsError
from catalog.lyrics.lrc import parse_lrc
from catalog.lyrics.reading import read_lyrics, stored_lyrics
from catalog.lyrics.text import parse_text
from catalog.lyrics.timing.times import time_lyrics

PIECES = (
    *("[Verse]", "[chorus]", "(Bridge)", "Verse 2:", "[Verse: soft]", "[hook:x]", "[00:01.00]", "[00:02.50]", "[00:0"),
    *("[ti:a]", "[offset:250]", "[softly]", "[", "]", "(", ")", ":", "<00:01.00>", "la", "x ", " ", "\t", "\n", "\n\n"),
    *("\r", "\u2028", "\x85", "\u00a0", "\u3000", "\u200b", "\ufeff", "\u00ad", "\u202e", "e\u0301", "\ufb1d", "-->"),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_what_is_stored_is_read_back_as_the_same_lyrics(text: str) -> None:
    try:
        lyrics = read_lyrics(text)
    except LyricsError:
        return
    for with_tags in (False, True):
        again = stored_lyrics(lyrics.to_lrc(with_tags=with_tags))
        assert (again.lines, again.timed, again.digest) == (lyrics.lines, lyrics.timed, lyrics.digest)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_words_that_are_given_times_are_read_back_with_them(text: str) -> None:
    try:
        timed = time_lyrics(parse_text(text), bpm=96).lyrics
    except InputError:
        return
    again = stored_lyrics(timed.to_lrc(with_tags=True))
    assert (again.lines, again.digest) == (timed.lines, timed.digest)


@pytest.mark.parametrize("text", ["[softly] la\n", "[Verse 1 la\n", "[Verse] [softly] la\n"])
def test_brackets_that_name_no_section_are_refused_before_words_too(text: str) -> None:
    with pytest.raises(LyricsError, match=r"names no section\. Write a mark"):
        parse_text(text)


def test_stamps_of_single_words_are_refused_in_plain_text() -> None:
    with pytest.raises(LyricsError, match="line 1: the line holds stamps for single words"):
        parse_text("la <00:01.00>la\n")


def test_what_stands_after_a_mark_is_read_like_a_line_of_its_own() -> None:
    lyrics = parse_text("[Intro] [Verse] First\n[Bridge](Chorus)\n[Outro][ti:Dawn]\n")
    assert [(line.section, line.text) for line in lyrics.lines if line.section] == [
        ("Intro", ""),
        ("Verse", "First"),
        ("Bridge", ""),
        ("Chorus", ""),
        ("Outro", ""),
    ]
    assert lyrics.tags == {"ti": "Dawn"}


def test_a_time_after_a_mark_is_refused_with_the_order_to_write() -> None:
    with pytest.raises(LyricsError, match=r"line 1: .*word' is a time after a section's mark\. Put the time first"):
        read_lyrics("[Verse][00:02.50]word\n")


@pytest.mark.parametrize("rest", ["[Chorus] la", "[00:02.00] la", "[ti:x]", "[Chorus", "\u200b[Chorus] la"])
def test_brackets_after_a_mark_in_lrc_are_refused(rest: str) -> None:
    with pytest.raises(LyricsError, match=r"follows the section's mark\. Write the stamps, then one mark"):
        parse_lrc(f"[00:01.00][Verse]{rest}\n")


@pytest.mark.parametrize("indent", ["\u3000", "\u00a0", "\u200b", "\ufeff"])
@pytest.mark.parametrize("mark", ["[Bridge]", "(Bridge)", "Bridge:"])
def test_a_mark_may_be_indented_by_spaces_of_any_script(indent: str, mark: str) -> None:
    lyrics = parse_text(f"Words\n{indent}{mark}{indent}\n{indent}More\n")
    assert [(line.section, line.text) for line in lyrics.sung] == [("", "Words"), ("Bridge", "More")]


def test_an_offset_of_plain_text_does_not_move_the_times_that_it_is_given() -> None:
    timed = time_lyrics(parse_text("[ti:Dawn]\n[offset:250]\nThe words of a song\n"), bpm=96).lyrics
    assert parse_lrc(timed.to_lrc(with_tags=True)).lines == timed.lines


def test_a_tag_that_would_be_read_as_the_first_mark_stands_behind_the_lines() -> None:
    lyrics = parse_lrc("[ti:Dawn]\n[00:01.00]la\n[Verse: soft]\n")
    assert lyrics.tags == {"ti": "Dawn", "verse": "soft"}
    assert lyrics.to_lrc(with_tags=True) == "[ti:Dawn]\n[00:01.00]la\n[verse:soft]\n"


def test_words_that_cannot_be_seen_are_no_line_without_times() -> None:
    assert parse_lrc("[00:01.00]la\u200b\n[00:02.00]\u200b\n").untimed().to_text() == "la\n"
