"""Layers that are calculated again in the backward pass: the same bits, and a small part of the memory."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("peft", reason="training needs PEFT")

from torch import Tensor  # noqa: E402

from tasks.engines.diffrhythm.network.network import DiT, NetworkConfig  # noqa: E402
from tasks.training.forecast import kept_bytes  # noqa: E402
from tasks.training.items import step_items  # noqa: E402
from tasks.training.lora import adapted  # noqa: E402
from tasks.training.objective import Batch, squared_error  # noqa: E402
from tasks.training.parameters import TrainingParameters  # noqa: E402
from tests.support.diffrhythm.networks import one_thread, tiny_network  # noqa: E402
from tests.support.training.kept import kept_per_layer_and_frame  # noqa: E402
from tests.support.training.songs import TINY, three_songs  # noqa: E402

__all__ = ["one_thread"]


def loss_and_gradients(*, checkpointing: bool) -> tuple[float, list[Tensor]]:
    network = tiny_network()
    batch = Batch.of(step_items(three_songs(), TINY, 1), torch.device("cpu"))
    with adapted(network, TINY) as layers:
        layers.set([torch.full_like(tensor, 0.02) for tensor in layers.tensors])  # B of zero has gradients of zero
        loss = squared_error(network, batch, checkpointing=checkpointing)
        loss.backward()
        return loss.item(), [tensor.grad.clone() for tensor in layers.tensors]


def test_checkpointing_changes_no_bit() -> None:
    loss, gradients = loss_and_gradients(checkpointing=False)
    again_loss, again_gradients = loss_and_gradients(checkpointing=True)
    assert again_loss == loss
    assert all(gradient.abs().max() > 0 for gradient in gradients)
    assert all(map(torch.equal, again_gradients, gradients))


WIDE = NetworkConfig(128, 4, 4, 2, 2048, has_duration=False)
"""Tiny, with an MLP four times as wide as the network like the published one."""


def test_checkpointing_keeps_a_twentieth() -> None:
    parameters = TrainingParameters(rank=16)
    plain, saved = (kept_per_layer_and_frame(WIDE, parameters, frames=32, checkpointing=on) for on in (False, True))
    assert saved <= plain / 20


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize(
    ("dim", "ff_mult", "rank", "dtype"),
    [(128, 4, 16, "float32"), (192, 2, 8, "float32"), (128, 4, 16, "bfloat16"), (192, 2, 8, "bfloat16")],
)
def test_the_forecast_counts_what_autograd_keeps(
    dim: int, ff_mult: int, rank: int, dtype: str, checkpointing: bool
) -> None:
    config = NetworkConfig(dim, 3, ff_mult, 2, 2048, has_duration=False)
    parameters = TrainingParameters(rank=rank, dtype=dtype, crop_frames=32)
    kept = kept_per_layer_and_frame(config, parameters, frames=32, checkpointing=checkpointing)
    assert kept == kept_bytes(config, parameters, checkpointing=checkpointing)


def test_a_network_runs_with_checkpointing_and_without_gradients() -> None:
    network: DiT = tiny_network()
    batch = Batch.of(step_items(three_songs(), TINY, 2), torch.device("cpu"))
    with torch.no_grad():
        assert squared_error(network, batch, checkpointing=True) == squared_error(network, batch)
