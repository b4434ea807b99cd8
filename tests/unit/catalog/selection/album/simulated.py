"""Simulated albums whose takes vary in all that is compared."""

from __future__ import annotations

from random import Random

from catalog.selection.album.choose import SongTakes, Take
from catalog.selection.album.misfit import Sound


def simulated(seed: int, songs: int, takes: int, max_loss: float = 1.0) -> list[SongTakes]:
    """Songs whose takes vary in all that is compared, with losses of at most ``max_loss``."""
    random = Random(seed)
    return [
        SongTakes(f"s{song}", tuple(_take(random, song, take, max_loss) for take in range(takes)))
        for song in range(songs)
    ]


def _take(random: Random, song: int, take: int, max_loss: float) -> Take:
    sound = Sound(
        random.gauss(-16, 3) if random.random() < 0.9 else None,
        tuple(random.gauss(-10 - 3 * band, 4) for band in range(8)),
        random.uniform(70, 160),
        (int(random.random() * 12), random.random() < 0.5),
        tuple(random.uniform(4, 8) for _ in range(20)),
    )
    loss = round(random.uniform(0, max_loss), 3) if take else 0.0
    return Take(f"s{song}-{take}", f"seed {take}", loss, sound)
