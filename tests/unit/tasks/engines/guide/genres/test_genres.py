"""The guide's genres: complete data, chosen by words and never by chance, and files of users that are checked."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from catalog.common.errors import InputError
from tasks.engines.guide.genres.choice import choose_genre
from tasks.engines.guide.genres.chords import chord_of
from tasks.engines.guide.genres.library import GENRES, genre, genre_from

ALL = tuple(genre(name) for name in GENRES)


def document(**changes: Any) -> dict[str, Any]:
    return {**genre("folk").document(), **changes}


@pytest.mark.parametrize("name", GENRES)
def test_every_genre_has_figures_of_its_own(name: str) -> None:
    one = genre(name)
    assert len(one.grooves) >= 4
    assert len(one.fills) >= 6
    assert min(len(one.progressions.minor), len(one.progressions.major)) >= 4
    for progressions in (one.progressions.minor, one.progressions.major):
        assert len({progression.chorus for progression in progressions}) == len(progressions)
        assert all(len(progression.verse.split()) == 8 for progression in progressions)


def test_no_two_genres_share_a_groove_or_a_chorus() -> None:
    for first, second in combinations(ALL, 2):
        drums = [{str(groove.full.drums) for groove in one.grooves} for one in (first, second)]
        choruses = [
            {progression.chorus for progression in (*one.progressions.minor, *one.progressions.major)}
            for one in (first, second)
        ]
        assert not drums[0] & drums[1], (first.name, second.name)
        assert not choruses[0] & choruses[1], (first.name, second.name)


def test_the_second_half_of_a_verse_differs_from_its_first() -> None:
    for one in ALL:
        for progression in (*one.progressions.minor, *one.progressions.major):
            bars = progression.verse.split()
            assert bars[:4] != bars[4:], (one.name, progression.verse)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("indie pop, warm synths, wistful", "pop"),
        ("jazz, piano", "jazz"),
        ("piano, slow, tearful", "ballad"),
        ("slow soul ballad, electric piano", "soul"),
        ("soul ballad", "ballad"),
        ("dark trap with 808s", "trap"),
        ("hip-hop beats", "trap"),
        ("r&b, rhodes", "soul"),
        ("upbeat dance pop, four on the floor", "house"),
        ("acoustic guitar and fiddle", "folk"),
        ("cinematic strings", "ballad"),
        ("rock anthem with piano", "rock"),
        ("爵士, 钢琴", "jazz"),
        ("popular housing for rockets", "pop"),
        (None, "pop"),
    ],
)
def test_words_choose_the_genre(prompt: str | None, expected: str) -> None:
    assert choose_genre(prompt, None).name == expected


def test_a_genre_noun_weighs_more_than_instruments_and_moods() -> None:
    choice = choose_genre("strings, sad, techno", None)
    assert (choice.name, choice.weight) == ("house", 3.0)
    assert choice.others == (("ballad", 1.5),)


def test_without_words_the_tempo_chooses() -> None:
    for bpm in (40.0, 66.0, 90.0, 124.0, 170.0, 300.0):
        lowest, highest = genre(choose_genre("x", bpm).name).tempo_bpm
        assert lowest <= bpm <= highest or bpm in (40.0, 300.0)


@pytest.mark.parametrize(
    ("numeral", "tonic", "minor", "symbol", "bass"),
    [
        ("i", 9, True, "Am", 9),
        ("V7/iv", 9, True, "A7", 9),
        ("bII", 9, True, "Bb", 10),
        ("V7sus", 3, False, "Bb7sus4", 10),
        ("I/3", 3, False, "Eb/G", 7),
        ("i/7", 9, True, "Am/G", 7),
        ("ii7b5", 2, True, "Em7b5", 4),
        ("V", 1, True, "G#", 8),
        ("bVII", 9, False, "G", 7),
        ("III", 6, True, "A", 9),
    ],
)
def test_chords_are_spelt_in_their_key(numeral: str, tonic: int, minor: bool, symbol: str, bass: int) -> None:
    chord = chord_of(numeral, tonic, minor=minor)
    assert (chord.symbol, chord.bass) == (symbol, bass)


def test_a_genre_survives_as_plain_json() -> None:
    for one in ALL:
        assert genre_from(one.document()) == one


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"tempo_bpm": [120, 90]}, "tempo_bpm"),
        ({"tempo_bpm": [10, 90]}, "tempo_bpm.0"),
        ({"swing": 2.0}, "swing"),
        ({"volume": 11}, "volume"),
        ({"grooves": []}, "grooves"),
        ({"fills": [{"kick": "x"}]}, "fills.0.kick"),
        ({"fills": [{"gong": "x..............."}]}, "fills.0"),
        ({"plucks": ["y" * 16]}, "plucks.0"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(InputError) as caught:
        genre_from(document(**changes))
    assert caught.value.what.startswith(place)
    assert caught.value.remedy


@pytest.mark.parametrize("chords", ["I IX", "I V7/q", "Imaj13", "I,V,I,", "I " * 40])
def test_chords_that_are_none_are_named(chords: str) -> None:
    progressions = genre("folk").progressions.model_dump(mode="json")
    progressions["major"][0]["verse"] = chords
    with pytest.raises(InputError) as caught:
        genre_from(document(progressions=progressions))
    assert caught.value.what.startswith("progressions.major.0.verse")
