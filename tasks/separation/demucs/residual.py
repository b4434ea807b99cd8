"""The residual of a mix and its stems, chosen so that the sum is the mix, and the figures of a separation.

The sum is in float32 and in a fixed order: ((first + second) + third) … + residual. Where the stems' sum is within a
factor of two of the mix it is exact (Sterbenz); elsewhere the residual's last bit is missed, which is below -140 dBFS
where mix and sum are within full scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from catalog.common.digests import Json
from tasks.audio.audio import Samples
from tasks.separation.demucs.silence import Passage

FLOOR_DB = -200.0
"""Stands for silence, and for anything below."""


def summed(blocks: Sequence[Samples]) -> Samples:
    """The blocks' float32 sum in their order."""
    total = blocks[0].astype(np.float32)
    for block in blocks[1:]:
        total += block
    return total


def residual_of(mix: Samples, stems: Samples) -> Samples:
    """The residual that, added to the ``stems``' float32 sum, comes as near to ``mix`` as float32 can."""
    difference = mix - stems
    best_residual, miss = difference, np.abs(_missed(mix, stems, difference))
    # The difference is rounded, and so is the sum: a neighbour of it may be closer.
    for direction in (np.float32(-np.inf), np.float32(np.inf)):
        neighbour = np.nextafter(difference, direction)
        neighbour_miss = np.abs(_missed(mix, stems, neighbour))
        best_residual, miss = (
            np.where(neighbour_miss < miss, neighbour, best_residual),
            np.minimum(neighbour_miss, miss),
        )
    return best_residual


def _missed(mix: Samples, stems: Samples, residual: Samples) -> NDArray[np.float64]:
    return mix.astype(np.float64) - (stems + residual)


@dataclass(slots=True)
class Tally:
    """Collects the figures of a separation block by block. ``stems`` are their names in the order of the sum."""

    stems: tuple[str, ...]
    rate: int
    passages: tuple[Passage, ...] = ()
    _gram: NDArray[np.float64] = field(init=False)
    _mix_energy: float = 0.0
    _left_energy: float = 0.0
    _largest_miss: float = 0.0
    _voice_in_passages: float = 0.0
    _mix_in_passages: float = 0.0

    def __post_init__(self) -> None:
        self._gram = np.zeros((len(self.stems), len(self.stems)))

    def add(self, start: int, mix: Samples, blocks: Sequence[Samples], *, residual: Samples) -> None:
        """Add the next block, which begins at frame ``start``: the mix, its stems in their order, the residual."""
        flat_blocks = np.stack([block.reshape(-1) for block in blocks]).astype(np.float64)
        self._gram += flat_blocks @ flat_blocks.T
        self._mix_energy += _energy(mix)
        self._left_energy += _energy(residual)
        miss = np.abs(_missed(mix, summed(blocks), residual))
        self._largest_miss = max(self._largest_miss, float(miss.max(initial=0.0)))
        if "vocals" in self.stems:
            voice = blocks[self.stems.index("vocals")]
            for part in self._parts(start, mix.shape[1]):
                self._voice_in_passages += _energy(voice[:, part])
                self._mix_in_passages += _energy(mix[:, part])

    def _parts(self, start: int, frames: int) -> Iterator[slice]:
        for begin_s, end_s in self.passages:
            first_frame = max(0, round(begin_s * self.rate) - start)
            end_frame = min(frames, round(end_s * self.rate) - start)
            if first_frame < end_frame:
                yield slice(first_frame, end_frame)

    def document(self) -> dict[str, Json]:
        """The figures of the separation, as JSON.

        ``null_dbfs``: largest sample of mix - (stems + residual). ``residual_db``: the residual's RMS relative to the
        mix's. ``cross_talk``: the voice's RMS relative to the mix's where nobody sings, dB. ``correlation``: of each
        stem with each, null where one is silent.
        """
        return {
            "null_dbfs": decibels(self._largest_miss**2),
            "residual_db": decibels(_ratio(self._left_energy, self._mix_energy)),
            "cross_talk": self._cross_talk(),
            "correlation": {"stems": list(self.stems), "rows": self._correlation()},
        }

    def _cross_talk(self) -> dict[str, Json]:
        if "vocals" not in self.stems:
            return {"not_measurable": "there is no vocals stem"}
        if not self.passages:
            return {"not_measurable": "no passage without lines is known"}
        if self._mix_in_passages == 0.0:
            return {"not_measurable": "the mix is silent where nobody sings"}
        value = decibels(_ratio(self._voice_in_passages, self._mix_in_passages))
        return {"value": value, "unit": "dB", "passages_s": round(sum(end - start for start, end in self.passages), 3)}

    def _correlation(self) -> list[Json]:
        power = np.diag(self._gram)
        scale = np.sqrt(np.outer(power, power))
        return [
            [round(float(g / s), 4) if s > 0 else None for g, s in zip(row, scales, strict=True)]
            for row, scales in zip(self._gram, scale, strict=True)
        ]


def decibels(power: float) -> float:
    """10 log10, not below :data:`FLOOR_DB`."""
    return max(FLOOR_DB, 10.0 * float(np.log10(max(power, 1e-30))))


def _ratio(part: float, total: float) -> float:
    return part / total if total > 0 else 0.0


def _energy(samples: Samples) -> float:
    return float(np.sum(np.square(samples, dtype=np.float64)))
