"""The report of a master: its target, what each stage did, and the readings of the written file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.common.digests import Json
from catalog.release.resampled import Resampled
from catalog.selection.metrics import Measured, Reading


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels on one side of a stage."""

    integrated_lufs: Reading
    sample_peak_dbfs: Reading
    loudness_range_lu: Reading

    def as_document(self) -> dict[str, Json]:
        """Plain JSON, a level that cannot be measured as null."""
        return {
            "integrated_lufs": number(self.integrated_lufs),
            "sample_peak_dbfs": number(self.sample_peak_dbfs),
            "loudness_range_lu": number(self.loudness_range_lu),
        }


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the chain: its name, its settings, and the levels before and after it."""

    name: str
    parameters: Mapping[str, Json]
    before: Levels
    after: Levels

    def as_document(self) -> dict[str, Json]:
        """Plain JSON."""
        return {
            "name": self.name,
            "parameters": dict(self.parameters),
            "before": self.before.as_document(),
            "after": self.after.as_document(),
        }


@dataclass(frozen=True, slots=True)
class MasterReport:
    """The readings of a written master and how it was made.

    ``integrated_lufs``, ``true_peak_dbtp`` and ``loudness_range_lu`` are measured from the file; ``second_meter_lufs``
    is pyloudnorm's reading of it. ``gain_db`` is the loudness gained over the source, which the album's other songs get
    as their common gain; ``drive_db`` was applied before the limiter, which took ``max_limiting_db`` off the highest
    peak. ``limited_by`` states what prevented the target. ``ends`` are the trims and fades, so that times in the source
    less its ``head_s`` are times in the master, which has ``frames`` at ``rate`` Hz. ``source_frames`` at
    ``source_rate`` are those of the source, counted before any processing; where the rates differ, it was resampled
    first. ``sample_digest`` identifies the written audio; it is not part of the document.
    """

    target_lufs: float
    ceiling_dbtp: float
    integrated_lufs: float
    true_peak_dbtp: float
    loudness_range_lu: Reading
    second_meter_lufs: Reading
    gain_db: float
    drive_db: float
    max_limiting_db: float
    iterations: int
    limited_by: str | None
    ends: Mapping[str, Json]
    rate: int
    frames: int
    source_rate: int
    source_frames: int
    sample_digest: str
    stages: tuple[Stage, ...]
    notes: tuple[str, ...]

    @property
    def resampled(self) -> Resampled | None:
        """The change of rate before mastering; None where there was none."""
        return None if self.rate == self.source_rate else Resampled(from_hz=self.source_rate, to_hz=self.rate)

    def as_document(self) -> dict[str, Json]:
        """Plain JSON; a reading that cannot be measured is null. ``resampled`` is there only where the rate changed."""
        return {
            "target_lufs": self.target_lufs,
            "ceiling_dbtp": self.ceiling_dbtp,
            "integrated_lufs": self.integrated_lufs,
            "true_peak_dbtp": self.true_peak_dbtp,
            "loudness_range_lu": number(self.loudness_range_lu),
            "second_meter_lufs": number(self.second_meter_lufs),
            "gain_db": self.gain_db,
            "drive_db": self.drive_db,
            "max_limiting_db": self.max_limiting_db,
            "iterations": self.iterations,
            "limited_by": self.limited_by,
            "ends": dict(self.ends),
            "rate": self.rate,
            "frames": self.frames,
            "source_rate": self.source_rate,
            "source_frames": self.source_frames,
            **({"resampled": self.resampled.model_dump()} if self.resampled else {}),
            "stages": [stage.as_document() for stage in self.stages],
            "notes": list(self.notes),
        }


def number(reading: Reading) -> float | None:
    """The measured number, or None."""
    return reading.value if isinstance(reading, Measured) else None
