"""Waveform and loudness as SVG paths that are stretched to the page's width."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH = 1000
HEIGHT = 100

LOUDNESS_SPAN_LU = 24.0
"""Range of the loudness strip: from 18 LU under the target to 6 LU over it."""
HEADROOM_LU = 6.0
USUAL_TARGET_LUFS = -14.0


def waveform_path(peaks: Sequence[tuple[float, float]]) -> str:
    """The outline of a waveform: along the highest samples, back along the lowest; scaled so that the peak fits."""
    if not peaks:
        return ""
    peak = max(max(abs(low), abs(high)) for low, high in peaks) or 1.0
    xs = [_x(index + 0.5, len(peaks)) for index in range(len(peaks))]
    top = [(x, _around(high, peak, above=True)) for x, (_, high) in zip(xs, peaks, strict=True)]
    bottom = [(x, _around(low, peak, above=False)) for x, (low, _) in zip(xs, peaks, strict=True)]
    return _polyline(top + bottom[::-1]) + "Z"


def loudness_path(curve: Sequence[tuple[float, float | None]], duration_s: float, *, target_lufs: float | None) -> str:
    """The loudness over time; silence leaves a gap."""
    runs: list[list[tuple[float, float]]] = [[]]
    for at_s, lufs in curve:
        if lufs is None:
            runs.append([])
        else:
            runs[-1].append((_x(at_s, duration_s), loudness_y(lufs, target_lufs=target_lufs)))
    return "".join(_polyline(run) for run in runs if len(run) > 1)


def loudness_y(lufs: float, *, target_lufs: float | None) -> float:
    """The vertical position of a loudness in the strip, clipped to it."""
    top = (USUAL_TARGET_LUFS if target_lufs is None else target_lufs) + HEADROOM_LU
    return round(min(0.98, max(0.02, (top - lufs) / LOUDNESS_SPAN_LU)) * HEIGHT, 1)


def line_ticks(starts_s: Sequence[float], duration_s: float) -> str:
    """A short vertical stroke at the bottom of the waveform for each sung line."""
    return "".join(f"M{_x(start_s, duration_s):g} {HEIGHT}v-6" for start_s in starts_s if 0 <= start_s <= duration_s)


def _x(at: float, whole: float) -> float:
    return round(at / whole * WIDTH, 1) if whole > 0 else 0.0


def _around(sample: float, loudest: float, *, above: bool) -> float:
    """At least half a unit on either side of the middle, so that silence is a thin line."""
    half = max(sample if above else -sample, 0.0) / loudest * (HEIGHT / 2 - 8) + 0.5
    return round(HEIGHT / 2 - half if above else HEIGHT / 2 + half, 1)


def _polyline(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
