"""The taste of simulated listeners: its order of importance, its agreement, and that chance shows none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from catalog.common.errors import RefusedError
from catalog.selection.taste.taste import LEAST_VOTES, Preference, Readings, taste_of

IMPORTANCE = {"prompt_match": 2.4, "voice": 1.2, "plr_db": -0.6, "width": 0.0, "tempo": 0.0}
SPREADS = {"prompt_match": 0.05, "voice": 0.8, "plr_db": 3.0, "width": 2.0, "tempo": 0.1}
SONGS, TAKES = 15, 6


def studio(
    seed: int, votes: int, *, importance: dict[str, float] | None = IMPORTANCE
) -> tuple[list[Preference], Readings]:
    """Votes of a listener who weighs readings by ``importance`` and errs as the model says; None: of a coin."""
    rng = np.random.default_rng(seed)
    readings = {
        f"s{song}-{take}": {name: float(rng.normal(0, spread)) for name, spread in SPREADS.items()}
        for song in range(SONGS)
        for take in range(TAKES)
    }
    found = []
    for _ in range(votes):
        song = int(rng.integers(SONGS))
        one, other = (f"s{song}-{take}" for take in rng.choice(TAKES, 2, replace=False))
        odds = _strength(readings[one], importance) - _strength(readings[other], importance)
        is_one = rng.random() < 1 / (1 + np.exp(-odds))
        found.append(Preference(*((one, other) if is_one else (other, one)), f"s{song}"))
    return found, readings


def _strength(readings: Mapping[str, float], importance: dict[str, float] | None) -> float:
    return sum(weight * readings[name] / SPREADS[name] for name, weight in (importance or {}).items())


@pytest.mark.parametrize("seed", range(4))
def test_a_taste_has_the_order_of_importance_from_150_votes(seed: int) -> None:
    taste = taste_of(*studio(seed, 150))
    assert taste.is_found
    by_size = sorted(taste.weights, key=lambda name: -abs(taste.weights[name]))
    assert by_size[:3] == ["prompt_match", "voice", "plr_db"]
    assert taste.weights["plr_db"] < 0 < taste.weights["voice"]
    alone = {name: agreement.share for name, agreement in taste.alone.items()}
    assert max(alone, key=lambda name: alone[name]) == "prompt_match"
    assert abs(alone["width"] - 0.5) < 0.15


def test_its_agreement_with_new_votes_is_near_the_ceiling_and_near_what_it_says() -> None:
    ceilings, reached, stated = [], [], []
    for seed in range(6):
        votes, readings = studio(100 + seed, 2150)
        taste, held = taste_of(votes[:150], readings), votes[150:]
        term = taste.term(1.0)
        pairs = [term.strengths([readings[vote.better], readings[vote.worse]]) for vote in held]
        reached.append(np.mean([better > worse for better, worse in pairs]))
        true_strength = {take: _strength(own, IMPORTANCE) for take, own in readings.items()}
        ceilings.append(np.mean([true_strength[vote.better] > true_strength[vote.worse] for vote in held]))
        stated.append(taste.agreement.share)
    assert np.mean(ceilings) - np.mean(reached) <= 0.03
    assert abs(np.mean(stated) - np.mean(reached)) <= 0.03


def test_the_toss_of_a_coin_shows_no_preference() -> None:
    found = [taste_of(*studio(200 + seed, 150, importance=None)).is_found for seed in range(20)]
    assert sum(found) <= 2


def test_the_order_of_the_votes_changes_nothing_and_the_revision_is_that_of_the_weights() -> None:
    votes, readings = studio(1, 60)
    taste, again = taste_of(votes, readings), taste_of(votes[::-1], readings)
    assert taste == again
    assert taste.revision == again.revision
    assert taste.revision != taste_of(votes[:50], readings).revision
    assert taste.document()["votes"] == 60


def test_few_votes_takes_without_scores_and_equal_readings_are_refused() -> None:
    votes, readings = studio(1, LEAST_VOTES)
    with pytest.raises(RefusedError, match="scores: 29, and a taste needs 30"):
        taste_of(votes[:-1], readings)
    with pytest.raises(RefusedError, match="scores: 0"):
        taste_of(votes, {})
    with pytest.raises(RefusedError, match="no metric differs"):
        taste_of(votes, {take: {"width": 1.0} for take in readings})


@pytest.mark.parametrize("others", [6, 7, 49])
def test_the_shares_of_thirty_picks_are_thirty_votes(others: int) -> None:
    takes = {f"s{song}-{take}": {"width": float(take)} for song in range(LEAST_VOTES) for take in range(others + 1)}
    votes = [
        Preference(f"s{song}-{others}", f"s{song}-{take}", f"s{song}", 1 / others)
        for song in range(LEAST_VOTES)
        for take in range(others)
    ]
    assert taste_of(votes, takes).votes == LEAST_VOTES * others
    with pytest.raises(RefusedError, match="scores: 29, and a taste needs 30"):
        taste_of(votes[:-1], takes)


def test_metrics_without_readings_are_left_out_and_one_song_is_enough() -> None:
    votes, readings = studio(3, 80)
    partly = {take: {name: value for name, value in own.items() if name != "voice"} for take, own in readings.items()}
    assert "voice" not in taste_of(votes, partly).weights
    one_song = [Preference(vote.better, vote.worse, "s") for vote in votes]
    assert taste_of(one_song, readings).votes == 80
