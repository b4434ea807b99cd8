"""Count the bytes that autograd keeps for the backward pass of a network with low-rank layers."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from tasks.engines.diffrhythm.network.network import DiT, NetworkConfig
from tasks.training.items import step_items
from tasks.training.lora import adapted
from tasks.training.objective import Batch, squared_error
from tasks.training.parameters import TrainingParameters
from tests.support.training.songs import tuneful_song


def kept_per_layer_and_frame(
    config: NetworkConfig, parameters: TrainingParameters, *, frames: int, checkpointing: bool
) -> float:
    """The bytes that one more layer keeps for each frame; in bfloat16 by the CPU's automatic precision."""
    parameters = replace(parameters, crop_frames=frames, batch=1, accumulation=1)
    depths = (config.depth, config.depth + 2)  # the last and the first layers keep other things than those between
    less, more = (_kept(replace(config, depth=depth), parameters, checkpointing=checkpointing) for depth in depths)
    return (more - less) / 2 / frames


def _kept(config: NetworkConfig, parameters: TrainingParameters, *, checkpointing: bool) -> int:
    """The bytes of all storages kept, each counted once, without those of the network and the adapter."""
    bfloat16 = parameters.dtype == "bfloat16"
    network = DiT(config).to(torch.bfloat16 if bfloat16 else torch.float32)
    song = tuneful_song("song", seed=1, frames=parameters.crop_frames)
    batch = Batch.of(step_items([song], parameters, 1), torch.device("cpu"))
    kept_storages: dict[int, torch.UntypedStorage] = {}
    with adapted(network, parameters):
        own = {tensor.untyped_storage().data_ptr() for tensor in network.parameters()}

        def keep(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                kept_storages[storage.data_ptr()] = storage
            return tensor

        with (
            torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16),
            torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        ):
            squared_error(network, batch, checkpointing=checkpointing)
        return sum(storage.nbytes() for storage in kept_storages.values())
