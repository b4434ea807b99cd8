"""The curves of a master for a page: its waveform and its loudness over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from catalog.common.digests import Json
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import short_term_series

Peaks = tuple[tuple[float, float], ...]
LoudnessCurve = tuple[tuple[float, float | None], ...]

WAVEFORM_POINTS = 800
LOUDNESS_POINTS = 400


@dataclass(frozen=True, slots=True)
class Curves:
    """Lowest and highest sample of each part of the song; seconds and short-term loudness (LUFS, None for silence)."""

    duration_s: float
    peaks: Peaks
    loudness: LoudnessCurve

    def document(self) -> dict[str, Json]:
        """The curves as JSON."""
        return {
            "duration_s": self.duration_s,
            "peaks": [list(pair) for pair in self.peaks],
            "loudness": [list(pair) for pair in self.loudness],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Json]) -> Curves:
        """The inverse of :meth:`document`."""
        return cls(
            document["duration_s"],
            tuple((low, high) for low, high in document["peaks"]),
            tuple((at_s, lufs) for at_s, lufs in document["loudness"]),
        )


def draw_curves(audio: Audio) -> Curves:
    """Waveform and loudness of one master."""
    return Curves(round(audio.duration_s, 6), waveform_peaks(audio), loudness_curve(audio))


def waveform_peaks(audio: Audio, points: int = WAVEFORM_POINTS) -> Peaks:
    """Lowest and highest sample over all channels in each of ``points`` equal parts, to three decimals.

    Audio with fewer frames than that gives one point per frame; empty audio gives none. Samples that are not finite
    count as silence.
    """
    points = min(points, audio.frames)
    if points == 0:
        return ()
    samples = np.nan_to_num(audio.samples, nan=0.0, posinf=0.0, neginf=0.0)
    edges = np.arange(points) * audio.frames // points
    low = np.minimum.reduceat(samples.min(axis=0), edges)
    high = np.maximum.reduceat(samples.max(axis=0), edges)
    return tuple((round(float(lowest), 3), round(float(highest), 3)) for lowest, highest in zip(low, high, strict=True))


def loudness_curve(audio: Audio, points: int = LOUDNESS_POINTS) -> LoudnessCurve:
    """Short-term loudness (3 s, EBU Tech 3341) at up to ``points`` moments, each at the end of its window.

    To one decimal in LUFS; silence is None. Empty for audio under 3 s, which has no such window.
    """
    series = short_term_series(audio, _step_s(audio.duration_s, points))
    return tuple(
        (round(end_s, 3), None if lufs is None else round(lufs, 1))
        for end_s, lufs in zip(series.end_s, series.lufs, strict=True)
    )


def _step_s(duration_s: float, points: int) -> float:
    """The spacing of ``points`` moments in whole units of 20 ms, at least 100 ms."""
    return max(5, int(np.ceil(duration_s / points / 0.02))) * 0.02
