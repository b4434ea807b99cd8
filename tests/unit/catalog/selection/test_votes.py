"""Votes in the catalog: what is stored comes back, and what is no vote is refused."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.catalog import Catalog
from catalog.common.errors import InputError
from catalog.selection.votes import Conditions, Vote, store_vote, votes_of
from db.tables.album import Album, Candidate, Render, Song

HEARD = Conditions(matched=True, stage="mix", stem=None, blind=True, seed=7)
TAKES = ("one-1-a", "one-2-b", "one-3-c")


@pytest.fixture
def planned(catalog: Catalog) -> Catalog:
    """A catalog with two songs, the first with three candidates."""
    with catalog.database.write() as session:
        session.add(Album(id="small", title="Small", manifest={}, manifest_digest="a" * 64))
        session.flush()
        for number, slug in enumerate(("one", "two"), 1):
            session.add(Song(id=number, album_id="small", slug=slug, title=slug, position=number))
        for number in range(4):
            session.add(Render(key=str(number) * 64, engine="guide", seed=number, recipe={}))
        session.flush()
        for number, take in enumerate((*TAKES, "two-1-d")):
            song = 2 if take.startswith("two") else 1
            row: dict[str, Any] = {"seed": number, "seed_order": number, "lyrics_digest": "b" * 64}
            session.add(Candidate(id=take, song_id=song, render_key=str(number) * 64, **row))
    return catalog


def cast(catalog: Catalog, kind: Any, shown: Any, preferred: Any, song: str = "one") -> None:
    store_vote(catalog.database, "small", song, kind=kind, shown=shown, preferred=preferred, conditions=HEARD, by="ada")


def test_votes_come_back_in_their_order(planned: Catalog) -> None:
    cast(planned, "all", TAKES, TAKES[1:2])
    cast(planned, "pairwise", TAKES[::2], TAKES[2:])
    first, second = votes_of(planned.database)
    assert first == Vote("small", "one", "all", TAKES, ("one-2-b",), HEARD, "ada", first.at)
    assert (second.kind, second.pairs()) == ("pairwise", [("one-3-c", "one-1-a")])
    assert votes_of(planned.database, "small", "two") == []
    assert votes_of(planned.database, "small", "one") == [first, second]


def test_an_order_says_more_than_a_best_one(planned: Catalog) -> None:
    cast(planned, "all", TAKES, ("one-3-c", "one-1-a"))
    (vote,) = votes_of(planned.database)
    assert vote.pairs() == [("one-3-c", "one-1-a"), ("one-3-c", "one-2-b"), ("one-1-a", "one-2-b")]


@pytest.mark.parametrize(
    ("kind", "shown", "preferred"),
    [
        ("all", TAKES[:1], TAKES[:1]),
        ("all", (TAKES[0], TAKES[0]), TAKES[:1]),
        ("all", TAKES, ()),
        ("all", TAKES[:2], TAKES[2:]),
        ("all", TAKES, (TAKES[0], TAKES[0])),
        ("pairwise", TAKES, TAKES[:1]),
        ("pairwise", TAKES[:2], TAKES[:2]),
        ("all", (TAKES[0], "two-1-d"), TAKES[:1]),
        ("all", (TAKES[0], "nobody"), TAKES[:1]),
    ],
)
def test_what_is_no_vote_is_refused(planned: Catalog, kind: str, shown: Any, preferred: Any) -> None:
    with pytest.raises(InputError):
        cast(planned, kind, shown, preferred)
    assert votes_of(planned.database) == []


def test_a_song_that_is_not_there_takes_no_votes(planned: Catalog) -> None:
    with pytest.raises(InputError, match="does not have"):
        cast(planned, "all", TAKES, TAKES[:1], song="three")
