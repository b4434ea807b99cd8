"""Tiny models in the published file structures, for end-to-end tests of the engine."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

FRAME = 2048
LATENT = 64
ATOMS = 48
RATE = 44_100

DIM = 64
DEPTH = 2
FF_MULT = 2
CONV_LAYERS = 1
TEXT = 512
SYMBOLS = 363
POSITION_GROUPS = 16


class TinyVae(nn.Module):
    """Latents play a bank of windowed tones and noise, each with its own stereo position."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.mix = nn.Conv1d(LATENT, ATOMS, 3, padding=1)
        self.play = nn.ConvTranspose1d(ATOMS, 2, 2 * FRAME, stride=FRAME, padding=FRAME // 2, bias=False)
        self.listen = nn.Conv1d(2, 2 * LATENT, FRAME, stride=FRAME)

        def noise(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator)

        scales = torch.cat([torch.zeros(LATENT), torch.full((LATENT,), -3.0)])
        self.mix.weight = nn.Parameter(noise(ATOMS, LATENT, 3) / math.sqrt(3 * LATENT))
        self.mix.bias = nn.Parameter(0.1 * noise(ATOMS))
        self.listen.weight = nn.Parameter(0.05 * noise(2 * LATENT, 2, FRAME))
        self.listen.bias = nn.Parameter(noise(2 * LATENT) + scales)
        self.play.weight = nn.Parameter(_atoms(generator))

    @torch.jit.export
    def decode_export(self, latents: Tensor) -> Tensor:
        sound: Tensor = torch.tanh(self.play(torch.tanh(self.mix(latents))))
        return sound

    @torch.jit.export
    def encode_export(self, audio: Tensor) -> Tensor:
        moments: Tensor = self.listen(audio)
        return moments

    def forward(self, latents: Tensor) -> Tensor:
        return self.decode_export(latents)


def _atoms(generator: torch.Generator) -> Tensor:
    """[ATOMS, 2, two frames]: Hann-windowed tones from 55 Hz to 14 kHz, softer at higher pitch, every eighth noise."""
    time = torch.arange(2 * FRAME) / RATE
    frequency = torch.logspace(math.log10(55), math.log10(14_000), ATOMS)
    phase = 2 * math.pi * torch.rand(ATOMS, generator=generator)
    tones = torch.sin(2 * math.pi * frequency[:, None] * time + phase[:, None])
    tones[::8] = torch.randn(len(tones[::8]), 2 * FRAME, generator=generator)
    level = 0.09 * (frequency / 200).clamp(min=1) ** -0.4
    angle = math.pi / 2 * torch.rand(ATOMS, generator=generator)
    places = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
    mono = torch.hann_window(2 * FRAME) * tones * level[:, None]
    return places[:, :, None] * mono[:, None, :]


def write_tiny_vae(path: Path, seed: int = 0) -> Path:
    """A TorchScript autoencoder that turns latents of any size near 1 into broadband stereo audio."""
    with warnings.catch_warnings():
        # torch 2.11 deprecates TorchScript, the only form in which the autoencoder is published.
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", DeprecationWarning)
        torch.jit.script(TinyVae(torch.Generator().manual_seed(seed)).eval()).save(str(path))  # type: ignore[no-untyped-call]
    return path


def write_tiny_dit(path: Path, *, full: bool, seed: int = 0) -> Path:
    """A ``cfm_model.pt`` of the published structure (half tensors) with a tiny network of random weights."""
    generator = torch.Generator().manual_seed(seed)
    state = {
        f"transformer.{name}": _random(name, shape, generator).half()
        for name, shape in {**_embeddings(full=full), **_blocks(), **_ends()}.items()
    }
    torch.save({"model_state_dict": state}, path)
    return path


Shapes = dict[str, tuple[int, ...]]


def _random(name: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Values that preserve the signal's level: norms near 1, small biases, matrices scaled by their width."""
    noise = torch.randn(shape, generator=generator)
    if "norm" in name and len(shape) == 1 and name.endswith("weight"):
        return 1 + 0.1 * noise
    if len(shape) == 1 or "grn" in name:
        return 0.1 * noise
    gain = 0.5 if name.startswith("proj_out") else 1.0
    fan_in = 1 if name.startswith("text_embed.text_embed") else math.prod(shape[1:])
    return gain * noise / math.sqrt(fan_in)


def _linear(name: str, out: int, into: int) -> Shapes:
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def _embeddings(*, full: bool) -> Shapes:
    """Embeddings of time, start and duration (full model only), and of text with its convolutional blocks."""
    shapes: Shapes = {}
    for scalar in ("time_embed", "start_time_embed", *(("duration_time_embed",) if full else ())):
        shapes |= _linear(f"{scalar}.time_mlp.0", TEXT, 256) | _linear(f"{scalar}.time_mlp.2", TEXT, TEXT)
    shapes["text_embed.text_embed.weight"] = (SYMBOLS + 1, TEXT)
    for number in range(CONV_LAYERS):
        block = f"text_embed.text_blocks.{number}"
        shapes |= {f"{block}.dwconv.weight": (TEXT, 1, 7), f"{block}.dwconv.bias": (TEXT,)}
        shapes |= {f"{block}.norm.weight": (TEXT,), f"{block}.norm.bias": (TEXT,)}
        shapes |= {f"{block}.grn.gamma": (1, 1, 2 * TEXT), f"{block}.grn.beta": (1, 1, 2 * TEXT)}
        shapes |= _linear(f"{block}.pwconv1", 2 * TEXT, TEXT) | _linear(f"{block}.pwconv2", TEXT, 2 * TEXT)
    return shapes


def _blocks() -> Shapes:
    """The decoder layers, and the text fusion in the first half of them."""
    shapes: Shapes = {}
    for number in range(DEPTH):
        block = f"transformer_blocks.{number}"
        shapes |= {f"{block}.self_attn.{part}_proj.weight": (DIM, DIM) for part in "qkvo"}
        shapes |= {f"{block}.mlp.{part}_proj.weight": (FF_MULT * DIM, DIM) for part in ("gate", "up")}
        shapes[f"{block}.mlp.down_proj.weight"] = (DIM, FF_MULT * DIM)
        shapes |= {f"{block}.{norm}_layernorm.weight": (DIM,) for norm in ("input", "post_attention")}
    for number in range(DEPTH // 2):
        shapes |= _linear(f"text_fusion_linears.{number}.0", DIM, TEXT)
    return shapes


def _ends() -> Shapes:
    """The input projection with its position convolutions, and the output layers."""
    shapes = _linear("input_embed.proj", DIM, 2 * LATENT + 3 * TEXT)
    for number in (0, 2):
        convolution = f"input_embed.conv_pos_embed.conv1d.{number}"
        shapes |= {f"{convolution}.weight": (DIM, DIM // POSITION_GROUPS, 31), f"{convolution}.bias": (DIM,)}
    return shapes | _linear("norm_out.linear", 2 * DIM, TEXT) | _linear("proj_out", LATENT, DIM)
