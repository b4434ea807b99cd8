"""The conditioning of one song: its words by frame, its style, and for an edit the known part of its latent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from catalog.common.errors import InputError
from tasks.engines.diffrhythm.network.config import CONDITION


@dataclass(frozen=True, slots=True, eq=False)
class Conditioning:
    """One song of T frames; rows of a batch that are the same object share computations.

    ``text`` [T] int64 tokens, 0 the filler; ``style`` and ``negative_style`` [512]; ``start_time`` and ``duration`` in
    the network's units (duration for the full model only). For an edit, ``known_latents`` [Tc, 64] is the existing
    latent, at least T frames long, and ``regenerate`` [T] bool marks the frames to regenerate; the others stay
    verbatim.
    """

    text: Tensor
    style: Tensor
    negative_style: Tensor
    start_time: float = 0.0
    duration: float | None = None
    known_latents: Tensor | None = None
    regenerate: Tensor | None = None

    def __post_init__(self) -> None:
        if self.text.dim() != 1 or self.style.shape != (CONDITION,) or self.negative_style.shape != (CONDITION,):
            raise ValueError(f"a song has text [frames] and two styles [{CONDITION}]")
        if (self.known_latents is None) != (self.regenerate is None):
            raise ValueError("a known latent and the frames to regenerate come together")
        if self.regenerate is not None and self.regenerate.shape != self.text.shape:
            raise ValueError("one mark for every frame says whether it is regenerated")
        if self.known_latents is not None and len(self.known_latents) < len(self.text):
            raise InputError(
                f"the latent to edit has {len(self.known_latents)} frames and the song {len(self.text)}",
                remedy="Ask for a song no longer than what is edited",
            )

    def known_outside(self) -> Tensor | None:
        """The known latent [T, 64] for the network's input, zero where frames are regenerated."""
        if self.known_latents is None or self.regenerate is None:
            return None
        return self.known_latents[: len(self.text)].masked_fill(self.regenerate[:, None], 0.0)

    def restore(self, latent: Tensor) -> Tensor:
        """``latent`` [T, 64] with the known frames restored."""
        if self.known_latents is None or self.regenerate is None:
            return latent
        known_frames = self.known_latents[: len(self.text)].to(latent)
        return torch.where(self.regenerate.to(latent.device)[:, None], latent, known_frames)


def regenerated_frames(passages: Iterable[tuple[int, int]], frames: int) -> Tensor:
    """The union of frame intervals [start, end) as [frames] bool; frames past the end are cut off."""
    mask = torch.zeros(frames, dtype=torch.bool)
    for start, end in passages:
        mask[max(0, start) : max(0, end)] = True
    return mask
