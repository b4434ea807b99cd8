"""The memory that a device has free for a training, and what to do when it runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable

import psutil
import torch

from catalog.common.errors import TransientError
from tasks.training.forecast import Fit
from tasks.weights.out_of_memory import is_out_of_memory


def free_bytes(device: torch.device) -> int:
    """The memory that a process could still take on a device, what torch keeps for itself there included."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    return int(psutil.virtual_memory().available)


def fitted(work: Callable[[Fit], float], fit: Fit) -> tuple[float, Fit]:
    """The result of ``work`` and the fit it succeeded with: ``fit``, or the first smaller one where memory suffices.

    Raises TransientError when even the smallest is out of memory.
    """
    while True:
        result = _attempt(work, fit)
        if result is not None:
            return result, fit
        # The error held the attempt's tensors: they can be freed only now that it is gone.
        gc.collect()
        torch.cuda.empty_cache()
        smaller = fit.smaller()
        if smaller is None:
            raise TransientError(
                "The device has no memory left for a single item of a training step",
                remedy="Free memory on the device, or set a smaller `rank` or `crop_frames`",
            )
        fit = smaller


def _attempt(work: Callable[[Fit], float], fit: Fit) -> float | None:
    """What ``work`` gives, or None where it was out of memory."""
    try:
        return work(fit)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    return None
