"""Words divided under notes: exactly as many pieces as syllables, and the words whole when they are joined."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.lyrics.division.cuts import cut_word
from catalog.lyrics.division.lines import Syllable, divide_line
from tests.unit.catalog.lyrics.syllable_lines import DIVIDED, text_of

LETTERS = (
    "abcdefghijklmnopqrstuvwxyzäéßñçœ'’-.,!?\"()0123456789 дождёмьвłżşğ你好のキャー나는집गतामหิสالل\u0301\u200d👋—♪\t"
)
RIGHT_SHARE = {"ru": 0.92, "uk": 0.92, "en": 0.9}
"""Share of the pieces that are those of the hand's division; in Russian and English several are usual."""


def joined(syllables: tuple[Syllable, ...]) -> str:
    return "".join(piece.text + ("" if piece.joined else " ") for piece in syllables if piece.text).rstrip()


def counts_of(divided: str) -> tuple[int, ...]:
    """The syllables of each word of a line that was divided by hand; those of a lone consonant are none."""
    counts: list[int] = []
    for word in divided.split():
        *consonants, rest = word.split("~")
        counts += [0] * len(consonants) + [len(rest.split("-"))]
    return tuple(counts)


@pytest.mark.parametrize("apostrophe", ["'", "’"])
@pytest.mark.parametrize(
    "pieces",
    ["İs tan bul' da", "An ka ra' ya", "Ay şe' nin", "Tür ki ye' yi", "Kar s'ın", "A li' ye", "Ah me t'e", "sa a t'in"],
)
def test_turkish_endings_are_cut_as_they_are_spoken(pieces: str, apostrophe: str) -> None:
    divided = tuple(pieces.replace("'", apostrophe).split())
    assert cut_word("".join(divided), len(divided), "tr") == divided


@pytest.mark.parametrize("language", sorted(DIVIDED))
def test_words_are_cut_as_they_are_by_hand(language: str) -> None:
    wanted: list[str] = []
    found: list[str] = []
    for line in DIVIDED[language]:
        counts = counts_of(line)
        pieces = divide_line(text_of(line), sum(counts), language, counts)
        assert joined(pieces) == text_of(line)
        found += [piece.text for piece in pieces]
        wanted += line.replace("~", " ~").replace("-", " ").replace(" ~", "~").replace("~", "\u00a0").split(" ")
    wanted = [piece.replace("\u00a0", " ") for piece in wanted]
    right = sum(piece == other for piece, other in zip(found, wanted, strict=True))
    assert right >= RIGHT_SHARE.get(language, 0.97) * len(wanted)


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("borrowed", "bor rowed"), ("everything", "ev ery thing"), ("again,", "a gain,"), ("(running)", "(run ning)"),
        ("ding-dong", "ding- dong"), ("beautiful!", "beau ti ful!"), ("little", "lit tle"), ("wanted", "want ed"),
        ("diamonds", "dia monds"), ("don't", "don't"), ("love你", "love 你"), ("“yesterday’s", "“yes ter day’s"),
        ("didn't", "did n't"), ("couldn’t,", "could n’t,"), ("(doesn't)", "(does n't)"), ("haven't", "ha ven't"),
        ("ain't", "ai n't"), ("weren’t,", "were n’t,"), ("Aren't", "Are n't"), ("should've", "should 've"),
    ],
)  # fmt: skip
def test_words_of_english_are_cut_as_a_score_cuts_them(word: str, pieces: str) -> None:
    assert cut_word(word, len(pieces.split()), "en") == tuple(pieces.split())


@pytest.mark.parametrize(
    ("word", "language"), [("99", "en"), ("السلام", "ar"), ("שלום", "he"), ("a", "en"), ("m", "en")]
)
def test_what_cannot_be_cut_stands_whole_on_its_first_note(word: str, language: str) -> None:
    assert cut_word(word, 3, language) == (word, "", "")


def test_a_long_word_with_more_syllables_than_letters_has_its_empty_pieces_last() -> None:
    pieces = divide_line("a" * 45, 60)
    assert [piece.text for piece in pieces] == ["a"] * 45 + [""] * 15
    assert [piece.hyphenated for piece in pieces][43:47] == ["a-", "a", "", ""]


def test_a_word_without_a_syllable_of_its_own_stands_with_the_next() -> None:
    pieces = divide_line("v domě — z", 2, "cs", (0, 2, 0))
    assert [piece.text for piece in pieces] == ["v do", "mě — z"]
    assert [piece.hyphenated for piece in pieces] == ["v do-", "mě — z"]


def test_kana_that_lengthen_a_syllable_stay_with_it() -> None:
    assert [piece.text for piece in divide_line("きみはとおくに", 6, "ja", (6,))] == [
        "き",
        "み",
        "は",
        "とお",
        "く",
        "に",
    ]


def test_scripts_without_hyphens_get_none() -> None:
    assert [piece.hyphenated for piece in divide_line("世界 나는 ding-dong", 6, "zh")] == [*"世界나는", "ding-", "dong"]


def test_marks_that_end_a_clause_stay_with_the_character_before_them() -> None:
    assert cut_word("夜车啊，带我回家", 7, "zh") == ("夜", "车", "啊，", "带", "我", "回", "家")
    assert cut_word("我说：“走吧！”", 4, "zh") == ("我", "说：", "“走", "吧！”")


@settings(max_examples=300, deadline=None)
@given(
    st.text(LETTERS, max_size=60), st.integers(0, 70), st.sampled_from(["en", "de", "fr", "ru", "ja", "zh", "hi", "th"])
)
def test_any_line_gives_exactly_the_pieces_wanted_and_is_whole(text: str, count: int, language: str) -> None:
    pieces = divide_line(text, count, language)
    assert len(pieces) == count
    if count:
        assert joined(pieces).strip() == " ".join(text.split())
        assert not pieces[-1].joined


@settings(max_examples=150, deadline=None)
@given(st.text(min_size=1, max_size=80), st.integers(1, 100), st.sampled_from(["en", "und", "x-none", "cs"]))
def test_any_word_is_whole(word: str, count: int, language: str) -> None:
    pieces = cut_word(word, count, language)
    assert len(pieces) == count
    assert "".join(pieces) == word
