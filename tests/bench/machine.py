"""The machine that a benchmark runs on: its name, its clock and its memory. Needs torch alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it runs."""

    device: torch.device
    dtype: torch.dtype
    compile: bool

    @property
    def name(self) -> str:
        """The device as its driver names it."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "CPU"

    @property
    def dtype_name(self) -> str:
        """As in ``--dtype``."""
        return str(self.dtype).removeprefix("torch.")

    def timed(self, work: Callable[[], object]) -> float:
        """Seconds of ``work``, with the device idle before and after."""
        self._settle()
        began_s = time.perf_counter()
        work()
        self._settle()
        return time.perf_counter() - began_s

    def peak_gib(self) -> float | None:
        """Most memory allocated on the GPU since the last reset."""
        return torch.cuda.max_memory_allocated(self.device) / 2**30 if self.device.type == "cuda" else None

    def forget(self) -> None:
        """Free what is cached and begin the count of memory anew."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)

    def _settle(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
