"""The loudness meter for users and scripts: every reading of a file is a number or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from catalog.common.digests import Json
from catalog.selection.metrics import Measured, NotMeasurable, Reading
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import (
    Loudness,
    Series,
    loudness_of,
    measure_loudness,
    momentary_series,
    series_of,
    short_term_series,
)
from tasks.audio.metering.streamed import StreamedPowers
from tasks.audio.metering.true_peak import (
    sample_peak_dbfs,
    streamed_sample_peak_dbfs,
    streamed_true_peak_dbtp,
    true_peak_dbtp,
)
from tasks.audio.sliding import Sliding
from tasks.audio.stream import open_stream

BLOCK_FRAMES = 1 << 17
RANGE_IS_STABLE_S = 60.0
"""A loudness range is to be shown as unstable until this much was measured (Tech 3341, 2023)."""


@dataclass(frozen=True, slots=True)
class LoudnessMeasurement:
    """The readings of a whole file.

    ``plr_db`` is the peak-to-loudness ratio: true peak less integrated loudness.
    """

    integrated_lufs: Reading
    loudness_range_lu: Reading
    true_peak_dbtp: Reading
    max_momentary_lufs: Reading
    max_short_term_lufs: Reading
    plr_db: Reading
    sample_peak_dbfs: Reading

    def as_document(self) -> dict[str, Json]:
        """Plain JSON: each reading a number or null, with the reasons for nulls under ``not_measurable``."""
        readings = self.readings()
        reasons: dict[str, Json] = {
            name: reading.reason for name, reading in readings.items() if isinstance(reading, NotMeasurable)
        }
        numbers: dict[str, Json] = {
            name: reading.value if isinstance(reading, Measured) else None for name, reading in readings.items()
        }
        return {**numbers, "not_measurable": reasons}

    def readings(self) -> dict[str, Reading]:
        """Every reading by its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def unreadable(cls, reason: str) -> LoudnessMeasurement:
        """A measurement without any number, because of ``reason``."""
        return cls(*[NotMeasurable(reason)] * len(fields(cls)))


def read_measurement(audio: Audio) -> LoudnessMeasurement:
    """Every reading of a programme of shape (channels, frames), its true peak at 8x oversampling."""
    return _meter(measure_loudness(audio), true_peak_dbtp(audio), sample_peak_dbfs(audio))


def _meter(loudness: Loudness, peak: Reading, sample_peak: Reading) -> LoudnessMeasurement:
    return LoudnessMeasurement(
        integrated_lufs=loudness.integrated_lufs,
        loudness_range_lu=loudness.loudness_range_lu,
        true_peak_dbtp=peak,
        max_momentary_lufs=loudness.max_momentary_lufs,
        max_short_term_lufs=loudness.max_short_term_lufs,
        plr_db=plr_db(peak, loudness.integrated_lufs),
        sample_peak_dbfs=sample_peak,
    )


@dataclass(frozen=True, slots=True)
class MeteredFile:
    """A file's length, rate, channels and readings, its loudness over time where requested, and ``notes``.

    The notes are finished sentences about faults of a file that could still be read.
    """

    duration_s: float
    rate: int
    channels: int
    meter: LoudnessMeasurement
    series: dict[str, Json] | None
    notes: tuple[str, ...]


def meter_file(path: Path, *, series: bool = False) -> MeteredFile:
    """Every reading of a file as :func:`read_measurement` gives them, in memory that does not grow with its length.

    Reads the file twice. Raises AudioFileError as :func:`tasks.audio.stream.open_stream` does.
    """
    with open_stream(path) as stream:
        measurement = StreamedPowers(stream.rate, stream.channels)
        for block in stream.blocks(BLOCK_FRAMES):
            measurement.take(block.T)
        notes = stream.notes
    powers = measurement.powers()
    fault = measurement.unmeasurable()
    loudness = Loudness(fault, fault, fault, fault) if fault else loudness_of(powers)
    facts: dict[str, Any] = {"sample_peak": measurement.peak, "not_finite": measurement.not_finite}
    sample_peak = streamed_sample_peak_dbfs(measurement.frames, **facts)
    peak = sample_peak if isinstance(sample_peak, NotMeasurable) else _true_peak_of(path, measurement.frames, facts)
    meter = _meter(loudness, peak, sample_peak)
    empty_series = Series([], [])
    momentary, short_term = (empty_series, empty_series) if fault or not series else series_of(powers)
    curves = {"momentary": _plain(momentary), "short_term": _plain(short_term)} if series else None
    return MeteredFile(
        measurement.frames / measurement.rate, measurement.rate, measurement.channels, meter, curves, notes
    )


def _true_peak_of(path: Path, frames: int, facts: dict[str, Any]) -> Reading:
    with open_stream(path) as stream:
        blocks = (block.T for block in stream.blocks(BLOCK_FRAMES))
        return streamed_true_peak_dbtp(Sliding(blocks, channels=stream.channels, frames=frames), **facts)


def plr_db(true_peak: Reading, integrated: Reading) -> Reading:
    """Peak-to-loudness ratio in dB: true peak in dBTP less integrated loudness in LUFS."""
    if isinstance(integrated, NotMeasurable):
        return integrated
    return true_peak if isinstance(true_peak, NotMeasurable) else Measured(true_peak.value - integrated.value)


def series_document(audio: Audio) -> dict[str, Json]:
    """Momentary and short-term loudness in LUFS every 20 ms, silence as null."""
    return {"momentary": _plain(momentary_series(audio)), "short_term": _plain(short_term_series(audio))}


def _plain(series: Series) -> dict[str, Json]:
    return {"end_s": list(series.end_s), "lufs": list(series.lufs)}
