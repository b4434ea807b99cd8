"""The sizes of a DiffRhythm network, without torch, so that planning and accounting can use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

HEADS = 32
"""Attention heads of every network, whatever its width."""

CONDITION = 512
"""Width of the style vector, of the time embeddings and of the text embedding."""

BASE_FRAMES = 2048
FULL_FRAMES = 6144

POSITION_KERNEL = 31
POSITION_GROUPS = 16
TEXT_KERNEL = 7
TEXT_EXPANSION = 2
SINUSOID = 256


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The sizes of one network; ``max_frames`` is where text positions stop growing, ``dim`` a multiple of 64."""

    BASE_1B: ClassVar[NetworkConfig]
    FULL_1B: ClassVar[NetworkConfig]

    dim: int
    depth: int
    ff_mult: int
    conv_layers: int
    max_frames: int
    has_duration: bool
    text_dim: int = CONDITION
    mel_dim: int = 64
    symbols: int = 363

    @property
    def head_dim(self) -> int:
        """Channels of one attention head."""
        return self.dim // HEADS

    @property
    def fused_layers(self) -> int:
        """The number of first layers to which the text is added again."""
        return self.depth // 2

    @property
    def input_dim(self) -> int:
        """Width of the concatenated input: latent, known latent, text, style, time."""
        return 2 * self.mel_dim + self.text_dim + 2 * CONDITION


NetworkConfig.BASE_1B = NetworkConfig(2048, 16, 4, 4, BASE_FRAMES, has_duration=False)
NetworkConfig.FULL_1B = NetworkConfig(2048, 16, 4, 4, FULL_FRAMES, has_duration=True)
