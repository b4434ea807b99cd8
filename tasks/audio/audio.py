"""The one value that carries audio through Songline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

MAX_PEAK = 1000.0
"""+60 dBFS. Higher samples are a fault of the file, and the squares of 32-bit floats lose their meaning."""


def beyond_any_level(peak: float) -> str | None:
    """The fault of samples whose largest absolute value is ``peak``, to follow "samples"; None where it is in range."""
    return f"reach {peak:.3g} times full scale" if peak > MAX_PEAK else None


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """``samples``: float32, shape (channels, frames), full scale ±1.0; ``rate`` in Hz.

    Raises ValueError on another shape or type; use :meth:`of` to convert.
    """

    samples: Samples
    rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.dtype != np.float32:
            raise ValueError(f"samples are {self.samples.dtype} {self.samples.shape}, not float32 (channels, frames)")
        if self.rate <= 0:
            raise ValueError(f"rate is {self.rate} Hz")

    @classmethod
    def of(cls, samples: NDArray[np.floating], rate: int) -> Audio:
        """Audio from any float array, (frames,) or (channels, frames)."""
        return cls(np.ascontiguousarray(np.atleast_2d(samples), dtype=np.float32), rate)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        """Length in samples per channel."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.rate
