"""Which renders go together: every candidate in exactly one shard, songs of an engine that batches side by side."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.common.settings import Settings
from catalog.plan.plan import Candidate, PlannedAlbum, PlannedSong
from catalog.recipe import Recipe
from catalog.selection.decide import Policy
from flows.planning import shards
from flows.planning.shards import LOCAL_SHARD_S, RenderShard, local_shards
from tasks.engines.base import Forecast

BATCHING = {"small": False, "sung": True, "other": True}


class Light:
    """As much of an engine as grouping asks for; the forecast stands in the recipe."""

    def __init__(self, name):
        self.batches = BATCHING[name]

    def forecast(self, recipe):
        return Forecast(recipe.inputs["seconds"], 1, 1)


def settings(workers=2):
    return Settings(workers=workers)


def song(name, engine="sung", *, seeds, length_s=95.0, seconds=10.0, others=()):
    """A planned song with a candidate a seed."""
    recipes = [Recipe(engine, 1, seed, length_s, {"song": name, "seconds": seconds}) for seed in range(seeds)]
    offered = tuple(Candidate(f"{name}-{r.seed}", r.seed, r.seed, r, r.digest) for r in recipes)
    facts = SimpleNamespace(id=name, title=name.title(), engine=engine, length_s=length_s, other_engines=others)
    return PlannedSong(1, facts, offered)


def made(*songs, workers=2):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "get_engine", lambda name, _: Light(name))
        return local_shards(PlannedAlbum(None, "", Policy(), None, songs), settings(workers))


def ids(shard: RenderShard):
    return [candidate.id for offered in shard.songs_by_render.values() for _, candidate in offered]


def test_songs_of_one_engine_and_length_share_a_shard() -> None:
    (only,) = made(song("a", seeds=2), song("b", seeds=3))
    assert only.on_device
    assert {name: len(keys) for name, keys in only.of_songs().items()} == {"a": 2, "b": 3}
    apart = made(song("a", seeds=1), song("b", seeds=1, length_s=200), song("c", "other", seeds=1), song("d", seeds=1))
    assert [ids(shard) for shard in apart] == [["a-0", "d-0"], ["b-0"], ["c-0"]]


def test_a_shard_is_cut_where_it_has_enough_to_do() -> None:
    parts = made(song("a", seeds=5, seconds=LOCAL_SHARD_S / 2), song("b", seeds=2, seconds=LOCAL_SHARD_S / 4))
    assert [ids(part) for part in parts] == [["a-0", "a-1"], ["a-2", "a-3"], ["a-4", "b-0", "b-1"]]
    assert [ids(part) for part in made(song("a", seeds=2, seconds=2 * LOCAL_SHARD_S))] == [["a-0"], ["a-1"]]


def test_songs_that_are_made_one_by_one_are_cut_small() -> None:
    parts = made(song("a", "small", seeds=8), song("b", "small", seeds=8), workers=2)
    assert [ids(part) for part in parts][:2] == [["a-0", "a-1"], ["a-2", "a-3"]]
    assert len(parts) == 8
    assert not any(part.on_device for part in parts)
    assert all(len(part.of_songs()) == 1 for part in parts)
    assert [len(ids(part)) for part in made(song("a", "small", seeds=3), workers=16)] == [1, 1, 1]


def test_a_run_is_named_by_the_songs_and_seeds_that_are_missing() -> None:
    (shard,) = made(song("a", seeds=2), song("b", seeds=1))
    keys = shard.render_keys
    assert shard.sentence_of(keys) == "render · A · seeds 0, 1; B · seed 0"
    assert shard.sentence_of(keys[1:2]) == "render · A · seed 1"
    assert shard.sentence() == "render · A, B · 3 candidates"
    (shard,) = made(song("a", seeds=2, others=("other",)), song("b", seeds=1))
    assert shard.sentence_of(shard.render_keys) == "render · A · seeds 0, 1 of sung; B · seed 0"


def test_a_render_that_two_songs_share_is_made_once_and_counted_for_both():
    first = song("a", seeds=2)
    other = PlannedSong(
        2, SimpleNamespace(id="b", title="B", engine="sung", length_s=95.0, other_engines=()), first.candidates[1:]
    )
    (shard,) = made(first, other)
    shared = first.candidates[1].render_key
    assert shard.render_keys == (first.candidates[0].render_key, shared)
    assert shard.of_songs() == {"a": list(shard.render_keys), "b": [shared]}
    assert shard.sentence_of([shared]) == "render · A · seed 1; B · seed 1"
    apart = made(song("a", "small", seeds=1), song("c", "small", seeds=1))
    assert [part.titles for part in apart] == [("A",), ("C",)]


@st.composite
def albums(draw):
    count = draw(st.integers(1, 6))
    return [
        song(
            f"song{number}",
            draw(st.sampled_from(sorted(BATCHING))),
            seeds=draw(st.integers(1, 20)),
            length_s=draw(st.sampled_from([95.0, 96.0, 200.0])),
            seconds=draw(st.sampled_from([0.0, 1.0, 100.0, 599.0, 600.0, 5000.0])),
        )
        for number in range(count)
    ]


@pytest.mark.slow
@given(albums(), st.integers(1, 16))
def test_every_candidate_is_in_exactly_one_shard(songs, workers) -> None:
    found = made(*songs, workers=workers)
    placed = [candidate for shard in found for candidate in ids(shard)]
    assert sorted(placed) == sorted(candidate.id for each in songs for candidate in each.candidates)
    for each in songs:
        own = [name for name in placed if name.startswith(f"{each.song.id}-")]
        assert own == [candidate.id for candidate in each.candidates], "in the order of its seeds"
    by_id = {each.song.id: each.song for each in songs}
    most_s = max(c.recipe.inputs["seconds"] for each in songs for c in each.candidates)
    for shard in found:
        assert ids(shard)
        assert len({(by_id[name].engine, by_id[name].length_s) for name in shard.of_songs()}) == 1
        assert shard.on_device == all(BATCHING[by_id[name].engine] for name in shard.of_songs())
        # An even share is one render at least, and a shard goes on until its share is full.
        assert shard.forecast_s <= max(1.5 * LOCAL_SHARD_S, most_s + 1) + most_s + 1 or not shard.on_device
