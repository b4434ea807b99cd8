"""The layers of the network, each under the name its parameters are published by."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from tasks.engines.diffrhythm.network.config import (
    CONDITION,
    HEADS,
    POSITION_GROUPS,
    POSITION_KERNEL,
    SINUSOID,
    TEXT_EXPANSION,
    TEXT_KERNEL,
    NetworkConfig,
)
from tasks.engines.diffrhythm.network.schedule import rotate, sinusoid, text_positions

EPS = 1e-6
"""The constant that every normalisation of the network adds."""


class ScalarEmbedding(nn.Module):
    """A number per song (flow time, start, duration) as a vector: [B] to [B, 512]."""

    def __init__(self) -> None:
        super().__init__()
        self.time_mlp = nn.Sequential(nn.Linear(SINUSOID, CONDITION), nn.SiLU(), nn.Linear(CONDITION, CONDITION))

    def forward(self, value: Tensor) -> Tensor:
        """[B] to [B, 512]. The sinusoid is calculated in float32 and only then converted to the weights' precision."""
        embedding: Tensor = self.time_mlp(sinusoid(value).to(next(self.parameters()).dtype))
        return embedding


class ResponseNorm(nn.Module):
    """Global response normalisation: each channel's energy over the whole song relative to the other channels'."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, width))
        self.beta = nn.Parameter(torch.zeros(1, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, C] to the same."""
        energy = torch.linalg.vector_norm(x, dim=1, keepdim=True)
        relative = energy / (energy.mean(dim=-1, keepdim=True) + EPS)
        return torch.addcmul(self.beta + x, self.gamma, x * relative)


class TextBlock(nn.Module):
    """One ConvNeXt block over the frames' text."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(width, width, TEXT_KERNEL, padding=TEXT_KERNEL // 2, groups=width)
        self.norm = nn.LayerNorm(width, eps=EPS)
        self.pwconv1 = nn.Linear(width, hidden)
        self.grn = ResponseNorm(hidden)
        self.pwconv2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, width] to the same."""
        convolution = self.dwconv(x.transpose(1, 2)).transpose(1, 2)
        hidden = F.gelu(self.pwconv1(self.norm(convolution)))
        change: Tensor = self.pwconv2(self.grn(hidden))
        return x + change


class TextEmbedding(nn.Module):
    """Frame-aligned tokens as vectors that include position and context."""

    def __init__(self, config: NetworkConfig, *, exact_buffers: bool) -> None:
        super().__init__()
        self.max_frames = config.max_frames
        self.exact_buffers = exact_buffers
        self.text_embed = nn.Embedding(config.symbols + 1, config.text_dim)
        hidden = TEXT_EXPANSION * config.text_dim
        self.text_blocks = nn.Sequential(*(TextBlock(config.text_dim, hidden) for _ in range(config.conv_layers)))

    def forward(self, text: Tensor) -> Tensor:
        """[B, T] tokens (0 is the filler) to [B, T, 512]; depends on all of a song's tokens."""
        rows = self.text_embed(text)
        positions = torch.arange(text.shape[1], device=text.device).clamp(max=self.max_frames - 1)
        table = text_positions(positions, rows.shape[-1], exact=self.exact_buffers)
        embedding: Tensor = self.text_blocks(rows + table.to(rows.dtype))
        return embedding


