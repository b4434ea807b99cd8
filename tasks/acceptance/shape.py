"""Checks of the waveform itself: clipping, offset, phase, beginning and end, gaps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.acceptance.findings import Finding, Target, Verdict, at
from tasks.audio.audio import Audio, Samples
from tasks.audio.sounding import BLOCK_MS, non_silent_span

FULL_SCALE = 1 - 2.0**-15
"""At this level a 16-bit file can hold nothing higher."""

FLAT_SAMPLES = 3
QUIETEST_CLIP = 0.01
"""Flat tops under -40 dBFS are held samples of silence, not clipping."""

DC_LIMIT = 0.0003
CORRELATION_FAIL, CORRELATION_WARN = -0.05, 0.3
"""Channels that have nothing in common correlate by about 0 and the sign is chance: a second of them by 0.005 (one over
the root of its samples) where they are noise, ten times that where they are a few slow tones."""

SILENCE_DBFS = -60.0
HEAD_S, TAIL_S, GAP_S = 0.5, 3.0, 0.5
EDGE_SAMPLES = 4
QUIET_EDGE = 0.001
FADE_S = 0.005
FADED = 0.3
"""A straight fade of 5 ms leaves its outer 1 ms at 0.12 of the level further in; a bare cut leaves about all of it."""


class Silence(NamedTuple):
    """A stretch in which no block is louder than -60 dBFS."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return self.end_s - self.start_s


def shape_findings(audio: Audio, target: Target) -> list[Finding]:
    """All checks of the waveform except clicks; the audio is finite and not empty."""
    return [clipping(audio), dc_offset(audio), phase(audio), *edges(audio), *silence_findings(audio, target)]


def clipping(audio: Audio) -> Finding:
    """Three or more equal samples at a channel's extreme, or any sample at full scale."""
    full_scale_count = sum(int(np.count_nonzero(np.abs(channel) >= FULL_SCALE)) for channel in audio.samples)
    if full_scale_count:
        plural = "s stand" if full_scale_count > 1 else " stands"
        return Finding(
            "clipping",
            "fail",
            float(full_scale_count),
            0.0,
            "samples",
            f"{full_scale_count} sample{plural} at full scale.",
        )
    starts = [_flat_runs(channel) for channel in audio.samples]
    runs = sum(map(len, starts))
    if not runs:
        return Finding("clipping", "pass", 0.0, 0.0, "runs", "No run of equal samples at an extreme.")
    first_s = min(int(run_starts[0]) for run_starts in starts if len(run_starts)) / audio.rate
    sentence = f"{runs} flat top{'s' if runs > 1 else ''} of {FLAT_SAMPLES} samples or more, first at {at(first_s)}."
    return Finding("clipping", "fail", float(runs), 0.0, "runs", sentence)


def _flat_runs(channel: Samples) -> NDArray[np.intp]:
    """First frames of the runs of equal samples at the channel's own highest or lowest value."""
    is_extreme = (channel == channel.max()) | (channel == channel.min())
    held_frames = np.flatnonzero(
        is_extreme[1:] & (channel[1:] == channel[:-1]) & (np.abs(channel[1:]) >= QUIETEST_CLIP)
    )
    if held_frames.size == 0:
        return held_frames
    starts = np.flatnonzero(np.diff(held_frames, prepend=held_frames[0] - 2) > 1)
    lengths = np.diff(starts, append=held_frames.size)
    return np.asarray(held_frames[starts[lengths >= FLAT_SAMPLES - 1]])


def dc_offset(audio: Audio) -> Finding:
    """The larger mean of the channels."""
    value = float(np.abs(audio.samples.mean(axis=1, dtype=np.float64)).max())
    is_over = value > DC_LIMIT
    sentence = f"The mean lies {value:.5f} of full scale off zero."
    return Finding("dc_offset", "fail" if is_over else "pass", value, DC_LIMIT, "full scale", sentence)


def phase(audio: Audio) -> Finding:
    """Mean correlation of left and right over the seconds with sound, or over the whole where it is shorter."""
    if audio.channels != 2:
        return Finding("phase", "pass", None, CORRELATION_WARN, "", "Not measurable: it has not two channels.")
    values = _correlations(audio)
    if values.size == 0:
        return Finding("phase", "pass", None, CORRELATION_WARN, "", "Not measurable: no second of it sounds.")
    mean = float(values.mean())
    verdict: Verdict = "fail" if mean < CORRELATION_FAIL else "warn" if mean < CORRELATION_WARN else "pass"
    limit = CORRELATION_FAIL if verdict == "fail" else CORRELATION_WARN
    return Finding("phase", verdict, mean, limit, "", f"Left and right correlate by {mean:.2f} on average.")


