"""The takes of an album that fit together: never past what is allowed, and the best combination where it is exact."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.selection.album.choose import allowed, choose
from catalog.selection.album.misfit import Sound, alike, key, loudness, tempo, tone
from catalog.selection.album.search import Costs, cheapest
from catalog.selection.album.settings import TERMS, AlbumChoice
from catalog.selection.decide import decide
from catalog.selection.reviews import Review, Reviews
from tests.unit.catalog.selection.album.simulated import simulated
from tests.unit.catalog.selection.readings import FOUR, METRICS, policy

AT = "2026-11-30T20:51:00+00:00"


@pytest.mark.parametrize("number", range(10))
def test_ten_albums_fit_better_than_song_by_song_and_lose_no_more_than_allowed(number: int) -> None:
    songs = simulated(number, 4 + number, 4, max_loss=0.1)
    found = choose(songs, AlbumChoice(max_loss=0.1))
    assert found.after.objective < found.before.objective - 0.01
    assert all(change.loss <= 0.1 for change in found.changes)
    assert found == choose(songs, AlbumChoice(max_loss=0.1))
    told = {change.song: change.sentence for change in found.changes}
    assert told.keys() == {song for song, take in found.winners.items() if not take.endswith("-0")}
    assert all(sentence.startswith("Chosen for the album: seed ") for sentence in told.values())
    assert f"of {len(songs)} (" in found.sentence


weights = st.sampled_from([0.0, 0.3, 1.0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 4), st.booleans())
def test_exact_is_what_trying_every_combination_finds(seed: int, songs: int, takes: int, neighbours: bool) -> None:
    rng = np.random.default_rng(seed)
    own = [rng.random(takes) for _ in range(songs)]
    places = [(i, j) for i, j in combinations(range(songs), 2) if j == i + 1 or not neighbours]
    costs = Costs(own, {place: rng.random((takes, takes)) for place in places})
    found = cheapest(costs)
    assert found.exact
    assert costs.of(found.choice) == pytest.approx(min(map(costs.of, product(range(takes), repeat=songs))), abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.tuples(*[weights] * 5))
def test_the_objective_is_the_weighed_misfits_and_the_loss(
    seed: int, count: int, given_weights: tuple[float, ...]
) -> None:
    album = AlbumChoice(**dict(zip(TERMS, given_weights, strict=True)), max_loss=1.0)
    fit = choose(simulated(seed, count, 3), album).after
    weighed = sum(share * fit.misfits[term] for term, share in album.shares.items())
    assert fit.objective == pytest.approx(weighed + fit.loss, abs=1e-9)
    assert all(0 <= misfit <= 1 for misfit in fit.misfits.values())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(2, 4))
def test_a_search_that_may_not_branch_says_so_and_is_no_worse_than_its_start(seed: int, songs: int, takes: int) -> None:
    rng = np.random.default_rng(seed)
    own = [rng.random(takes) for _ in range(songs)]
    pairs = {(i, j): rng.random((takes, takes)) for i in range(songs) for j in range(i + 1, songs)}
    costs = Costs(own, pairs)
    searched, exact = cheapest(costs, most_nodes=0), cheapest(costs)
    assert songs == 2 or not searched.exact
    assert costs.of(exact.choice) <= costs.of(searched.choice) + 1e-9
    assert costs.of(searched.choice) <= costs.of([0] * songs) + 1e-9


def test_many_songs_whose_neighbours_alone_count_are_exact() -> None:
    found = choose(simulated(1, 40, 8), AlbumChoice(loudness=0.0, tone=0.0, alike=0.0, max_loss=1.0))
    assert found.exact
    large = choose(simulated(1, 24, 6), AlbumChoice(max_loss=1.0))
    assert not large.exact
    assert "the best that a search found" in large.sentence


def test_without_weights_and_without_songs_nothing_changes() -> None:
    none = AlbumChoice(loudness=0.0, tone=0.0, tempo=0.0, key=0.0, alike=0.0)
    found = choose(simulated(3, 3, 3), none)
    assert (found.changes, found.exact, found.after.objective) == ((), True, 0.0)
    assert choose([], AlbumChoice()).winners == {}


@pytest.mark.parametrize("max_loss", [0.0, 0.2, 1.0])
def test_only_takes_that_pass_their_gates_and_lose_little_may_be_chosen(max_loss: float) -> None:
    decision = decide(policy(), FOUR, METRICS)
    outcomes = {candidate.id: candidate for candidate in decision.candidates}
    losses = allowed(decision, max_loss)
    assert next(iter(losses)) == decision.winner
    best = outcomes[str(decision.winner)].score or 0.0
    expected = {
        id_ for id_, one in outcomes.items() if one.rank and one.passed and best - (one.score or 0.0) <= max_loss
    }
    assert losses.keys() == expected | {decision.winner}
    assert all(loss <= max_loss + 1e-9 for loss in losses.values())


def test_a_pick_stays_and_a_rejected_take_is_never_chosen() -> None:
    pick = Review("c43", "pick", "ada", AT)
    assert allowed(decide(policy(), FOUR, METRICS, reviews=Reviews(picked=pick)), 1.0) == {"c43": 0.0}
    reject = Review("c43", "reject", "ada", AT)
    assert "c43" in allowed(decide(policy(), FOUR, METRICS), 1.0)
    assert "c43" not in allowed(decide(policy(), FOUR, METRICS, reviews=Reviews(rejected=(reject,))), 1.0)
    assert allowed(decide(policy(min_candidates=9), FOUR, METRICS), 1.0) == {}


def test_misfits_are_those_that_are_heard() -> None:
    assert loudness(Sound(loudness_lufs=-14), Sound(loudness_lufs=-17)) == 0.5
    assert tempo(Sound(tempo_bpm=80), Sound(tempo_bpm=160)) == 0
    assert tempo(Sound(tempo_bpm=90), Sound(tempo_bpm=100)) < tempo(Sound(tempo_bpm=90), Sound(tempo_bpm=120))
    c, a_minor, g, f_sharp = (Sound(key=value) for value in ((0, False), (9, True), (7, False), (6, False)))
    assert [round(6 * key(c, other)) for other in (c, a_minor, g, f_sharp)] == [0, 1, 1, 6]
    assert tone(Sound(tone_db=(0, -3)), Sound(tone_db=(-6, -9))) == 0  # the same balance, 6 dB softer
    assert tone(Sound(tone_db=(0, -3)), Sound(tone_db=(0, -9))) == 0.5
    assert alike(Sound(features=(1, 2, 3)), Sound(features=(2, 4, 6))) == pytest.approx(1)
    assert alike(Sound(features=(1, 2, 3)), Sound(features=(3, 2, 1))) == 0
    assert loudness(Sound(), Sound(loudness_lufs=-14)) == tempo(Sound(), Sound()) == key(Sound(), c) == 0.5
