"""What the seeds of a song share, and where they part."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.common.settings import Settings
from tasks.engines.guide.arrangement.arrange import arrange, groove_of
from tasks.engines.guide.arrangement.score import Arrangement
from tasks.engines.guide.arrangement.variants import pair_of, variant_of
from tasks.engines.guide.engine import GuideEngine
from tasks.engines.guide.genres.library import GENRES
from tests.support.guide_songs import recipe, song, song_lines

SEEDS = st.lists(st.integers(0, 2**53 - 1), min_size=2, max_size=12, unique=True)


def of_seeds(*seeds: int, **changes: object) -> list[Arrangement]:
    sung = song(song_lines(), length_s=145.0, seeds=seeds, **changes)
    return [arrange(GuideEngine(Settings()).recipe(sung, seed)) for seed in seeds]


def test_seeds_keep_tempo_key_and_form_where_nothing_is_stated() -> None:
    made = of_seeds(3, 4, 90, 2**53 - 1, bpm=None, key=None, prompt=None)
    assert len({(one.tonic, one.minor, one.grid) for one in made}) == 1
    assert len({tuple((section.kind, section.first_bar) for section in one.sections) for one in made}) == 1


def test_songs_differ_in_key_where_nothing_is_stated() -> None:
    keys = {arrange(recipe(((2.0, f"{word} is here"),), key=None, bpm=None)).tonic for word in "abcdefghijkl"}
    assert len(keys) >= 4


def test_an_unstated_tempo_bends_to_the_lines() -> None:
    rows = [(4.0 + 2 * index, "We go on") for index in range(20)]
    grid = arrange(recipe(rows, bpm=None, length_s=60.0, settings={"genre": "house"})).grid
    assert grid.bpm == 120.0


@pytest.mark.parametrize("genre", GENRES)
@pytest.mark.parametrize("seeds", [(1, 2, 3, 4), (42, 43, 44, 45), (17, 18, 19, 20)])
def test_four_seeds_in_a_row_share_neither_groove_nor_chords(genre: str, seeds: tuple[int, ...]) -> None:
    sung = song(song_lines(), length_s=145.0, seeds=seeds, settings={"genre": genre})
    made = [GuideEngine(Settings()).recipe(sung, seed) for seed in seeds]
    assert len({groove_of(each).name for each in made}) == 4
    assert len({tuple(chord.symbol for chord in arrange(each).chords) for each in made}) == 4


@given(SEEDS)
def test_no_two_seeds_of_a_song_have_the_same_variant(seeds: list[int]) -> None:
    variants = [variant_of(seed, seeds[:index], 20) for index, seed in enumerate(seeds)]
    assert len(set(variants)) == len(seeds)
    assert len({pair_of(variant, 4, 5) for variant in variants}) == len(seeds)


def test_a_seed_that_is_added_changes_no_other() -> None:
    engine = GuideEngine(Settings())
    few, many = song(seeds=(5, 25, 7)), song(seeds=(5, 25, 7, 27, 45))
    assert [engine.recipe(few, seed).digest for seed in few.seeds] == [
        engine.recipe(many, seed).digest for seed in few.seeds
    ]


def test_more_seeds_than_variants_begin_again() -> None:
    variants = [variant_of(seed, range(seed), 6) for seed in range(15)]
    assert variants == [*range(6), *range(6), 0, 1, 2]


@pytest.mark.parametrize(("first", "second"), [(4, 5), (4, 4), (3, 6), (1, 1)])
def test_variants_cover_every_pair(first: int, second: int) -> None:
    assert len({pair_of(variant, first, second) for variant in range(first * second)}) == first * second


def test_tunes_differ() -> None:
    tunes = [next(part for part in one.parts if part.name == "vocals").notes for one in of_seeds(1, 2, 3, 4)]
    for first, second in combinations(tunes, 2):
        same = [abs(one.start_s - other.start_s) < 0.03 for one, other in zip(first, second, strict=True)]
        assert sum(same) <= 0.75 * len(same)
        assert sum(a.pitch % 12 == b.pitch % 12 for a, b in zip(first, second, strict=True)) <= 0.45 * len(first)
