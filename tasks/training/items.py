"""Training items: a song's crop, its tokens, and the random numbers that belong to one item of one step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from tasks.engines.diffrhythm.network.config import CONDITION
from tasks.engines.diffrhythm.vae.vae import LATENT_CHANNELS


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSong:
    """One encoded song of F latent frames.

    ``means`` and ``scales`` [64, F] float32 are what the autoencoder's encoder gives; ``lines`` are (start in seconds,
    tokens of the line) in their order, where a line without tokens is a rest; ``style`` [512]. A song that is
    ``held_out`` is evaluated only. Raises ValueError for other shapes.
    """

    name: str
    means: Tensor
    scales: Tensor
    lines: tuple[tuple[float, tuple[int, ...]], ...]
    style: Tensor
    held_out: bool = False

    def __post_init__(self) -> None:
        if self.means.dim() != 2 or self.means.shape[0] != LATENT_CHANNELS or self.means.shape[1] == 0:
            raise ValueError(f"the means are {tuple(self.means.shape)}, not ({LATENT_CHANNELS}, frames)")
        if self.scales.shape != self.means.shape:
            raise ValueError(f"the scales are {tuple(self.scales.shape)}, not {tuple(self.means.shape)}")
        if self.style.shape != (CONDITION,):
            raise ValueError(f"the style is {tuple(self.style.shape)}, not ({CONDITION},)")

    @property
    def frames(self) -> int:
        """The song's length in latent frames."""
        return int(self.means.shape[1])
