"""The diffusion transformer of DiffRhythm v1.2, in the plain form for training and comparison.

Parameters have the names of the published files (without their leading ``transformer.``), so that files load strictly
and adapters find their layers. :mod:`tasks.engines.diffrhythm.network.evaluator` runs the same weights faster.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tasks.engines.diffrhythm.network.config import CONDITION, NetworkConfig
from tasks.engines.diffrhythm.network.layers import InputEmbedding, Layer, OutputNorm, ScalarEmbedding, TextEmbedding
from tasks.engines.diffrhythm.network.schedule import rotary_table

__all__ = ["DiT", "NetworkConfig"]


class DiT(nn.Module):
    """Predicts the velocity of a noisy latent from words, style, time and the known part of the song.

    ``exact_buffers`` keeps rotary frequencies and text positions in float32; the published pipeline, and this by
    default, rounds them through float16.
    """

    def __init__(self, config: NetworkConfig, *, exact_buffers: bool = False) -> None:
        super().__init__()
        self.config = config
        self.exact_buffers = exact_buffers
        self.time_embed = ScalarEmbedding()
        self.start_time_embed = ScalarEmbedding()
        self.duration_time_embed = ScalarEmbedding() if config.has_duration else None
        self.text_embed = TextEmbedding(config, exact_buffers=exact_buffers)
        self.input_embed = InputEmbedding(config)
        self.transformer_blocks = nn.ModuleList(Layer(config) for _ in range(config.depth))
        self.text_fusion_linears = nn.ModuleList(
            nn.Sequential(nn.Linear(config.text_dim, config.dim), nn.SiLU()) for _ in range(config.fused_layers)
        )
        self.norm_out = OutputNorm(config.dim, CONDITION)
        self.proj_out = nn.Linear(config.dim, config.mel_dim)

    def forward(
        self,
        x: Tensor,
        cond: Tensor,
        text: Tensor,
        time: Tensor,
        style: Tensor,
        *,
        start_time: Tensor,
        duration: Tensor | None = None,
        drop_audio: bool = False,
        drop_text: bool = False,
        drop_style: bool = False,
        causal: bool = False,
        checkpointing: bool = False,
    ) -> Tensor:
        """Velocity [B, T, 64] at ``x`` [B, T, 64] and flow time ``time`` ([B] or a scalar).

        ``cond`` [B, T, 64] is the known latent, zero where nothing is known; ``text`` [B, T] int64; ``style`` [B, 512];
        ``start_time`` [B]; ``duration`` [B], which a network without such an embedding ignores. A dropped text is all
        filler, the other two are zeros. ``causal`` is how v1.0 was run. ``checkpointing`` keeps only the layers' inputs
        for the gradients and calculates each layer again when its turn comes: less memory, more time, the same bits.
        """
        words = self.text_embed(torch.zeros_like(text) if drop_text else text)
        known_frames = torch.zeros_like(cond) if drop_audio else cond
        wanted_style = torch.zeros_like(style) if drop_style else style
        moment = self.moment(time.expand(len(x)), start_time, duration)
        h = self.input_embed(x, known_frames, words, wanted_style, moment)
        rotary = self.rotary(x.shape[1], x.device)
        for number, layer in enumerate(self.transformer_blocks):
            if checkpointing:  # nothing in a layer is random, so there is no generator's state to restore
                h = checkpoint(layer, h, rotary, causal=causal, use_reentrant=False, preserve_rng_state=False)
            else:
                h = layer(h, rotary, causal=causal)
            if number < self.config.fused_layers:
                h = h + self.text_fusion_linears[number](words)
        velocity: Tensor = self.proj_out(self.norm_out(h, moment))
        return velocity

    def moment(self, time: Tensor, start_time: Tensor, duration: Tensor | None) -> Tensor:
        """The sum [B, 512] of the embeddings of flow time, start and, where there is one, duration ([B] each)."""
        moment: Tensor = self.time_embed(time) + self.start_time_embed(start_time)
        if self.duration_time_embed is None:
            return moment
        if duration is None:
            raise ValueError("this network needs the songs' durations")
        with_duration: Tensor = moment + self.duration_time_embed(duration)
        return with_duration

    def rotary(self, frames: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Cosines and signed sines [frames, head_dim] of the rotary positions."""
        return rotary_table(torch.arange(frames, device=device), self.config.head_dim, exact=self.exact_buffers)
