"""Training items: a song's crop, its tokens, and the random numbers that belong to one item of one step.

Every random number comes from a generator seeded by what it is for, so nothing of a loader has to be kept to go on
with a training, and an item is the same whatever others are calculated beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tasks.engines.diffrhythm.lyrics.timing import Runs, TimedTokens, runs_of, slots
from tasks.engines.diffrhythm.network.config import CONDITION
from tasks.engines.diffrhythm.network.frames import FRAME_RATE, frame_at
from tasks.engines.diffrhythm.vae.vae import LATENT_CHANNELS, sample_latent
from tasks.training.parameters import TrainingParameters

LEAST_SHARE = 0.25
"""A crop is not shortened below this share of its frames for a line that runs past its end."""

Line = tuple[float, tuple[int, ...]]
"""The start of a line in seconds of its song, and its tokens; without tokens it is a rest."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSong:
    """One encoded song of F latent frames.

    ``means`` and ``scales`` [64, F] float32 are what the autoencoder's encoder gives; ``lines`` are in the order of
    their times; ``style`` [512]. A song that is ``held_out`` is evaluated only. Raises ValueError for other shapes.
    """

    name: str
    means: Tensor
    scales: Tensor
    lines: tuple[Line, ...]
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


@dataclass(frozen=True, slots=True)
class Crop:
    """The frames from ``start`` of a song that an item learns from, ``frames`` of them, with the tokens sung there."""

    start: int
    frames: int
    runs: Runs


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One row of a batch of T frames, of which the first ``frames`` count for the loss; the rest are padding.

    ``latent`` [T, 64] is zero in the padding; ``noise`` [T, 64]; ``text`` [T] int64 and ``style`` [512] are zero where
    they were dropped; ``time`` is the flow time and ``start_time`` the crop's start as a share of the song.
    """

    latent: Tensor
    noise: Tensor
    text: Tensor
    style: Tensor
    time: float
    start_time: float
    frames: int

    @property
    def elements(self) -> int:
        """The numbers of the latent over which the loss is averaged."""
        return self.frames * LATENT_CHANNELS


def generator_for(*purpose: object) -> torch.Generator:
    """A CPU generator whose seed is the first 63 bits of the SHA-256 of ``purpose`` joined by slashes."""
    digest = hashlib.sha256("/".join(map(str, purpose)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def step_items(songs: Sequence[TrainingSong], parameters: TrainingParameters, step: int) -> list[Item]:
    """The items of optimiser step number ``step``, counted from 1: a function of these arguments and nothing else."""
    items = []
    for index in range(parameters.items_per_step):
        song = _song_in_order(songs, parameters, (step - 1) * parameters.items_per_step + index)
        items.append(draw_item(song, generator_for(parameters.seed, step, index), parameters))
    return items


def draw_item(song: TrainingSong, generator: torch.Generator, parameters: TrainingParameters) -> Item:
    """An item of ``song``: its crop, latent, noise, time and drops drawn from ``generator``.

    The number and order of the draws do not depend on the drops or on the lyrics.
    """
    length = parameters.crop_frames
    start = int(torch.randint(max(1, song.frames - length + 1), (), generator=generator))
    without_words, without_style = torch.rand(2, generator=generator).tolist()
    time = float(torch.randn((), generator=generator).sigmoid())
    spread, noise = torch.randn(2, length, LATENT_CHANNELS, generator=generator)
    crop = cut_crop(song.lines, song_frames=song.frames, start=start, length=length)
    item = Item(
        latent=_latent(song, crop, spread),
        noise=noise,
        text=_text(crop, length),
        style=song.style.float(),
        time=time,
        start_time=start / song.frames,
        frames=crop.frames,
    )
    return _dropped(item, words=without_words < parameters.drop_words, style=without_style < parameters.drop_style)


def cut_crop(lines: Sequence[Line], *, song_frames: int, start: int, length: int) -> Crop:
    """``length`` frames of a song from ``start``, ended before the last line if that would be cut off.

    A line is sung until the next one begins or a rest does, the last one until the song ends; where that is after the
    crop's end, the network would learn to sing half a line. Lines that began before the crop are left out, and so is a
    cut that would leave less than ``LEAST_SHARE`` of the frames.
    """
    end = min(start + length, song_frames)
    first_frames = [frame_at(start_s) for start_s, _ in lines]
    kept = [index for index, first in enumerate(first_frames) if start <= first < end]
    if kept and lines[kept[-1]][1]:
        last = kept[-1]
        last_end = min([song_frames, *first_frames[last + 1 : last + 2]])
        if last_end > end and first_frames[last] - start >= LEAST_SHARE * length:
            end = first_frames[last]
            kept.pop()
    timed_tokens = [
        # The middle of the frame, so that rounding cannot move the line to the frame before.
        TimedTokens((first_frames[index] - start + 0.5) / FRAME_RATE, lines[index][1])
        for index in kept
        if lines[index][1]
    ]
    frames = end - start
    placed = slots(timed_tokens, frames=frames, length_s=(frames + 1) / FRAME_RATE, drop_last=False)
    return Crop(start, frames, runs_of(placed))


def _song_in_order(songs: Sequence[TrainingSong], parameters: TrainingParameters, number: int) -> TrainingSong:
    """The song of the training's item ``number``: all songs once, in an order drawn anew each time round."""
    around, place = divmod(number, len(songs))
    order = torch.randperm(len(songs), generator=generator_for(parameters.seed, "order", around))
    return songs[int(order[place])]


def _latent(song: TrainingSong, crop: Crop, spread: Tensor) -> Tensor:
    """A latent drawn from the song's moments, [T, 64], zero after the crop's frames."""
    part = slice(crop.start, crop.start + crop.frames)
    moments = torch.cat((song.means[:, part], song.scales[:, part])).float()
    latent = torch.zeros_like(spread)
    latent[: crop.frames] = sample_latent(moments, spread[: crop.frames])
    return latent


def _text(crop: Crop, length: int) -> Tensor:
    text = torch.zeros(length, dtype=torch.int64)
    for first, tokens in crop.runs:
        text[first : first + len(tokens)] = torch.tensor(tokens, dtype=torch.int64)
    return text


def _dropped(item: Item, *, words: bool, style: bool) -> Item:
    """The item without its words, its style or both, as the network's own flags drop them."""
    return replace(
        item,
        text=torch.zeros_like(item.text) if words else item.text,
        style=torch.zeros_like(item.style) if style else item.style,
    )
