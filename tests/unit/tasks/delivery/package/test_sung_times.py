"""Times that the judge of lyrics found for words that had none."""

from __future__ import annotations

from catalog.lyrics.lrc import parse_lrc
from catalog.lyrics.text import parse_text
from tasks.delivery.package.sung_times import timed_by

WORDS = parse_text("[Verse]\none\ntwo\n!\n\n[Chorus]\nthree\nfour\n")


def test_found_lines_have_their_times_and_the_others_lie_between() -> None:
    windows = [(5.0, 6.0, 0.0), (0.0, 0.0, 1.0), (9.0, 11.0, 0.2), (12.0, 13.0, 0.4)]
    assert timed_by(WORDS, windows) == parse_lrc(
        "[Verse]\n[00:05.00]one\n[00:07.00]two\n[Chorus]\n[00:09.00]three\n[00:12.00]four\n"
    )


def test_lines_before_the_first_and_after_the_last_found_keep_their_order() -> None:
    windows = [(0.0, 0.0, 1.0), (3.0, 4.0, 0.0), (5.0, 6.0, 0.0), (0.0, 0.0, 1.0)]
    assert [line.start_s for line in timed_by(WORDS, windows).lines] == [1.0, 3.0, 5.0, 7.0]


def test_a_line_found_before_an_earlier_one_is_not_trusted() -> None:
    windows = [(8.0, 9.0, 0.0), (3.0, 4.0, 0.0), (12.0, 13.0, 0.0), (14.0, 15.0, 0.0)]
    assert [line.start_s for line in timed_by(WORDS, windows).lines] == [8.0, 10.0, 12.0, 14.0]


def test_too_few_found_lines_give_no_times() -> None:
    windows = [(5.0, 6.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, 1.0), (0.0, 0.0, 1.0)]
    assert timed_by(WORDS, windows) == WORDS


def test_windows_of_other_lines_give_no_times() -> None:
    assert timed_by(WORDS, [(5.0, 6.0, 0.0)]) == WORDS
