"""What a trained adapter sings: latents for the copy check and for previews, and what in them is close to a song."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from catalog.common.digests import Json
from tasks.engines.diffrhythm.network.config import CONDITION
from tasks.engines.diffrhythm.network.network import DiT
from tasks.engines.diffrhythm.network.sampler import Conditioning, Sampler, Sampling, noise
from tasks.training.copy_check import likenesses
from tasks.training.items import Line, TrainingSong, cut_crop

TAKES = 2
"""Songs that an adapter is asked for when it is checked: what it knows by heart comes out with their own words."""


@dataclass(frozen=True, slots=True, eq=False)
class SongRequest:
    """What is to be sung: ``frames`` latent frames with these lines, in a style [512], from a seed."""

    lines: tuple[Line, ...]
    style: Tensor
    frames: int
    seed: int


def sample_songs(
    network: DiT, requests: Sequence[SongRequest], sampling: Sampling, *, device: torch.device, dtype: torch.dtype
) -> list[Tensor]:
    """The latent [T, 64] of each request, float32 on the CPU. The network is taken over."""
    sampler = Sampler(network, device=device, dtype=dtype)
    return [
        sampler.sample([_conditioning(request)], [noise(request.seed, request.frames)], sampling)[0].cpu()
        for request in requests
    ]


def copies(
    network: DiT,
    songs: Sequence[TrainingSong],
    sampling: Sampling,
    *,
    frames: int,
    seed: int,
    device: torch.device,
    dtype: torch.dtype,
) -> list[dict[str, Json]]:
    """The copy check: the first songs that were learned are asked for, and compared with all that were.

    ``network`` has the adapter merged into it, and is taken over. One entry for each song, with the passage that is
    most like one of them.
    """
    learned = [song for song in songs if not song.held_out]
    checked_songs = learned[:TAKES]
    requests = [SongRequest(song.lines, song.style, frames, seed) for song in checked_songs]
    latents = sample_songs(network, requests, sampling, device=device, dtype=dtype)
    return [closest(latent, learned, take=song.name) for latent, song in zip(latents, checked_songs, strict=True)]


def closest(latent: Tensor, songs: Sequence[TrainingSong], *, take: str) -> dict[str, Json]:
    """The passage of a latent that is most like one of the songs, as JSON."""
    first = likenesses(latent, songs)[0]
    return {
        "take": take,
        "song": first.song,
        "correlation": round(first.correlation, 4),
        "latent_s": round(first.latent_s, 2),
        "song_s": round(first.song_s, 2),
        "is_close": first.is_close,
    }


def _conditioning(request: SongRequest) -> Conditioning:
    text = torch.zeros(request.frames, dtype=torch.int64)
    for first, tokens in cut_crop(request.lines, song_frames=request.frames, start=0, length=request.frames).runs:
        text[first : first + len(tokens)] = torch.tensor(tokens, dtype=torch.int64)
    return Conditioning(text=text, style=request.style, negative_style=torch.zeros(CONDITION))