class PositionConv(nn.Module):
    """Two wide grouped convolutions over time that give the layers positions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1d = nn.Sequential(_wide_conv(width), nn.Mish(), _wide_conv(width), nn.Mish())

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] to the same, without the residual.

        Run as a two-dimensional convolution of height 1: [B, T, D] is then already in channels-last order, and
        neither the input nor the output is transposed in memory.
        """
        image = x.transpose(1, 2).unsqueeze(2)
        for weight, bias in (
            (convolution.weight, convolution.bias) for convolution in self.conv1d if isinstance(convolution, nn.Conv1d)
        ):
            kernel = weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
            wide_image = F.conv2d(image, kernel, bias, padding=(0, POSITION_KERNEL // 2), groups=POSITION_GROUPS)
            image = F.mish(wide_image)
        return image.squeeze(2).transpose(1, 2)


class InputEmbedding(nn.Module):
    """All inputs of a frame, projected to the network's width."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.proj = nn.Linear(config.input_dim, config.dim)
        self.conv_pos_embed = PositionConv(config.dim)

    def forward(self, x: Tensor, cond: Tensor, text: Tensor, style: Tensor, time: Tensor) -> Tensor:
        """[B, T, ·] latents and text, [B, 512] style and time, to [B, T, D]."""
        frames = x.shape[1]
        vectors = [vector[:, None].expand(-1, frames, -1) for vector in (style, time)]
        h = self.proj(torch.cat((x, cond, text, *vectors), dim=-1))
        output: Tensor = h + self.conv_pos_embed(h)
        return output


class RmsNorm(nn.Module):
    """Root-mean-square normalisation with a weight."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] to the same."""
        return F.rms_norm(x, self.weight.shape, self.weight, EPS)


class Attention(nn.Module):
    """Attention of every frame to every frame of its song, with rotary positions."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (nn.Linear(dim, dim, bias=False) for _ in range(4))

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor], *, causal: bool) -> Tensor:
        """[B, T, D] to the same; ``rotary`` are cosines and sines [T, head_dim]."""
        cos, sin = (table[:, None].to(x.dtype) for table in rotary)
        q, k, v = (projection(x).unflatten(-1, (HEADS, -1)) for projection in (self.q_proj, self.k_proj, self.v_proj))
        mixture = attend(rotate(q, cos, sin), rotate(k, cos, sin), v, causal=causal)
        output: Tensor = self.o_proj(mixture)
        return output


class FeedForward(nn.Module):
    """The gated hidden layer."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.gate_proj, self.up_proj = (nn.Linear(dim, hidden, bias=False) for _ in range(2))
        self.down_proj = nn.Linear(hidden, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] to the same."""
        output: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return output


class Layer(nn.Module):
    """One transformer layer of the Llama form, normalised first."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config.dim)
        self.mlp = FeedForward(config.dim, config.ff_mult * config.dim)
        self.input_layernorm = RmsNorm(config.dim)
        self.post_attention_layernorm = RmsNorm(config.dim)

    def forward(self, h: Tensor, rotary: tuple[Tensor, Tensor], *, causal: bool) -> Tensor:
        """[B, T, D] to the same."""
        h = h + self.self_attn(self.input_layernorm(h), rotary, causal=causal)
        output: Tensor = h + self.mlp(self.post_attention_layernorm(h))
        return output


class OutputNorm(nn.Module):
    """The last normalisation, scaled and shifted by the time embedding."""

    def __init__(self, dim: int, condition: int) -> None:
        super().__init__()
        self.linear = nn.Linear(condition, 2 * dim)

    def modulation(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift [B, D] for embeddings [B, condition]."""
        scale, shift = self.linear(F.silu(time)).chunk(2, dim=-1)
        return scale, shift

    def forward(self, h: Tensor, time: Tensor) -> Tensor:
        """[B, T, D] to the same."""
        scale, shift = self.modulation(time)
        return F.layer_norm(h, h.shape[-1:], eps=EPS) * (1 + scale[:, None]) + shift[:, None]


def attend(q: Tensor, k: Tensor, v: Tensor, *, causal: bool) -> Tensor:
    """Unmasked attention over frames: [B, T, heads, head_dim] each to [B, T, D]; without a mask flash kernels apply."""
    q, k, v = (part.transpose(1, 2) for part in (q, k, v))
    mixture = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    return mixture.transpose(1, 2).flatten(2)


def _wide_conv(width: int) -> nn.Conv1d:
    return nn.Conv1d(width, width, POSITION_KERNEL, padding=POSITION_KERNEL // 2, groups=POSITION_GROUPS)
