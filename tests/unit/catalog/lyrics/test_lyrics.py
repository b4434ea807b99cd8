"""Strict LRC: what is read, what is refused with its line, and what is doubted."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.lyrics.lines import MAX_LYRICS_BYTES, LyricsError
from catalog.lyrics.lrc import parse_lrc
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.singing_rate import singing_rate_warnings
from catalog.lyrics.syllables import count_syllables


def faults_of(data: bytes | str, *, length_s: float | None = None) -> list[tuple[int, str]]:
    with pytest.raises(LyricsError) as caught:
        parse_lrc(data, length_s=length_s)
    return [(fault.line, fault.what) for fault in caught.value.faults]


def sung(data: bytes | str) -> list[tuple[float, str]]:
    return [(line.start_s, line.text) for line in parse_lrc(data).lines]


def test_reads_stamps_of_every_precision() -> None:
    assert sung("[00:01]a\n[0:02.5]b\n[00:03.25]c\n[01:04.128]d") == [(1.0, "a"), (2.5, "b"), (3.25, "c"), (64.13, "d")]


def test_bom_crlf_blank_lines_and_tags_are_fine() -> None:
    lyrics = parse_lrc(b"\xef\xbb\xbf[ti:Song [live]]\r\n[ar: Ada ]\r\n\r\n[00:01.00] one\ttwo \r\n\r\n")
    assert lyrics.tags == {"ti": "Song [live]", "ar": "Ada"}
    assert lyrics.lines == (LyricLine(1.0, "one two"),)


def test_a_stamp_without_words_is_kept_as_a_rest() -> None:
    lyrics = parse_lrc("[00:01.00]one\n[00:02.00]\n")
    assert [line.text for line in lyrics.lines] == ["one", ""]
    assert [line.text for line in lyrics.sung] == ["one"]


def test_a_line_with_several_stamps_stands_at_each_and_all_are_sorted() -> None:
    assert sung("[00:10.00][00:30.00]chorus\n[00:20.00]verse") == [(10.0, "chorus"), (20.0, "verse"), (30.0, "chorus")]


def test_the_offset_is_worked_into_the_stamps_once() -> None:
    lyrics = parse_lrc("[00:01.00]a\n[offset:+250]")
    assert lyrics.lines[0].start_s == 0.75
    assert parse_lrc(lyrics.to_lrc(with_tags=True)) == lyrics


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[00:01.00]a\nb", 2, "has no stamp"),
        ("[Tired]\n[00:01.00]a", 1, "has no stamp"),
        ("[00:01.00]a\n[Chorus]b", 2, "the line after the mark [Chorus] has no stamp"),
        ("[00:01.00]a\n[Chorus]\n[Bridge]\n[00:03.00]b", 2, "no line and no time"),
        ("[00:01.00]a\n[Outro]", 2, "no line and no time"),
        ("[ti:x] words\n[00:01.00]a", 1, "has no stamp"),
        ("[00:01:50]a", 1, "two colons"),
        ("[00:60.00]a", 1, "60 seconds or more"),
        ("[-00:01.00]a", 1, "negative"),
        ("[00:nan]a", 1, "not a finite time"),
        ("[nan:00]", 1, "not a finite time"),
        ("[inf:00.00]a", 1, "not a finite time"),
        ("[00:01,50]a", 1, "no stamp"),
        ("[٠٠:٠١.٠٠]a", 1, "has no stamp"),
        ("[00:01.00]a\n[00:01.00]b", 2, "also the time of line 1"),
        ("[00:01.00][00:01.00]a", 1, "occurs twice in the line"),
        ("[00:02.00]a\n[00:01.00]b", 2, "comes after"),
        ("[00:02.00][00:09.00]a\n[00:01.00]b", 2, "comes after"),
        ("[00:01.00", 1, "never closed"),
        ("[00:01.00][softly]", 1, "between the stamp and the words"),
        ("[00:01.00]one <00:01.50>two", 1, "single words"),
        ("[offset:500]\n[00:00.20]a", 2, "before the start"),
        ("[offset:soon]\n[00:01.00]a", 1, "no number of milliseconds"),
        ("[ti:a]\n[ti:b]\n[00:01.00]a", 2, "occurs twice"),
        ("[00:01.00]a\x07", 1, "control character"),
        ("[00:01.00]a\ud800", 1, "control character"),
        ("[00:01.00]" + "a" * 400, 1, "characters, more than"),
        ("", 1, "no line has a stamp"),
    ],
)
def test_faults_are_told_with_their_line(text: str, line: int, said: str) -> None:
    ((number, what),) = faults_of(text)
    assert number == line
    assert said in what


def test_all_faults_are_told_at_once_in_line_order() -> None:
    text = "[00:05.00]ok\nfree\n[00:70.00]x\n[00:04.00]back\n[00:05.00]same"
    assert [line for line, _ in faults_of(text)] == [2, 3, 4, 5]


def test_bytes_that_are_not_utf8_are_told_line_by_line() -> None:
    assert faults_of(b"[00:01.00]a\r\n[00:02.00]\xff\r\n\xc3(\r\n") == [
        (2, "the bytes are not UTF-8"),
        (3, "the bytes are not UTF-8"),
    ]
    assert faults_of("[00:01.00]a".encode("utf-16")) == [(1, "the file is UTF-16, not UTF-8")]


def test_a_stamp_past_the_end_is_a_fault_and_a_rest_at_the_end_is_none() -> None:
    assert "past the song's length of 60 s" in faults_of("[01:00.00]a", length_s=60)[0][1]
    assert "past the song's length" in faults_of("[00:01.00]a\n[01:00.01]", length_s=60)[0][1]
    assert parse_lrc("[00:01.00]a\n[01:00.00]", length_s=60).lines[-1].text == ""


def test_what_is_too_large_is_refused_without_reading_it() -> None:
    assert "more than" in faults_of(b"[" * (MAX_LYRICS_BYTES + 1))[0][1]
    many = "".join(f"[{at // 60:02d}:{at % 60:02d}.00]la\n" for at in range(1001))
    assert "more than 1000 lines" in faults_of(many)[-1][1]


def test_the_digest_hears_words_and_times_and_nothing_else() -> None:
    plain = parse_lrc("[00:01.00]one\n[00:02.00]two")
    assert plain.digest == parse_lrc("[ti:Other]\r\n\r\n[00:01.000]  one\n[00:02]two\n").digest
    assert plain.digest != parse_lrc("[00:01.01]one\n[00:02.00]two").digest
    assert plain.digest != parse_lrc("[00:01.00]one!\n[00:02.00]two").digest


def test_the_error_says_line_fault_and_remedy_and_crosses_processes() -> None:
    with pytest.raises(LyricsError) as caught:
        parse_lrc("[00:01:50]a")
    assert str(caught.value) == "line 1: [00:01:50] has two colons. Write [00:01.50]."
    assert pickle.loads(pickle.dumps(caught.value)).faults == caught.value.faults


words = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="[]<>"), max_size=8)
texts = st.lists(words, max_size=5).map(" ".join)
times = st.lists(st.integers(0, 59_999), min_size=1, max_size=12, unique=True).map(sorted)
tag_values = st.text(st.characters(categories=["L", "N"]), max_size=8)


@pytest.mark.slow
@given(times, st.data(), st.dictionaries(st.sampled_from(["ti", "ar", "by", "re"]), tag_values))
def test_the_normal_form_reads_back_as_the_same(stamps: list[int], data: st.DataObject, tags: dict[str, str]) -> None:
    rows = [f"[{cs // 6000}:{cs // 100 % 60:02d}.{cs % 100:02d}]{data.draw(texts)}\n" for cs in stamps]
    lyrics = parse_lrc("".join([*(f"[{name}:{value}]\n" for name, value in tags.items()), *rows]))
    assert [round(line.start_s * 100) for line in lyrics.lines] == stamps
    assert parse_lrc(lyrics.to_lrc(with_tags=True)) == lyrics
    assert parse_lrc(lyrics.to_lrc().encode()) == Lyrics(lyrics.lines)


def lyrics_or_error(data: bytes | str) -> Lyrics | LyricsError:
    try:
        return parse_lrc(data, length_s=60)
    except LyricsError as error:
        return error


lrc_like = st.lists(
    st.sampled_from([*"[]:.-<>0123456789\n\r\t ", "[00:0", "offset", "nan", "\ufeff", "é", "\x00", "la"])
)


def test_words_move_with_the_silence_that_was_cut_before_them() -> None:
    lyrics = parse_lrc("[00:00.20]a\n[00:00.90]b\n[00:02.00]c\n[00:05.25]")
    assert lyrics.earlier(1.0).to_lrc() == "[00:00.00]a\n[00:00.01]b\n[00:01.00]c\n[00:04.25]\n"
    assert lyrics.earlier(0.0) == lyrics
    assert lyrics.earlier(-0.3).lines[0].start_s == 0.5


@pytest.mark.slow
@given(st.one_of(st.binary(max_size=80), st.text(max_size=80), lrc_like.map("".join)))
def test_whatever_comes_in_only_lyrics_errors_come_out(data: bytes | str) -> None:
    outcome = lyrics_or_error(data)
    if isinstance(outcome, LyricsError):
        assert outcome.faults
    else:
        starts = [line.start_s for line in outcome.lines]
        assert starts == sorted(set(starts))
        assert parse_lrc(outcome.to_lrc(with_tags=True)) == outcome


def test_a_rate_that_nobody_sings_is_doubted_with_its_line() -> None:
    lyrics = parse_lrc(
        "[00:01.00]one two three\n[00:02.00]one two three four five six seven\n\n[00:03.00]" + "la " * 20
    )
    warned = singing_rate_warnings(lyrics, length_s=5, language="en")
    assert [line for line, _ in warned] == [2, 4]
    assert warned[0][1].startswith("[00:02.00] has 8 syllables in 1.0 s, 8.0 a second")
    assert "faster than anyone sings" in warned[1][1]


def test_a_line_with_far_too_much_time_is_doubted_unless_a_rest_follows() -> None:
    lonely = parse_lrc("[00:01.00]one\n[00:20.00]two")
    rested = parse_lrc("[00:01.00]one\n[00:04.00]\n[00:20.00]two")
    assert [line for line, _ in singing_rate_warnings(lonely, length_s=60, language="en")] == [1]
    assert singing_rate_warnings(rested, length_s=60, language="en") == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "language", "syllables"),
    [
        ("The last bus home is rolling through the little streets", "en", 12),
        ("We walked and wanted tables, boxes, rhythm and a radio", "en", 16),
        ("Don't it's couldn't church's", "en", 6),
        ("夜のバス", "ja", 4),
        ("きょう", "ja", 2),
        ("我爱你", "zh", 3),
        ("사랑해요", "ko", 4),
        ("Abend über der Stadt", "de", 6),
        ("La última noche", "es", 6),
        ("Прощай мой город", "ru", 5),
        ("saluton amiko", "xx", 6),
        ("— … !", "en", 0),
        ("", "en", 0),
    ],
)
def test_syllables(text: str, language: str, syllables: int) -> None:
    assert count_syllables(text, language) == syllables


@pytest.mark.slow
@settings(deadline=None)
@given(st.text(max_size=40), st.sampled_from(["en", "de", "ja", "pt-BR", "xx", "zh-Hant-TW"]))
def test_syllables_of_anything_are_counted_without_fail(text: str, language: str) -> None:
    assert 0 <= count_syllables(text, language) <= 4 * len(text)


PLAIN = "[ar:Ada]\n[00:01.00]one\n\n[00:02.50]two"


@pytest.mark.parametrize(
    "text",
    [
        "[ar:Ada]\n[00:01.00]one\n\u00a0\n[00:02.50]two",
        "[ar:Ada]\n[00:01.00]one\n\u200b \ufeff\u200e\n[00:02.50]two",
        "\u200f[ar:Ada]\u200b\n[00:01.00]one\n\ufeff[00:02.50]two",
        "[ar:Ada]\n\u2060\u202f[00:01.00]one\n[\u200e00:02.50\u200e]two",
        "[ar:Ada]\n[0:1.0000]one\n[0:2.5004]two",
        "[ar:Ada]\n[00:1]one\n[0:2.4951]two",
    ],
)
def test_invisible_characters_and_other_widths_of_stamps_are_taken(text: str) -> None:
    assert parse_lrc(text).digest == parse_lrc(PLAIN).digest
    assert parse_lrc(text).tags == parse_lrc(PLAIN).tags
    assert parse_lrc(text.encode()).digest == parse_lrc(PLAIN).digest


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (
            "[00:01.00]\u200bwords\ufeff\n[00:02.00]\u200e\n",
            "6c10ffad6f5af1bd5f773593d164bd34f2dda0bca9e3bc6d1c066ab19ab84241",
        ),
        (
            "[00:01.00]a\u00a0b \u200b[00:02.00]c\n[00:03.005]d\n[00:04.1]\u3000\n",
            "8598f575367e338914e4c1be7a077f7cc057bdc818baf551bec50be9784b01cf",
        ),
    ],
)
def test_what_was_taken_before_keeps_its_identity(text: str, digest: str) -> None:
    assert parse_lrc(text).digest == digest


def test_digits_beyond_the_thousandth_are_not_rounded_twice() -> None:
    assert [round(line.start_s * 100) for line in parse_lrc("[0:0.0049]a\n[0:1.0049999]b\n[0:2.0050]c").lines] == [
        0,
        100,
        201,
    ]


@pytest.mark.parametrize(
    "mark", ["\u034f", "\ufe0f", "\ufff9", "\u3164", "\u2800", "\u180b", "\U000e0020", "\uffa0", "\u115f"]
)
def test_further_marks_that_are_not_drawn_are_left_out(mark) -> None:
    """In front of a stamp, inside it, between two, and on a blank line."""
    text = f"{mark}[00:01.00]a\n{mark}\n[00:{mark}02.00]b\n[00:03.00]{mark}[00:04.00]c\n[offset:0{mark}]"
    lines = [(1.0, "a"), (2.0, "b"), (3.0, "c"), (4.0, "c")]
    assert [(line.start_s, line.text) for line in parse_lrc(text).lines] == lines
    assert parse_lrc(text.encode()).digest == parse_lrc(text).digest


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c"])
def test_line_breaks_of_word_processors_break_lines(mark) -> None:
    lyrics = parse_lrc(f"[00:01.00]a{mark}[00:02.00]b{mark}\n[00:03.00]c")
    assert [(line.start_s, line.text, line.line) for line in lyrics.lines] == [(1, "a", 1), (2, "b", 1), (3, "c", 2)]


def test_marks_that_words_need_stay_in_them() -> None:
    words = ["สวัสดี\u200bครับ", "می\u200cخواهم", "❤\ufe0f", "👩\u200d👧"]
    text = "".join(f"[00:0{place}.00]{word}\n" for place, word in enumerate(words, start=1))
    assert [line.text for line in parse_lrc(text).lines] == words
