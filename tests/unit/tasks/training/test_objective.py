"""The objective against the reference's training batch, and its split into micro-batches."""

from __future__ import annotations

import pytest

from tests.support.diffrhythm.parity import load_case, load_index, over

torch = pytest.importorskip("torch", reason="training needs torch")

from torch import Tensor, nn  # noqa: E402

from tasks.training.items import draw_item, generator_for  # noqa: E402
from tasks.training.objective import Batch, squared_error  # noqa: E402
from tests.support.diffrhythm.networks import one_thread, tiny_network  # noqa: E402
from tests.support.training.songs import TINY, tuneful_song  # noqa: E402

TRAIN = load_index("train_index.json")
RELATIVE = 1e-6

__all__ = ["one_thread"]


def reference_batch(drops: dict[str, bool]) -> Batch:
    """The reference's batch, with words and style dropped from its items rather than by the network's flags."""
    given = load_case("train.safetensors", "train")
    return Batch(
        latent=given["x1"],
        noise=given["x0"],
        text=torch.zeros_like(given["text"]) if drops["drop_text"] else given["text"],
        style=torch.zeros_like(given["style"]) if drops["drop_style"] else given["style"],
        time=given["time_logit"].sigmoid(),
        start_time=given["start_time"],
        frames=given["lens"],
    )


def mean_error(batch: Batch, network: nn.Module) -> Tensor:
    return squared_error(network, batch) / (batch.frames.sum() * batch.latent.shape[2])


@over("combination", [name for name, what in TRAIN.items() if "loss" in what])
def test_the_loss_is_the_references(combination: str) -> None:
    what = TRAIN[combination]
    with torch.no_grad():
        loss = mean_error(reference_batch(what), tiny_network())
    assert loss.item() == pytest.approx(what["loss"], rel=RELATIVE)


@over("norms", [name for name in TRAIN if name.startswith("grad_norms_")])
def test_the_gradients_are_the_references(norms: str) -> None:
    network = tiny_network()
    mean_error(reference_batch(TRAIN[norms.removeprefix("grad_norms_")]), network).backward()
    gradients = {f"transformer.{name}": parameter.grad for name, parameter in network.named_parameters()}
    assert len(TRAIN[norms]) > 0
    for name, norm in TRAIN[norms].items():
        assert gradients[name].norm().item() == pytest.approx(norm, rel=RELATIVE), name


def test_padding_is_seen_by_the_network_and_not_counted() -> None:
    """Other noise in the padding changes the prediction of valid frames; the loss there is the same with any target."""
    item = draw_item(tuneful_song("short", seed=1, frames=10), generator_for("padding"), TINY)
    batch = Batch.of([item], torch.device("cpu"))
    network = tiny_network()
    with torch.no_grad():
        plain = squared_error(network, batch)
        batch.noise[:, 12:] += 1.0
        seen = squared_error(network, batch)
    assert item.frames == 10
    assert seen != plain
    assert 0.5 < seen / plain < 2  # six more frames of error would have doubled it, and a one there is in any case


def test_a_sum_over_items_is_the_sum_of_their_errors() -> None:
    items = [draw_item(tuneful_song("song", seed=4), generator_for("sum", index), TINY) for index in range(3)]
    network = tiny_network()
    with torch.no_grad():
        together = squared_error(network, Batch.of(items, torch.device("cpu")))
        apart = sum(squared_error(network, Batch.of([item], torch.device("cpu"))) for item in items)
    torch.testing.assert_close(together, apart, rtol=1e-6, atol=0)


def test_a_network_with_durations_learns_its_share_of_the_longest_song() -> None:
    network = tiny_network(6144)
    item = draw_item(tuneful_song("song", seed=4), generator_for("full"), TINY)
    seen: list[Tensor] = []
    network.duration_time_embed.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    with torch.no_grad():
        squared_error(network, Batch.of([item], torch.device("cpu")))
    assert seen[0].tolist() == pytest.approx([item.frames / 6144])
