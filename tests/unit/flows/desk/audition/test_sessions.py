"""Listening sessions: opaque names, orders that a seed gives back, and no votes after the reveal."""

from __future__ import annotations

import pytest

from catalog.audition.sounds import Sound
from catalog.common.errors import RefusedError
from flows.desk.audition.sessions import MOST_SESSIONS, Listening, Mode, Sessions, pairs_of, shuffled
from flows.desk.not_there import NotThere

TAKES = ["one-1-aaaaaa", "one-2-bbbbbb", "one-3-cccccc", "one-4-dddddd"]


def begun(mode: Mode = "all") -> Listening:
    return Sessions().begin("small", "one", mode, person="ada")


def test_names_say_nothing_and_differ_between_sessions() -> None:
    first, second = begun(), begun()
    names = {session.opaque_candidate(take) for session in (first, second) for take in TAKES}
    assert len(names) == 2 * len(TAKES)
    assert all("one" not in name and len(name) == 24 for name in names)
    assert [first.candidate(first.opaque_candidate(take)) for take in TAKES] == TAKES
    with pytest.raises(NotThere, match="no such candidate"):
        first.candidate(second.opaque_candidate(TAKES[0]))


def test_a_sound_has_one_name_for_each_candidate_that_has_it() -> None:
    session, sound = begun(), Sound("a" * 64)
    names = {session.opaque_sound(take, "mix", sound) for take in TAKES}
    assert len(names) == len(TAKES)
    assert all(session.sound(name) is sound for name in names)
    with pytest.raises(NotThere, match="no such sound"):
        session.sound("../../etc/passwd")


def test_the_order_is_that_of_the_seed_whatever_the_ranks_are() -> None:
    assert shuffled(TAKES, 5) == shuffled(TAKES[::-1], 5)
    assert len({tuple(shuffled(TAKES, seed)) for seed in range(200)}) == 24
    assert begun("open").order(TAKES) == TAKES


def test_every_pair_is_asked_once_in_either_order() -> None:
    pairs = pairs_of(TAKES, 7)
    assert sorted(tuple(sorted(pair)) for pair in pairs) == sorted(
        (one, other) for place, one in enumerate(TAKES) for other in TAKES[place + 1 :]
    )
    firsts = [pairs_of(TAKES[:2], seed)[0][0] for seed in range(300)]
    assert 100 < firsts.count(TAKES[0]) < 200


def test_no_vote_after_the_reveal_and_none_in_the_open() -> None:
    session = begun("pairs")
    session.require_hidden()
    session.reveal()
    with pytest.raises(RefusedError, match="revealed"):
        session.require_hidden()
    with pytest.raises(RefusedError):
        begun("open").require_hidden()


def test_the_oldest_sessions_are_dropped() -> None:
    sessions = Sessions()
    first = sessions.begin("small", "one", "open", person="ada")
    assert sessions.find(first.id) is first
    for _ in range(MOST_SESSIONS):
        sessions.begin("small", "one", "open", person="ada")
    with pytest.raises(NotThere, match="over"):
        sessions.find(first.id)
