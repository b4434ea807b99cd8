"""Cutting missing renders into shards for the GPU pool."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.recipe import Recipe
from flows.orchestration.budget import Budget
from flows.planning.shards import RenderShard, render_shards


def plan_of(songs):
    """A plan of songs, each a list of (key, engine, length in seconds)."""
    made = []
    for number, offered in enumerate(songs):
        candidates = [SimpleNamespace(render_key=k, recipe=Recipe(e, 1, 1, s, {})) for k, e, s in offered]
        made.append(
            SimpleNamespace(song=SimpleNamespace(id=str(number), title=f"Song {number}"), candidates=candidates)
        )
    return SimpleNamespace(songs=made)


KEYS = st.integers(0, 60).map(lambda n: (f"k{n}", "ab"[n % 2], (95.0, 285.0)[n % 3 == 0]))


@pytest.mark.slow
@given(
    songs=st.lists(st.lists(KEYS, max_size=12), max_size=8),
    each_s=st.floats(0.1, 400),
    shard_s=st.floats(1, 900),
)
def test_every_missing_render_is_in_exactly_one_shard_of_its_kind(songs, each_s, shard_s) -> None:
    kinds = {key: (engine, length) for song in songs for key, engine, length in song}
    missing = {key for at, key in enumerate(sorted(kinds)) if at % 4}
    made = list(render_shards(plan_of(songs), missing, shard_s=shard_s, expected_s=dict.fromkeys(kinds, each_s)))
    assert sorted(key for shard in made for key in shard.render_keys) == sorted(missing)
    for shard in made:
        assert len({kinds[key] for key in shard.render_keys}) == 1
        assert shard.forecast_s == pytest.approx(each_s * len(shard.render_keys))
        assert shard.forecast_s <= 1.5 * shard_s + each_s


@pytest.mark.slow
def test_ten_thousand_renders_are_tens_of_runs() -> None:
    songs = [[(f"{song}-{seed}", "a", 95.0) for seed in range(10)] for song in range(1000)]
    keys = [key for song in songs for key, _, _ in song]
    made = list(render_shards(plan_of(songs), set(keys), shard_s=720.0, expected_s=dict.fromkeys(keys, 4.0)))
    assert len(made) == 56
    assert {round(shard.forecast_s / 60) for shard in made} == {12}
    assert [key for shard in made for key in shard.render_keys] == keys
    assert made[0].sentence() == "render · Song 0, Song 1, Song 2 and 15 more · 179 candidates"


def test_a_budget_takes_shards_in_order_and_cuts_the_last() -> None:
    def shard(keys: str, title: str, seconds: float) -> RenderShard:
        song: Any = SimpleNamespace(id=title, title=title)
        candidates: Any = {key: [(song, key)] for key in keys}
        return RenderShard(candidates, seconds)

    offered = [shard("ab", "One", 20.0), shard("cde", "Two", 30.0), shard("f", "Three", 10.0)]
    assert list(Budget(None).fit(offered)) == offered
    assert list(Budget(45.0).fit(offered)) == [offered[0], shard("cd", "Two", 20.0)]
    assert list(Budget(9.0).fit(offered)) == []
    assert list(Budget(-5.0).fit(offered)) == []


def test_the_identities_of_shards_in_catalogs_do_not_change() -> None:
    """A shard's key is stored; it comes from the album and the renders in their order."""
    songs = [[(f"{song}-{seed}", "ab"[seed % 2], 95.0) for seed in range(7)] for song in range(3)]
    keys = [key for song in songs for key, _, _ in song]
    expected_s = {key: 60.0 + number for number, key in enumerate(keys)}
    made = render_shards(plan_of(songs), set(keys), shard_s=300.0, expected_s=expected_s)
    assert [",".join(shard.render_keys) for shard in made] == [
        "0-0,0-2,0-4,0-6,1-0",
        "1-2,1-4,1-6,2-0",
        "2-2,2-4,2-6",
        "0-1,0-3,0-5,1-1,1-3",
        "1-5,2-1,2-3,2-5",
    ]
