"""The picks and votes of a catalog as preferences, on both databases' common SQL."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from catalog.selection.taste.evidence import evidence_of
from catalog.selection.votes import Conditions, VoteKind, store_vote
from db.session import Database, open_database
from db.tables.album import Album, Candidate, Render, Song
from db.tables.provenance import Activity
from db.tables.selection import Decision, Review


def metrics(value: float) -> dict[str, dict[str, object]]:
    return {"width": {"value": value, "unit": "dB"}, "key_match": {"not_measurable": "no key"}}


def add_album(session: Session) -> None:
    session.add(Album(id="a", title="A", manifest={}, manifest_digest="0" * 64))
    facts = {"revision": 1, "parameters": {}, "outcome": "done", "attempt": 1, "started_at": 0.0, "seconds": 0.0}
    place = {"code_version": "", "environment": {}, "device": "cpu"}
    session.add(Activity(id="act", kind="select", work_key="k", **facts, **place))
    session.flush()


def vote(
    database: Database, song: str, kind: VoteKind, shown: tuple[str, ...], order: tuple[str, ...], heard: Conditions
) -> None:
    store_vote(database, "a", song, kind=kind, shown=shown, preferred=order, conditions=heard, by="ada")


def add_song(session: Session, number: int, takes: int) -> None:
    """A song with takes of rising width, and a decision on them."""
    session.add(Song(id=number, album_id="a", slug=f"s{number}", title="S", position=number))
    session.flush()
    ids = [f"s{number}-{take}" for take in range(takes)]
    for take, name in enumerate(ids):
        session.add(Render(key=name, engine="guide", seed=take, recipe={}))
        session.flush()
        fields = {"song_id": number, "render_key": name, "seed": take, "seed_order": take, "lyrics_digest": "0" * 64}
        session.add(Candidate(id=name, **fields))
    session.flush()
    document = {"candidates": [{"id": name, "metrics": metrics(float(take))} for take, name in enumerate(ids)]}
    session.add(Decision(song_id=number, step_key="k", activity_id="act", policy={}, document=document))


def test_a_standing_pick_is_one_vote_over_the_other_takes_of_its_song(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    with database.write() as session:
        add_album(session)
        for number, takes in ((1, 3), (2, 2), (3, 1), (4, 2)):
            add_song(session, number, takes)
        for candidate, kind in (
            ("s1-0", "pick"),
            ("s1-2", "pick"),
            ("s2-0", "pick"),
            ("s2-0", "withdraw"),
            ("s3-0", "pick"),
            ("s4-1", "note"),
        ):
            session.add(Review(candidate_id=candidate, kind=kind, said_by="ada"))
            session.flush()
    evidence = evidence_of(database)
    assert [(vote.better, vote.worse, vote.song) for vote in evidence.preferences] == [
        ("s1-2", "s1-0", "a/s1"),
        ("s1-2", "s1-1", "a/s1"),
    ]
    assert sum(vote.weight for vote in evidence.preferences) == pytest.approx(1.0)
    assert evidence.readings == {"s1-0": {"width": 0.0}, "s1-1": {"width": 1.0}, "s1-2": {"width": 2.0}}
    assert (evidence.picks, evidence.votes, evidence.left_out) == (1, 0, 0)
    database.close()


def test_every_place_that_a_vote_gives_is_one_vote_and_a_stem_says_nothing_of_a_take(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    with database.write() as session:
        add_album(session)
        add_song(session, 1, 4)
        add_song(session, 2, 2)
    heard = Conditions(matched=True, stage="mix", stem=None, blind=True)
    shown = ("s1-0", "s1-1", "s1-2")
    vote(database, "s1", "all", shown, ("s1-2", "s1-0"), heard)
    vote(database, "s2", "pairwise", ("s2-0", "s2-1"), ("s2-1",), heard)
    vote(database, "s2", "pairwise", ("s2-0", "s2-1"), ("s2-0",), replace(heard, stem="vocals"))
    evidence = evidence_of(database)
    assert [(pair.better, pair.worse, pair.weight) for pair in evidence.preferences] == [
        ("s1-2", "s1-0", 0.5),
        ("s1-2", "s1-1", 0.5),
        ("s1-0", "s1-1", 1.0),
        ("s2-1", "s2-0", 1.0),
    ]
    assert evidence.readings.keys() == {*shown, "s2-0", "s2-1"}
    assert (evidence.picks, evidence.votes, evidence.left_out) == (0, 2, 1)
    database.close()
