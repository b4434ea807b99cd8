"""The loss on held-out songs, and stopping by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from tasks.training.held_out import EarlyStop, fixed_grid, grid_loss  # noqa: E402
from tasks.training.objective import Batch, squared_error  # noqa: E402
from tasks.training.parameters import HELD_OUT_TIMES  # noqa: E402
from tests.support.diffrhythm.networks import one_thread, tiny_network  # noqa: E402
from tests.support.training.runs import CPU  # noqa: E402
from tests.support.training.songs import TINY, tuneful_song  # noqa: E402

__all__ = ["one_thread"]

SONGS = [tuneful_song("one", seed=1, held_out=True), tuneful_song("two", seed=2, frames=9, held_out=True)]


def test_the_grid_has_every_time_and_one_noise_a_song() -> None:
    grid = fixed_grid(SONGS, TINY)
    assert [item.time for item in grid] == [*HELD_OUT_TIMES, *HELD_OUT_TIMES]
    assert all(torch.equal(item.noise, grid[0].noise) for item in grid[:5])
    assert not torch.equal(grid[0].noise, grid[5].noise)
    assert {item.frames for item in grid[5:]} == {9}


def test_nothing_is_dropped_and_the_seed_of_the_training_does_not_matter() -> None:
    grid = fixed_grid(SONGS, replace(TINY, drop_words=1.0, drop_style=1.0))
    again = fixed_grid(SONGS, replace(TINY, seed=8))
    assert all(item.style.count_nonzero() for item in grid)
    for one, other in zip(grid, again, strict=True):
        assert torch.equal(one.latent, other.latent)
        assert torch.equal(one.noise, other.noise)
        assert torch.equal(one.text, other.text)


def test_the_loss_is_the_mean_over_all_valid_elements() -> None:
    network = tiny_network()
    grid = fixed_grid(SONGS, TINY)
    loss = grid_loss(network, grid, device=CPU, dtype="float32")
    with torch.no_grad():
        together = squared_error(network, Batch.of(grid, CPU)).item()
    assert loss == pytest.approx(together / (64 * sum(item.frames for item in grid)), rel=1e-6)
    assert loss == grid_loss(network, grid, device=CPU, dtype="float32")


def test_stopping_waits_from_the_last_improvement() -> None:
    stop = EarlyStop(to_beat=1.0)
    waits = []
    for step, loss in enumerate([0.9, 0.8999, 0.85, 0.86, 0.8499], start=1):
        stop = stop.after(step, loss, improvement=0.002)
        waits.append(stop.waited)
    assert waits == [0, 1, 0, 1, 2]
    assert (stop.best_step, stop.best_loss) == (5, 0.8499)


def test_small_improvements_add_up() -> None:
    stop = EarlyStop(to_beat=1.0)
    for step in range(1, 9):
        stop = stop.after(step, 1 - 0.0015 * step, improvement=0.002)
        assert stop.waited <= 1


def test_the_best_evaluation_is_of_a_trained_adapter_even_where_the_untrained_one_was_better() -> None:
    stop = EarlyStop(to_beat=1.0).after(10, 1.2, improvement=0.002).after(20, 1.1, improvement=0.002)
    assert (stop.best_step, stop.best_loss, stop.waited) == (20, 1.1, 2)


def test_a_loss_that_is_no_number_is_never_the_best() -> None:
    stop = EarlyStop(to_beat=1.0).after(10, 0.5, improvement=0.0).after(20, float("nan"), improvement=0.0)
    assert (stop.best_step, stop.waited) == (10, 1)
