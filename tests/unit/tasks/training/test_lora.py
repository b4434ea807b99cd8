"""The low-rank layers: where they are put, how they begin, and that they leave no trace."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("peft", reason="training needs PEFT")

from tasks.training.forecast import adapter_weights  # noqa: E402
from tasks.training.items import step_items  # noqa: E402
from tasks.training.lora import adapted  # noqa: E402
from tasks.training.objective import Batch, squared_error  # noqa: E402
from tasks.training.parameters import TARGETS  # noqa: E402
from tasks.weights.adapters.merge import merged  # noqa: E402
from tests.support.diffrhythm.networks import one_thread, tiny_network  # noqa: E402
from tests.support.training.runs import CPU  # noqa: E402
from tests.support.training.songs import TINY, three_songs  # noqa: E402

__all__ = ["one_thread"]


def batch() -> Batch:
    return Batch.of(step_items(three_songs(), TINY, 1), CPU)


def test_seven_layers_of_every_block_and_no_other() -> None:
    network = tiny_network()
    with adapted(network, TINY) as layers:
        adapter = layers.adapter(layers.tensors, exact_rope=True)
        trainable = [tensor for tensor in network.parameters() if tensor.requires_grad]
        assert len(trainable) == len(layers.tensors) == 2 * 7 * network.config.depth
        assert sum(tensor.numel() for tensor in trainable) == adapter_weights(network.config, TINY)
    assert {name.rpartition(".")[2] for name in adapter.pairs} == set(TARGETS)
    assert all(name.startswith("transformer_blocks.") for name in adapter.pairs)
    assert (adapter.rank, adapter.alpha, adapter.rope) == (4, 4.0, "exact")


def test_some_targets_only() -> None:
    network = tiny_network()
    attention = replace(TINY, targets=("q_proj", "v_proj"), alpha=8.0)
    with adapted(network, attention) as layers:
        adapter = layers.adapter(layers.tensors, exact_rope=False)
        assert len(layers.tensors) == 2 * 2 * network.config.depth
        assert sum(tensor.numel() for tensor in layers.tensors) == adapter_weights(network.config, attention)
    assert (adapter.alpha, adapter.rope) == (8.0, "float16")


def test_a_new_adapter_has_no_effect_and_is_the_same_for_a_seed() -> None:
    network = tiny_network()
    with torch.no_grad():
        plain = squared_error(network, batch())
    with adapted(network, TINY) as layers, torch.no_grad():
        assert squared_error(network, batch()) == plain
        begun = layers.copies()
    torch.manual_seed(99)
    with adapted(tiny_network(), TINY) as layers:
        assert all(map(torch.equal, begun, layers.tensors))
    with adapted(tiny_network(), replace(TINY, seed=1)) as layers:
        assert not torch.equal(begun[0], layers.tensors[0])


def test_the_global_generator_is_left_alone() -> None:
    network = tiny_network()
    torch.manual_seed(5)
    wanted = torch.rand(())
    torch.manual_seed(5)
    with adapted(network, TINY):
        pass
    assert torch.rand(()) == wanted


def test_the_adapter_is_float32_on_a_network_of_half_the_precision() -> None:
    network = tiny_network().to(torch.bfloat16)
    with adapted(network, TINY) as layers:
        assert {tensor.dtype for tensor in layers.tensors} == {torch.float32}
        layers.set([torch.full_like(tensor, 0.02) for tensor in layers.tensors])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            error = squared_error(network, batch())
        assert error.dtype == torch.float32
        error.backward()
        assert {tensor.grad.dtype for tensor in layers.tensors} == {torch.float32}
    assert {tensor.dtype for tensor in network.parameters()} == {torch.bfloat16}


def test_it_is_taken_out_again_after_an_error_too() -> None:
    network = tiny_network()
    names = list(network.state_dict())
    with pytest.raises(RuntimeError, match="stop"), adapted(network, TINY):
        raise RuntimeError("stop")
    assert list(network.state_dict()) == names
    assert not any(tensor.requires_grad for tensor in network.parameters())


def test_other_values_are_held_for_a_while() -> None:
    with adapted(tiny_network(), TINY) as layers:
        before = layers.copies()
        with layers.holding([torch.ones_like(tensor) for tensor in layers.tensors]):
            assert all(bool((tensor == 1).all()) for tensor in layers.tensors)
        assert all(map(torch.equal, before, layers.tensors))


def test_merging_the_adapter_gives_what_was_trained() -> None:
    network = tiny_network()
    generator = torch.Generator().manual_seed(1)
    with adapted(network, replace(TINY, alpha=6.0)) as layers, torch.no_grad():
        layers.set([0.1 * torch.randn(tensor.shape, generator=generator) for tensor in layers.tensors])
        trained = squared_error(network, batch())
        adapter = layers.adapter(layers.tensors, exact_rope=True)
    with torch.no_grad():
        plain = squared_error(network, batch())
        network.load_state_dict(merged(network.state_dict(), [(adapter, 1.0)]), strict=False)
        together = squared_error(network, batch())
    assert abs(plain - trained) > 0.01 * trained
    torch.testing.assert_close(together, trained, rtol=1e-5, atol=0)
