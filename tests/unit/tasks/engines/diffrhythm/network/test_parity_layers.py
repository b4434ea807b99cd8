"""Three layers with the original's weights: what the original's network gave them, and what it had from them.

Only the cut folder holds them one by one; in the full one they are intermediates of a whole network.
"""

from __future__ import annotations

import pytest

from tests.support.diffrhythm.parity import load_case, load_tensors, over

torch = pytest.importorskip("torch", reason="the network's tests need torch")
pytest.importorskip("safetensors", reason="the reference data is in safetensors")

from torch import Tensor  # noqa: E402

from tasks.engines.diffrhythm.network.network import DiT  # noqa: E402
from tests.support.diffrhythm.networks import one_thread, tiny_config  # noqa: E402

__all__ = ["one_thread"]

FORWARD = {"atol": 2e-5, "rtol": 1e-4}


def network() -> DiT:
    """A network that has the stored weights, and any others where none are stored."""
    made = DiT(tiny_config(), exact_buffers=True)
    made.load_state_dict(load_case("layers.safetensors", "weights"), strict=False)
    return made


def projected() -> Tensor:
    """Latents, the known part (none here), words, style and moment through the first projection, in this order."""
    given, made = load_case("layers.safetensors", "input_proj"), network()
    seen: list[Tensor] = []
    made.input_embed.proj.register_forward_hook(lambda module, args, output: seen.append(output))
    made.input_embed(given["x"], torch.zeros_like(given["x"]), given["words"], given["style"], given["moment"])
    return seen[0]


def decoded() -> Tensor:
    """The first decoder layer, with the rotary positions of its frames."""
    made, x = network(), load_case("layers.safetensors", "block0")["x"]
    layer: Tensor = made.transformer_blocks[0](x, made.rotary(x.shape[1], x.device), causal=False)
    return layer


def fused() -> Tensor:
    """What the words add after the first layer."""
    added: Tensor = network().text_fusion_linears[0](load_case("layers.safetensors", "fusion0")["x"])
    return added


LAYERS = {"input_proj": projected, "block0": decoded, "fusion0": fused}


@over("layer", [layer for layer in LAYERS if f"{layer}/out" in load_tensors("layers.safetensors")])
def test_parity_layers(layer: str) -> None:
    with torch.no_grad():
        torch.testing.assert_close(LAYERS[layer](), load_case("layers.safetensors", layer)["out"], **FORWARD)