def _correlations(audio: Audio) -> NDArray[np.float64]:
    """Correlation within each second whose louder side is over -60 dBFS; 0 where only one side has sound."""
    frames = min(audio.rate, audio.frames)
    windows = audio.samples[:, : audio.frames // frames * frames].reshape(2, -1, frames)
    left, right = windows - windows.mean(axis=2, keepdims=True)
    powers = np.stack([np.einsum("wf,wf->w", side, side) for side in (left, right)]).astype(np.float64)
    cross_powers = np.einsum("wf,wf->w", left, right).astype(np.float64)
    is_sounding = powers.max(axis=0) > 10 ** (SILENCE_DBFS / 10) * frames
    have_sound = powers.min(axis=0) > powers.max(axis=0) * 1e-6
    values = np.where(have_sound, cross_powers / np.sqrt(np.maximum(powers[0] * powers[1], 1e-30)), 0.0)
    return np.asarray(np.clip(values[is_sounding], -1.0, 1.0))


def edges(audio: Audio) -> list[Finding]:
    """Whether the first and last samples are near zero, or joined to it by a fade of 5 ms."""
    samples, reversed_samples = audio.samples, audio.samples[:, ::-1]
    return [_edge("abrupt_start", samples, audio.rate), _edge("abrupt_end", reversed_samples, audio.rate)]


def _edge(check: str, samples: Samples, rate: int) -> Finding:
    verb = "begins" if check == "abrupt_start" else "ends"
    value = float(np.abs(samples[:, :EDGE_SAMPLES]).max())
    if value <= QUIET_EDGE or _is_faded(samples, rate):
        return Finding(check, "pass", value, QUIET_EDGE, "full scale", f"It {verb} at rest.")
    sentence = f"It {verb} at {value:.3f} of full scale without a fade of {FADE_S * 1000:.0f} ms: a click."
    return Finding(check, "fail", value, QUIET_EDGE, "full scale", sentence)


def _is_faded(samples: Samples, rate: int) -> bool:
    """Whether the outer 1 ms is soft compared with the 5 ms that follow a fade's length further in."""
    fade, outer_frames = round(FADE_S * rate), max(1, rate // 1000)
    inner_samples = samples[:, fade : 2 * fade]
    if inner_samples.size == 0:
        return False
    return float(np.square(samples[:, :outer_frames]).mean()) <= FADED**2 * float(np.square(inner_samples).mean())


def silences(audio: Audio) -> list[Silence]:
    """Every run of blocks of 10 ms in which neither side is over -60 dBFS RMS, in order."""
    frames = max(1, audio.rate * BLOCK_MS // 1000)
    starts = np.arange(0, audio.frames, frames)
    lengths = np.diff(starts, append=audio.frames)
    powers = np.max([np.add.reduceat(np.square(channel), starts) / lengths for channel in audio.samples], axis=0)
    is_silent = np.concatenate([[False], powers <= 10 ** (SILENCE_DBFS / 10), [False]])
    borders = np.flatnonzero(is_silent[1:] != is_silent[:-1])
    ends = np.append(starts, audio.frames)
    return [
        Silence(ends[first_border] / audio.rate, ends[second_border] / audio.rate)
        for first_border, second_border in borders.reshape(-1, 2)
    ]


def silence_findings(audio: Audio, target: Target) -> list[Finding]:
    """Silence before the first sound (a fault only where mastering was to trim it), after the last, and in between."""
    span = non_silent_span(audio, floor_dbfs=SILENCE_DBFS)
    if span is None:
        sentence = f"Nothing in it is louder than {SILENCE_DBFS:.0f} dBFS."
        return [Finding("head_silence", "fail", audio.duration_s, HEAD_S, "s", sentence)]
    head_s, tail_s = span[0] / audio.rate, (audio.frames - span[1]) / audio.rate
    inner_gaps = [gap for gap in silences(audio) if gap.start_s > 0 and gap.end_s < audio.duration_s]
    return [
        _silence(
            "head_silence",
            head_s,
            HEAD_S,
            "fail" if target.trimmed else "warn",
            f"It begins with {head_s:.2f} s of silence.",
        ),
        _silence("tail_silence", tail_s, TAIL_S, "warn", f"It ends with {tail_s:.2f} s of silence."),
        _inner_gaps(inner_gaps),
    ]


def _silence(check: str, seconds: float, limit_s: float, verdict: Verdict, sentence: str) -> Finding:
    return Finding(check, verdict if seconds > limit_s else "pass", seconds, limit_s, "s", sentence)


def _inner_gaps(inner: list[Silence]) -> Finding:
    longest_s = max((gap.duration_s for gap in inner), default=0.0)
    gaps = [gap for gap in inner if gap.duration_s > GAP_S]
    if not gaps:
        return Finding("inner_gaps", "pass", longest_s, GAP_S, "s", "No hole inside the song.")
    list_of_gaps = "; ".join(f"silence of {gap.duration_s:.1f} s at {at(gap.start_s)}" for gap in gaps[:5])
    ending = f"; and {len(gaps) - 5} more" if len(gaps) > 5 else ""
    return Finding("inner_gaps", "fail", longest_s, GAP_S, "s", f"{list_of_gaps[0].upper()}{list_of_gaps[1:]}{ending}.")
