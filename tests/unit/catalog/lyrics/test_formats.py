"""Lyrics as SubRip, WebVTT and enhanced LRC: what is read, what is refused with its line, and what comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.common.errors import InputError
from catalog.lyrics.formats.formats import FORMATS, format_of, read_any, written
from catalog.lyrics.lines import LyricsError
from catalog.lyrics.lrc import parse_lrc
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.text import parse_text

SRT = """\
1
00:00:12,500 --> 00:00:15,000
[Verse 1]
<i>The last bus</i>

2
00:00:15,000 --> 00:00:17,250
carries half
a load

3
01:00:00.000 --> 01:00:01.000
♪ la la ♪
"""
VTT = """\
WEBVTT - a song

STYLE
::cue { color: red }

NOTE
written by hand

00:12.500 --> 00:15.000 align:start line:0
<v Ada>The <c.loud>last</c> bus &amp; me

second line
00:00:15.000 --> 00:00:17.250
carries <00:16.000>half&nbsp;a load
"""
ENHANCED = """\
[ti:Bus]
[00:12.50]<00:12.50>The <00:13.00>last <00:13.60>bus<00:14.20>
[00:15.00][Chorus]<00:15.00>Hold <00:15.50>on
[00:18.00]no stamps here
"""
LRC = "[bpm:96]\n[00:01.00][Verse 1]one & two\n[00:03.50]\n[00:05.00]three\n[00:08.00][Solo]\n[00:20.00]four\n"


def fault_of(text: str | bytes) -> str:
    with pytest.raises(LyricsError) as caught:
        read_any(text)
    return str(caught.value)


def lrc_of(text: str) -> str:
    return read_any(text).to_lrc()


def test_each_form_is_told_by_its_content() -> None:
    texts = (LRC, ENHANCED, SRT, VTT, "[Verse]\nwords\n")
    assert tuple(format_of(text) for text in texts) == FORMATS
    assert tuple(format_of(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()) for text in texts) == FORMATS


def test_subrip_is_read_without_its_markup() -> None:
    assert lrc_of(SRT) == (
        "[Verse 1]\n[00:12.50]The last bus\n[00:15.00]carries half a load\n[00:17.25]\n[60:00.00]la la\n[60:01.00]\n"
    )


def test_webvtt_is_read_without_tags_notes_and_styles() -> None:
    assert lrc_of(VTT) == "[00:12.50]The last bus & me\n[00:15.00]carries half a load\n[00:17.25]\n"


def test_enhanced_lrc_keeps_the_lines_times_and_ends_them_after_the_last_word() -> None:
    lyrics = read_any(ENHANCED)
    assert lyrics.to_lrc() == (
        "[00:12.50]The last bus\n[00:14.20]\n[Chorus]\n[00:15.00]Hold on\n[00:18.00]no stamps here\n"
    )
    assert lyrics.tags == {"ti": "Bus"}
    assert read_any(f"[offset:500]\n{ENHANCED}").to_lrc().startswith("[00:12.00]The last bus\n[00:13.70]\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1\n00:00:01,000 --> 00:00:02,000\na\n\nb\n\n", "line 5: 'b' begins no cue"),
        ("1\n00:00:01,000 --> 00:00:02,000\na\n\n2\n00:00:01,00 --> 00:00:09,000\nb", "line 5: '2' begins no cue"),
        ("1\n00:00:05,000 --> 00:00:02,000\na", "line 2: the cue ends before it begins"),
        ("1\n00:00:05,000 --> 00:00:06,000\na\n\n2\n00:00:05,004 --> 00:00:09,000\nb", "line 6: the cue at [00:05.00]"),
        ("1\n00:00:05,000 --> 00:00:06,000\n[door slams]", "line 2: '[door slams]' names no section"),
        (f"1\n00:00:05,000 --> 00:00:06,000\n{'la ' * 90}\n{'la ' * 90}", "more than 300"),
        ("1\n00:00:05,000 --> 00:00:06,000\n♪", "line 1: there are no words"),
        (b"1\n00:00:05,000 --> 00:00:06,000\n\xff", "line 3: the bytes are not UTF-8"),
        ("WEBVTT\n\n00:01.000 --> 00:01.000\na", "line 3: the cue does not end after it begins"),
        ("WEBVTT\n\n00:61.000 --> 00:70.000\na", "line 3: '00:61.000 --> 00:70.000' begins no cue"),
        ("WEBVTT\n\na\n\n00:01.000 --> 00:02.000\nb", "line 3: 'a' begins no cue"),
        ("[00:01.00]<00:02.00>a <00:01.50>b", "line 1: the stamps of the words do not increase"),
        ("[00:01.00]<00:00.50>a", "line 1: the stamps of the words do not increase"),
        ("[00:01.00]<00:75.00>a", "line 1: a word's stamp is not a time"),
        ("[00:01.00][00:05.00]<00:01.00>a", "line 1: a line that comes at several times"),
        (b"[00:01.00]<00:01.00>a\n[00:02.00]\xff", "line 2: the bytes are not UTF-8"),
    ],
)
def test_a_fault_names_its_line(text: str | bytes, told: str) -> None:
    assert told in fault_of(text)


def test_a_line_past_the_end_of_the_song_is_a_fault_in_every_form() -> None:
    for form in ("lrc", "enhanced-lrc", "srt", "vtt"):
        text = written(parse_lrc(LRC), form)
        with pytest.raises(LyricsError, match="past the song's length of 20 s"):
            read_any(text, length_s=20)
        assert read_any(text, length_s=30).sung[-1].start_s == 20


def test_subrip_and_webvtt_are_written_as_their_formats_ask() -> None:
    lyrics = parse_lrc("[00:01.00][Verse]one & two\n[00:03.50]\n[61:05.00]a < b")
    assert written(lyrics, "srt", length_s=3700) == (
        "1\n00:00:01,000 --> 00:00:03,500\n[Verse]\none & two\n\n2\n01:01:05,000 --> 01:01:40,000\na < b\n"
    )
    assert written(lyrics, "vtt") == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:03.500\n[Verse]\none &amp; two\n\n01:01:05.000 --> 01:01:10.000\na &lt; b\n"
    )


def test_words_of_enhanced_lrc_begin_with_their_syllables() -> None:
    lyrics = parse_lrc("[00:10.00]everything is gone\n[00:15.00]月亮")
    assert written(lyrics, "enhanced-lrc", length_s=17) == (
        "[00:10.00]<00:10.00>everything <00:13.00>is <00:14.00>gone<00:15.00>\n"
        "[00:15.00]<00:15.00>月<00:16.00>亮<00:17.00>\n"
    )


def test_the_last_line_ends_where_a_tag_says_the_song_does() -> None:
    assert "00:00:20,000 --> 00:03:25,000" in written(parse_lrc(f"[length:03:25]\n{LRC}"), "srt")


def test_lyrics_without_times_are_written_as_text_only() -> None:
    text = parse_text("[Verse]\na\n")
    assert written(text, "txt") == "[Verse]\na\n"
    for form in FORMATS[:-1]:
        with pytest.raises(InputError, match="have no times"):
            written(text, form)


words = (
    st.lists(st.text(st.sampled_from("abcé月ы<>&'!?-.0"), min_size=1, max_size=6), min_size=1, max_size=8)
    .map(" ".join)
    .filter(lambda text: "<" not in text or ">" not in text)  # SubRip has no way to write what looks like its markup
)


@st.composite
def timed_lyrics(draw: st.DrawFn) -> Lyrics:
    """Lyrics as these forms can hold them: no two rests in a row, none before the first line, one after the last."""
    lines: list[LyricLine] = []
    time_cs = draw(st.integers(0, 500))
    for _ in range(draw(st.integers(1, 12))):
        section = draw(st.sampled_from(["", "", "Verse 1", "Chorus", "Bridge"]))
        text = draw(words) if not section or draw(st.booleans()) else ""
        lines.append(LyricLine(time_cs / 100, text, 0, section))
        time_cs += draw(st.integers(1, 9000))
        if text and draw(st.booleans()):
            lines.append(LyricLine(time_cs / 100, ""))
            time_cs += draw(st.integers(1, 9000))
    if lines[-1].text:
        lines.append(LyricLine(time_cs / 100, ""))
    return Lyrics(tuple(lines))


@given(timed_lyrics(), st.sampled_from(["lrc", "enhanced-lrc", "srt", "vtt"]))
def test_what_is_written_is_read_back(lyrics: Lyrics, form) -> None:
    text = written(lyrics, form)
    assert format_of(text) == form or not lyrics.sung
    assert read_any(text) == lyrics


@given(st.binary(max_size=400) | st.text(st.sampled_from("01:.,<>[]->\n\r\t WEBVTaé&;{\\}"), max_size=300))
def test_whatever_stands_in_a_file_only_faults_with_lines_come_out(data: bytes | str) -> None:
    for prefix in ("", "WEBVTT\n\n", "1\n00:00:01,000 --> 00:00:02,000\n", "[00:01.00]<00:01.00>"):
        try:
            lyrics = read_any(prefix.encode() + data if isinstance(data, bytes) else prefix + data)
        except LyricsError as error:
            faults = error.faults
        else:
            faults = ()
            assert lyrics.lines
        assert all(fault.line >= 1 and fault.remedy for fault in faults)
