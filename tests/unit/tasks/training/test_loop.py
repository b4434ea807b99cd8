"""The training loop on the tiny network: what it learns, what does not change that, and when it stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("peft", reason="training needs PEFT")

from safetensors.torch import load  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from catalog.common.errors import InputError, TransientError, WorkError  # noqa: E402
from tasks.engines.diffrhythm.network.network import DiT  # noqa: E402
from tasks.training import loop  # noqa: E402
from tasks.training.held_out import fixed_grid, grid_loss  # noqa: E402
from tasks.training.items import TrainingSong  # noqa: E402
from tasks.training.objective import Batch, squared_error  # noqa: E402
from tasks.training.parameters import TrainingParameters  # noqa: E402
from tasks.weights.adapters.digest import adapter_digest  # noqa: E402
from tasks.weights.adapters.merge import merged  # noqa: E402
from tests.support.diffrhythm.networks import one_thread, tiny_network  # noqa: E402
from tests.support.training.runs import CPU, difference, trained  # noqa: E402
from tests.support.training.songs import TINY, noise_song, three_songs, tuneful_song  # noqa: E402

__all__ = ["one_thread"]

pytestmark = pytest.mark.slow

LEARNING = TrainingParameters(
    rank=8, steps=200, batch=1, accumulation=1, learning_rate=5e-3, warm_up=5, crop_frames=32, evaluate_every=50
)


def test_a_step_is_the_same_in_one_batch_and_accumulated() -> None:
    one_step = replace(TINY, steps=1)
    together = trained(three_songs(), replace(one_step, batch=4, accumulation=1))
    apart = trained(three_songs(), replace(one_step, batch=1, accumulation=4))
    assert together.vector().norm() > 0
    assert difference(together, apart) <= 1e-5
    assert together.result.curve[1].loss == pytest.approx(apart.result.curve[1].loss, rel=1e-6)


def test_running_out_of_memory_changes_no_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory for two rows only, and no more than one from the second step on: the same items, in smaller batches."""
    parameters = replace(TINY, batch=4, steps=2)
    undisturbed = trained(three_songs(), parameters)
    sizes: list[tuple[int, bool]] = []

    def limited(network: nn.Module, batch: Batch, *, checkpointing: bool = False) -> Tensor:
        rows = len(batch.latent)
        sizes.append((rows, checkpointing))
        if rows > (2 if len(sizes) < 6 else 1):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return squared_error(network, batch, checkpointing=checkpointing)

    monkeypatch.setattr(loop, "squared_error", limited)
    disturbed = trained(three_songs(), parameters)
    first_step = [(4, False), (4, True), (2, True), (2, True)]
    assert sizes == [*first_step, (2, True), (2, True), (1, True), (1, True), (1, True), (1, True)]
    assert [progress.micro_batch for progress in disturbed.progress if progress.step] == [2, 1]
    assert difference(undisturbed, disturbed) <= 1e-5


def test_memory_for_less_than_one_item_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_memory(*given: object, **named: object) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(loop, "squared_error", without_memory)
    with pytest.raises(TransientError, match="no memory left"):
        trained(three_songs(), TINY)


def test_two_songs_are_learned(record_property: Callable[[str, object], None]) -> None:
    """On a fixed grid over the two songs, with the adapter merged; the loss on a third song is reported beside it."""
    songs = [tuneful_song("one", seed=1, frames=32), tuneful_song("two", seed=2, frames=32)]
    run = trained(songs, LEARNING)
    network = tiny_network()
    before = losses_on(network, songs)
    network.load_state_dict(merged(network.state_dict(), [(run.result.adapter, 1.0)]), strict=False)
    after = losses_on(network, songs)
    record_property("learned and other songs, before and after", (before, after))
    assert after[0] <= 0.6 * before[0]
    assert after[1] > after[0]  # two songs teach little about a third
    assert run.result.stopped_because == "steps"
    assert [progress.step for progress in run.progress] == list(range(201))
    assert (run.progress[-1].seconds_per_step or 0) > 0


