"""Network and decoder as modules with positional tensors only, the form in which both can be traced."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tasks.engines.diffrhythm.network.network import DiT
from tasks.engines.diffrhythm.vae.vae import Autoencoder


class Velocity(nn.Module):
    """One evaluation of a network, whose layers it sets to ``dtype``.

    Inputs and output are float32 in every ``dtype``, and so are the small parts and everything related to time, whose
    values half precision cannot hold.
    """

    def __init__(self, network: DiT, *, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network.float()
        self.network.transformer_blocks.to(dtype)
        self.network.text_fusion_linears.to(dtype)
        self._dtype = dtype
        self.eval()

    def forward(
        self,
        x: Tensor,
        cond: Tensor,
        text: Tensor,
        time: Tensor,
        start_time: Tensor,
        style: Tensor,
        duration: Tensor | None = None,
    ) -> Tensor:
        """Velocity [B, T, 64] at ``x`` [B, T, 64], as :meth:`DiT.forward` gives it; ``time`` has [B] numbers."""
        network = self.network
        words = network.text_embed(text)
        moment = network.moment(time, start_time, duration)
        h = network.input_embed(x, cond, words, style, moment).to(self._dtype)
        rotary = network.rotary(x.shape[1], x.device)
        for number, layer in enumerate(network.transformer_blocks):
            h = layer(h, rotary, causal=False)
            if number < network.config.fused_layers:
                h = h + network.text_fusion_linears[number](words.to(self._dtype))
        velocity: Tensor = network.proj_out(network.norm_out(h.float(), moment))
        return velocity


class Decoder(nn.Module):
    """The decoding half of the published autoencoder, a TorchScript module."""

    def __init__(self, autoencoder: Autoencoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, latents: Tensor) -> Tensor:
        """Latents [B, 64, T] to audio [B, 2, 2048 T]."""
        return self.autoencoder.decode_export(latents)
