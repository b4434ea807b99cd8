"""Write network and decoder as ONNX files, without anything of the machine that writes them.

The two exporters of torch print to standard output and warn of what cannot be changed here; both are kept quiet.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import torch

from tasks.engines.diffrhythm.export.modules import Decoder, Velocity
from tasks.engines.diffrhythm.network.config import CONDITION
from tasks.engines.diffrhythm.vae.vae import LATENT_CHANNELS, Vae

NETWORK_OPSET = 20
DECODER_OPSET = 17
"""The latest that the exporter of TorchScript writes without conversion."""

_FRAME_INPUTS = ("x", "cond", "text")
_ROW_INPUTS = ("time", "start_time", "style")
_TRACED_ROWS, _TRACED_FRAMES = 2, 33
"""Sizes of 0 and 1 would be taken for constants."""

_EXPECTED_WARNINGS: tuple[tuple[str, type[Warning]], ...] = (
    (r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning),
    (r"# The axis name: \w+ will not be used", UserWarning),
    (r"`torch\.jit\.script` is deprecated", DeprecationWarning),
    (r"You are using the legacy TorchScript-based ONNX export", DeprecationWarning),
    (r"The feature will be removed\. Please remove usage of this function", DeprecationWarning),
)


def network_inputs(*, has_duration: bool) -> tuple[str, ...]:
    """The names of the network's inputs, in order."""
    return (*_FRAME_INPUTS, *_ROW_INPUTS, *(("duration",) if has_duration else ()))


@torch.no_grad()
def write_network(velocity: Velocity, path: Path) -> None:
    """Write the network to ``path``, and its weights beside it under the same name with ``.data``.

    Rows and frames are free in every input. Takes about twice the memory of the weights.
    """
    config = velocity.network.config
    names = network_inputs(has_duration=config.has_duration)
    frame_axes, row_axes = {0: "batch", 1: "frames"}, {0: "batch"}
    with _quiet():
        program = torch.onnx.export(
            velocity,
            _traced_inputs(mel_dim=config.mel_dim, has_duration=config.has_duration),
            dynamo=True,
            input_names=names,
            output_names=["velocity"],
            dynamic_shapes=tuple(frame_axes if name in _FRAME_INPUTS else row_axes for name in names),
            opset_version=NETWORK_OPSET,
            verify=False,
            report=False,
        )
        if program is None:
            raise RuntimeError("torch has exported no program")
        _remove_traces(program.model)
        program.save(path, external_data=True)


@torch.no_grad()
def write_decoder(vae: Vae, path: Path) -> None:
    """Write the decoder of a float32 autoencoder on the CPU to ``path``, weights included.

    The autoencoder is published as TorchScript only, which only torch's older exporter takes.
    """
    with _quiet():
        script = torch.jit.script(Decoder(vae.module))
        torch.onnx.export(
            script,
            (torch.zeros(2, LATENT_CHANNELS, 8),),
            path,
            dynamo=False,
            input_names=["latents"],
            output_names=["audio"],
            dynamic_axes={"latents": {0: "batch", 2: "frames"}, "audio": {0: "batch", 2: "samples"}},
            opset_version=DECODER_OPSET,
        )


def _traced_inputs(*, mel_dim: int, has_duration: bool) -> tuple[torch.Tensor, ...]:
    rows, frames = _TRACED_ROWS, _TRACED_FRAMES
    latent, scalar = torch.zeros(rows, frames, mel_dim), torch.full((rows,), 0.5)
    text = torch.zeros(rows, frames, dtype=torch.int64)
    inputs = (latent, latent.clone(), text, scalar, scalar.clone(), torch.zeros(rows, CONDITION))
    return (*inputs, scalar.clone()) if has_duration else inputs


def _remove_traces(model: Any) -> None:
    """Remove what the exporter notes of each operator's origin: paths and source lines of this machine."""
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    for value in (*model.graph.inputs, *model.graph.initializers.values()):
        value.metadata_props.clear()
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        for message, category in _EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message, category)
        yield
