"""How many songs go through a network at once, and in which order those of several networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import psutil
import torch

from catalog.common.digests import Json, canonical_json
from catalog.common.errors import TransientError
from tasks.engines.base import RenderJob

SHARE = 0.7
"""Of the free memory, for the songs of a batch."""
MOST = 16
CPU_MOST = 4
"""More rows bring a CPU no gain."""


def songs_at_once(bytes_per_song: float, device: torch.device) -> int:
    """Songs that fit at once into the device's free memory; at least one."""
    if device.type == "cuda":
        free_bytes, _ = torch.cuda.mem_get_info(device)
        # Memory in torch's own cache counts as used there, but is free for the next batch.
        free_bytes += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return max(1, min(MOST, int(SHARE * free_bytes / bytes_per_song)))
    return max(1, min(CPU_MOST, int(SHARE * psutil.virtual_memory().available / bytes_per_song)))


def by_network(
    groups: Iterable[list[RenderJob]], network_key: Callable[[Mapping[str, Json]], list[Json]]
) -> Iterator[list[RenderJob]]:
    """The groups, those of one network together, so that none is loaded twice."""
    networks: dict[bytes, list[list[RenderJob]]] = {}
    for group in groups:
        networks.setdefault(canonical_json(network_key(group[0].recipe.inputs)), []).append(group)
    for groups_of_one in networks.values():
        yield from groups_of_one


def no_memory() -> TransientError:
    """The error of a song that does not fit even alone."""
    return TransientError(
        "the device has no memory left for one song", remedy="Free memory on it, or set `dtype: bfloat16`"
    )
