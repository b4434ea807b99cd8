"""Whether a latent made with an adapter repeats a passage of the songs that the adapter was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tasks.engines.diffrhythm.network.frames import FRAME_RATE
from tasks.training.items import TrainingSong

CLOSE = 0.5
"""A passage that correlates with a song by this much or more is a copy of it, for the ear's purposes."""

WINDOW_FRAMES = 128
"""The length of a compared passage: six seconds."""
HOP_FRAMES = 32

QUIET_SHARE = 0.05
"""Passages below this share of the usual energy are not compared: one silence is like another."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """The passage of a latent that is most like one song: where it is in the latent and in the song, in seconds.

    ``correlation`` is 1 for the same passage at any loudness and about 0 for another.
    """

    song: str
    correlation: float
    latent_s: float
    song_s: float

    @property
    def is_close(self) -> bool:
        """Whether the passage has to be called a copy."""
        return self.correlation >= CLOSE


def likenesses(latent: Tensor, songs: Sequence[TrainingSong]) -> list[Likeness]:
    """How similar the latent [T, 64] is to the mean latent of each song, the most similar first.

    For each window of the latent, the normalised cross-correlation with every place of a song, over all channels at
    once; each channel's mean over the window is subtracted on both sides, since it is the sound's colour rather than
    its course. A latent or a song shorter than a window is compared in its whole length.
    """
    found = [_most_similar(latent.T.double(), song) for song in songs]
    return sorted(found, key=lambda likeness: -likeness.correlation)


def _most_similar(latent: Tensor, song: TrainingSong) -> Likeness:
    """The best of all windows of ``latent`` [64, T] at all places of a song."""
    means = song.means.double()
    length = min(WINDOW_FRAMES, latent.shape[1], song.frames)
    starts = list(dict.fromkeys([*range(0, latent.shape[1] - length + 1, HOP_FRAMES), latent.shape[1] - length]))
    energies = _energies(latent, length)
    places = _energies(means, length)
    spectrum = torch.fft.rfft(means, n=_transform_length(song.frames, length))
    best = Likeness(song.name, 0.0, 0.0, 0.0)
    for start in starts:
        if energies[start] <= QUIET_SHARE * energies.mean():
            continue
        window = latent[:, start : start + length]
        correlation = _correlation(window - window.mean(dim=1, keepdim=True), spectrum, places)
        place = int(correlation.argmax())
        if correlation[place] > best.correlation:
            best = Likeness(song.name, float(correlation[place]), start / FRAME_RATE, place / FRAME_RATE)
    return best


def _correlation(window: Tensor, spectrum: Tensor, places: Tensor) -> Tensor:
    """The normalised correlation of a centred window [64, L] with each place of a song; zero where that is quiet."""
    length = 2 * (spectrum.shape[1] - 1)
    product = (torch.fft.rfft(window, n=length).conj() * spectrum).sum(dim=0)
    raw = torch.fft.irfft(product, n=length)[: len(places)]
    is_loud = places > QUIET_SHARE * places.mean()
    scale = (places * window.square().sum()).sqrt()
    return torch.where(is_loud, raw / scale.clamp(min=torch.finfo(raw.dtype).tiny), 0.0)


def _energies(latent: Tensor, length: int) -> Tensor:
    """The energy of every window of ``length`` frames, less that of its channels' means: [frames - length + 1]."""
    zero = torch.zeros(latent.shape[0], 1, dtype=latent.dtype)
    sums, squares = (torch.cat((zero, values.cumsum(dim=1)), dim=1) for values in (latent, latent.square()))
    mean_sums, energy = (sums[:, length:] - sums[:, :-length]), (squares[:, length:] - squares[:, :-length])
    return (energy - mean_sums.square() / length).sum(dim=0).clamp(min=0.0)


def _transform_length(frames: int, window: int) -> int:
    """A power of two at which the circular correlation does not wrap round; at least 2."""
    return 1 << max(1, (frames + window - 1).bit_length())
