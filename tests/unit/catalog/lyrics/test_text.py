"""Plain lyrics: sections, stanzas, and the way to LRC and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.lyrics.lines import LyricsError
from catalog.lyrics.lrc import parse_lrc
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.reading import is_stamped, read_lyrics, stored_lyrics
from catalog.lyrics.sections import section_kind
from catalog.lyrics.sung_marks import sung_mark_warnings
from catalog.lyrics.text import parse_text

SONG = """[ti:Last Bus]
[Intro]

[Verse 1]
First line
Second line


(Chorus)
Third line (oh)

Verse 2:
Fourth line
[Outro]
"""


def test_sections_and_stanzas_are_kept() -> None:
    lyrics = parse_text(SONG)
    assert not lyrics.timed
    assert [(line.text, line.section, line.line) for line in lyrics.lines] == [
        ("", "Intro", 2),
        ("", "", 0),
        ("First line", "Verse 1", 5),
        ("Second line", "", 6),
        ("", "", 0),
        ("Third line (oh)", "Chorus", 10),
        ("", "", 0),
        ("Fourth line", "Verse 2", 13),
        ("", "", 0),
        ("", "Outro", 14),
    ]
    assert lyrics.tags == {"ti": "Last Bus"}


def test_the_text_is_written_in_one_form() -> None:
    text = (
        "[Intro]\n\n[Verse 1]\nFirst line\nSecond line\n\n[Chorus]\nThird line (oh)\n\n"
        "[Verse 2]\nFourth line\n\n[Outro]\n"
    )
    assert parse_text(SONG).to_text() == text
    assert stored_lyrics(parse_text(SONG).to_lrc(with_tags=True)) == parse_text(SONG)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "no line has words"),
        ("\n\n", 1, "no line has words"),
        ("Words\n[softly, at night]\nmore", 2, "names no section"),
        ("Words\x07", 1, "control character"),
        ("a" * 400, 1, "characters, more than"),
        ("\n".join("a" for _ in range(1001)), 1001, "more than 1000 lines"),
    ],
)
def test_faults_are_told_with_their_line(text: str, line: int, said: str) -> None:
    with pytest.raises(LyricsError) as caught:
        parse_text(text)
    assert (caught.value.faults[0].line, said in caught.value.faults[0].what) == (line, True)


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("verse", "verse"),
        ("Verse 2", "verse"),
        ("VERSE II", "verse"),
        ("Pre Chorus", "pre-chorus"),
        ("pre-chorus", "pre-chorus"),
        ("Final Chorus x2", "chorus"),
        ("Chorus - female voice, whispered", "chorus"),
        ("verse: softly", "verse"),
        ("Guitar Solo", "solo"),
        ("Refrain", "chorus"),
        ("副歌", "chorus"),
        ("Куплет 1", "verse"),
        ("Strophe 2", "verse"),
        ("Couplet", "verse"),
        ("Estribillo", "chorus"),
        ("Introducción", "intro"),
        ("REFRÄNG", "chorus"),
        ("ΡΕΦΡΕΝ", "chorus"),
        ("Điệp khúc", "chorus"),
        ("Phiên khúc 2", "verse"),
        ("בית א׳", "verse"),
        ("בַּיִת", "verse"),
        ("פזמון חוזר", "chorus"),
        ("המעבר", None),
        ("المقطع الأول", "verse"),
        ("مقطع ٢", "verse"),
        ("لازمة", "chorus"),
        ("ترجیع\u200cبند", "chorus"),
        ("मुखड़ा", "chorus"),
        ("अंतरा 1", "verse"),
        ("பல்லவி", "chorus"),
        ("ท่อนฮุก", "hook"),
        ("Build-up", "build"),
        ("fade out", "outro"),
        ("Lena", None),
        ("We met upon the bridge", None),
        ("", None),
        ("2", None),
    ],
)
def test_kinds_of_sections(label: str, kind: str | None) -> None:
    assert section_kind(label) == kind


def test_marks_written_from_right_to_left_begin_their_sections() -> None:
    text = "[בית א׳]\nאור קטן דולק\n\n[\u200fפזמון\u200f]\nשיר לילה\n\n(لازمة)\nيا ليل\n"
    assert [(line.section, line.text) for line in parse_text(text).sung] == [
        ("בית א׳", "אור קטן דולק"),
        ("פזמון", "שיר לילה"),
        ("لازمة", "يا ليل"),
    ]
    assert stored_lyrics(parse_text(text).to_text()) == parse_text(text)
    (line,) = parse_lrc("[00:05.00][פזמון]שיר לילה").lines
    assert (line.section, line.text) == ("פזמון", "שיר לילה")


@pytest.mark.parametrize("line", ["(בית)", "(break)", "(the end)", "(Bridge of sighs)", "(oh oh)", "Listen:"])
def test_words_in_parentheses_are_sung(line: str) -> None:
    assert [found.text for found in parse_text(f"A\n{line}").lines] == ["A", line]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Chorus: come home", "Chorus"),
        ("(Verse 2) come home", "Verse 2"),
        ("[00:05.00]Chorus: come home", "Chorus"),
        ("[00:05.00]פזמון: שיר לילה", "פזמון"),
        ("Mother: come home", None),
        ("Cross the bridge: come home", None),
        ("(Oh) come home", None),
        ("[Chorus]come home", None),
    ],
)
def test_a_mark_before_its_words_is_warned_of_as_sung(text: str, label: str | None) -> None:
    warnings = sung_mark_warnings(read_lyrics(f"{text}\n"))
    assert [line for line, _ in warnings] == ([1] if label else [])
    if label:
        assert warnings[0][1].endswith(f"is sung with {label!r}. Write [{label}] for a section's mark.")


def test_marks_stand_before_their_line_or_with_a_time_of_their_own() -> None:
    lyrics = parse_lrc(
        "[Verse 1]\n[00:05.00]one\n[00:10.00][Chorus]\n[00:10.00]two\n[00:20.00][Solo]\n[00:30.00][Verse 2] three\n"
        "(Bridge)\n[00:40.00][00:50.00]four"
    )
    assert [(line.start_s, line.text, line.section) for line in lyrics.lines] == [
        (5.0, "one", "Verse 1"),
        (10.0, "two", "Chorus"),
        (20.0, "", "Solo"),
        (30.0, "three", "Verse 2"),
        (40.0, "four", "Bridge"),
        (50.0, "four", "Bridge"),
    ]
    assert stored_lyrics(lyrics.to_lrc()) == lyrics


def test_a_first_mark_without_a_line_begins_the_song() -> None:
    assert parse_lrc("[Intro]\n[Verse]\n[00:05.00]one").lines[0] == LyricLine(0.0, "", 1, "Intro")


def test_marks_are_part_of_the_identity_where_there_are_any() -> None:
    bare, marked = parse_lrc("[00:05.00]one"), parse_lrc("[Verse]\n[00:05.00]one")
    assert bare.digest != marked.digest
    assert bare.digest == parse_lrc("[00:05.00] one \n").digest


def test_times_are_dropped_and_stanzas_kept() -> None:
    lyrics = parse_lrc("[Verse]\n[00:05.00]one\n[00:09.00]two\n[00:11.00]\n[00:15.00]three\n[00:18.00][Chorus]four")
    assert lyrics.untimed().to_text() == "[Verse]\none\ntwo\n\nthree\n\n[Chorus]\nfour\n"
    assert lyrics.untimed().earlier(3.0) == lyrics.untimed()


@pytest.mark.parametrize(
    ("text", "stamped"),
    [
        ("one\n[00:01.00]two", True),
        ("[0:99]one", True),
        ("[-1:00.00]one", True),
        ("[Verse]\none", False),
        ("one [00:01.00]", False),
        ("[2 times]\none", False),
    ],
)
def test_stamps_tell_the_form(text: str, stamped: bool) -> None:
    assert is_stamped(text) is stamped


WORDS = st.text(alphabet="abc äß中あ", min_size=1, max_size=8).map(lambda text: " ".join(text.split())).filter(bool)
LABELS = st.sampled_from(["", "Verse 1", "Chorus", "Bridge", "Solo", "副歌"])


@given(st.lists(st.tuples(LABELS, WORDS | st.just("")), min_size=1, max_size=12))
def test_text_is_read_as_it_was_written(entries: list[tuple[str, str]]) -> None:
    text = "\n".join(part for label, words in entries for part in ([f"[{label}]"] if label else []) + [words])
    try:
        lyrics = read_lyrics(text)
    except LyricsError:
        assert not any(label or words for label, words in entries)
        return
    assert stored_lyrics(lyrics.to_lrc(with_tags=True)) == lyrics
    assert stored_lyrics(lyrics.to_lrc()).digest == lyrics.digest


@given(st.lists(st.tuples(LABELS, WORDS | st.just("")), min_size=1, max_size=12))
def test_lrc_is_read_as_it_was_written(entries: list[tuple[str, str]]) -> None:
    lines = tuple(LyricLine(float(3 * number), words, 0, label) for number, (label, words) in enumerate(entries))
    lyrics = Lyrics(lines)
    assert stored_lyrics(lyrics.to_lrc()) == lyrics
    assert stored_lyrics(lyrics.untimed().to_lrc() or "[Verse]").timed is False


def test_a_mark_with_a_colon_is_no_tag_in_either_form() -> None:
    text = parse_text("[Verse: softly]\nwords")
    timed = parse_lrc("[Verse: softly]\n[00:01.00]words\n[ti:Title]")
    assert [line.section for line in (*text.lines, *timed.lines)] == ["Verse: softly", "Verse: softly"]
    assert (text.tags, timed.tags) == ({}, {"ti": "Title"})
    assert stored_lyrics(timed.to_lrc()).digest == timed.digest


def test_a_tag_named_like_a_section_stays_a_tag_where_no_line_follows_it() -> None:
    lyrics = parse_lrc("[Intro: strings]\n[final: yes]\n[00:01.00]words\n[Outro: fading]\n")
    assert lyrics.lines == (LyricLine(1.0, "words", section="final: yes"),)
    assert lyrics.tags == {"intro": "strings", "outro": "fading"}
    assert stored_lyrics(lyrics.to_lrc(with_tags=True)) == lyrics
    assert stored_lyrics(lyrics.untimed().to_lrc(with_tags=True)).digest == lyrics.untimed().digest