def losses_on(network: DiT, songs: list[TrainingSong]) -> tuple[float, float]:
    """The fixed-grid losses over the learned songs and over another one."""
    other = tuneful_song("three", seed=3, frames=32)
    grids = [fixed_grid(chosen, LEARNING) for chosen in (songs, [other])]
    learned, unknown = (grid_loss(network, grid, device=CPU, dtype="float32") for grid in grids)
    return learned, unknown


def test_every_evaluation_is_in_the_curve_and_in_a_snapshot() -> None:
    run = trained(three_songs(), TINY)
    losses = {point.step: point.held_out for point in run.result.curve if point.held_out is not None}
    assert list(losses) == [0, 3, 6]
    assert {snapshot.step: snapshot.held_out_loss for snapshot in run.snapshots} == {3: losses[3], 6: losses[6]}
    assert {progress.step: progress.held_out_loss for progress in run.progress if progress.step in losses} == losses
    assert (run.progress[0].loss, run.progress[0].seconds_per_step) == (None, None)
    assert [point.step for point in run.result.curve if point.loss is not None] == [1, 2, 3, 4, 5, 6]


def test_a_training_stops_when_what_is_held_out_is_noise() -> None:
    noises = [noise_song(f"noise {seed}", seed=seed, held_out=True) for seed in (5, 6, 7)]
    songs = [tuneful_song("one", seed=1, frames=32), *noises]
    run = trained(songs, replace(LEARNING, steps=2000, evaluate_every=50, learning_rate=1e-2))
    held_out = {point.step: point.held_out for point in run.result.curve if point.held_out is not None and point.step}
    assert run.result.stopped_because == "early"
    assert len(held_out) <= 6
    assert held_out[run.result.best_step] == min(held_out.values())
    best = [snapshot for snapshot in run.snapshots if snapshot.is_best][-1]
    assert best.step == run.result.best_step
    stored = load(best.adapter)
    name = "transformer_blocks.0.self_attn.v_proj"
    assert torch.equal(stored[f"base_model.model.{name}.lora_B.weight"], run.result.adapter.pairs[name][1])


def test_without_held_out_songs_the_last_average_is_the_result() -> None:
    run = trained(three_songs()[:2], TINY)
    assert run.result.best_step == TINY.steps
    assert [point.held_out for point in run.result.curve] == [None] * (TINY.steps + 1)
    assert [(snapshot.step, snapshot.is_best) for snapshot in run.snapshots] == [(3, False), (6, False)]
    stored = load(run.snapshots[-1].adapter)
    for name, (a, b) in run.result.adapter.pairs.items():
        assert torch.equal(stored[f"base_model.model.{name}.lora_A.weight"], a)
        assert torch.equal(stored[f"base_model.model.{name}.lora_B.weight"], b)


def test_the_network_is_left_as_it_was() -> None:
    network = tiny_network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    run = trained(three_songs(), replace(TINY, steps=1), network=network)
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert run.result.adapter.rope == "exact"


def test_the_learning_rate_rises_to_its_value_and_stays() -> None:
    """Read from the optimiser's state in the snapshots."""
    run = trained(three_songs()[:2], replace(TINY, steps=4, warm_up=3), snapshot_every_s=0.0)
    states = [torch.load(BytesIO(snapshot.state), weights_only=True) for snapshot in run.snapshots]
    rates = [state["optimiser"]["param_groups"][0]["lr"] for state in states]
    assert rates == pytest.approx([TINY.learning_rate * share for share in (1 / 3, 2 / 3, 1, 1)])


def test_a_training_that_diverges_says_so() -> None:
    songs = [replace(tuneful_song("loud", seed=1), means=torch.full((64, 48), 1e30))]
    with pytest.raises(WorkError, match="diverged"):
        trained(songs, TINY)


def test_nothing_to_learn_from() -> None:
    with pytest.raises(InputError, match="no song to train on"):
        trained([tuneful_song("held", seed=1, held_out=True)], TINY)


def test_bfloat16_needs_a_gpu() -> None:
    assert CPU.type == "cpu"
    with pytest.raises(InputError, match="needs a GPU"):
        trained(three_songs(), replace(TINY, dtype="bfloat16"))


def test_the_seed_decides() -> None:
    one, same, other = (
        adapter_digest(trained(three_songs(), replace(TINY, steps=1, seed=seed)).result.adapter) for seed in (0, 0, 1)
    )
    assert one == same != other
