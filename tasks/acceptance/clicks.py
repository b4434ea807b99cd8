"""Clicks: one or two samples, or a jump, that a short-term linear predictor does not expect.

Each block of 1024 samples is predicted by its own 16 coefficients (autocorrelation method, Levinson-Durbin; the
detector of Vaseghi, "Advanced Digital Signal Processing and Noise Reduction", ch. 12). A residual of 10 standard
deviations alone is no click: drum hits reach 100. But the residual of a wrong sample or of a jump is known: it is the
predictor's own response to an impulse or a step. Only where these explain the residual, and the milliseconds before and
after are quiet in comparison, is it reported as a click. On six songs of the guide engine (9 min, all with drums) this
reports nothing but true jumps in the engine's own samples, and it detects 4 in 5 single samples that are off by 0.2.

The edges of a synthesiser's saw or square wave look the same but are no damage: :mod:`tasks.acceptance.recurring`
excludes edges that recur.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from tasks.acceptance.findings import Finding, at
from tasks.acceptance.recurring import stand_alone
from tasks.audio.audio import Audio, Samples

ORDER = 16
STRETCH = 1024
TOGETHER = 64
"""Blocks processed at a time: as many as fit into a processor's cache."""

SIGMAS = 10.0
MAD_TO_SIGMA = 0.6745
FLOOR = 2e-7
"""Relative to full scale: the residual of 24-bit silence."""

WRONG_SAMPLES = 2
ONSETS = range(-3, 1)
UNEXPLAINED = 0.15
QUIETER = 1 / 3
BEFORE, AFTER, GUARD = 200, 400, 8
APART = 64
LOUD = 0.5
"""A jump this large, relative to full scale, is a broken file. Smaller ones are also made by hard-edged synths and
samplers, and need a listener's judgement: a warning."""

FEW, FEW_PER_S = 30, 1.0
"""More clicks than both allow are no accident in a file but its sound, however little alike: a warning."""

Curve = NDArray[np.float64]


class Click(NamedTuple):
    """The position of a jump, and its height relative to full scale."""

    frame: int
    size: float


def click_finding(audio: Audio) -> Finding:
    """Clicks in any channel, those at one time counted once; recurring edges are excluded."""
    edge_count, lone_edges = 0, []
    for channel in audio.samples:
        edges = clicks(channel)
        verdicts = stand_alone(channel, [edge.frame for edge in edges], rate=audio.rate)
        edge_count += len(edges)
        lone_edges += [edge for edge, is_alone in zip(edges, verdicts, strict=True) if is_alone]
    if not lone_edges:
        sentence = "No click found: the edges in it recur as those of a sound." if edge_count else "No click found."
        return Finding("clicks", "pass", 0.0, 0.0, "clicks", sentence)
    return _summary(sorted(lone_edges), audio)


def _summary(clicks: list[Click], audio: Audio) -> Finding:
    clicks_apart = [
        candidate
        for position, candidate in enumerate(clicks)
        if position == 0 or candidate.frame - clicks[position - 1].frame > APART
    ]
    largest_click = max(clicks, key=lambda click: click.size)
    are_many = len(clicks_apart) > max(FEW, FEW_PER_S * audio.duration_s)
    times = ", ".join(at(click.frame / audio.rate) for click in clicks_apart[:5])
    ending = f" and {len(clicks_apart) - 5} more" if len(clicks_apart) > 5 else ""
    sentence = (
        f"{len(clicks_apart)} click{'s' if len(clicks_apart) > 1 else ''} at {times}{ending}; the largest jumps by "
    )
    sentence += f"{largest_click.size:.2f} of full scale at {at(largest_click.frame / audio.rate)}"
    sentence += "; so many are more likely its sound than damage." if are_many else "."
    is_damage = largest_click.size > LOUD and not are_many
    return Finding("clicks", "fail" if is_damage else "warn", float(len(clicks_apart)), 0.0, "clicks", sentence)


def clicks(channel: Samples) -> list[Click]:
    """The clicks of one channel ``(frames,)``, in order.

    The last, incomplete block is examined only as the context of the block before it.
    """
    block_count = len(channel) // STRETCH
    padded_channel = np.concatenate([np.zeros(ORDER, np.float32), channel])
    found_clicks: list[Click] = []
    spread, last_frame = FLOOR, -APART
    for start in range(0, block_count, TOGETHER):
        count = min(TOGETHER, block_count - start)
        piece = padded_channel[start * STRETCH : (start + count) * STRETCH + ORDER]
        filters = _predictors(piece[ORDER:].reshape(count, STRETCH))
        sizes = np.abs(_residual(piece, filters))
        spreads = _spreads(sizes, spread)
        spread = float(spreads[-1])
        for row, column in np.argwhere(sizes > SIGMAS * spreads[:, None]).tolist():
            frame = (start + row) * STRETCH + column
            if frame - last_frame >= APART:
                last_frame = frame
                click = _click_at(channel, frame, filters[row])
                found_clicks += [click] if click else []
    return found_clicks


def _predictors(stretches: Samples) -> Curve:
    """The whitening filter (1, a1 … a16) of each block, shape (blocks, 17)."""
    window = np.hanning(STRETCH).astype(np.float32)
    spectra = rfft(stretches * window, 2 * STRETCH, axis=1)
    lags = irfft(np.square(spectra.real) + np.square(spectra.imag), axis=1)[:, : ORDER + 1].astype(np.float64)
    lags[:, 0] = lags[:, 0] * (1 + 1e-5) + 1e-12
    filters = np.zeros((len(stretches), ORDER + 1))
    filters[:, 0] = 1
    error = lags[:, 0].copy()
    for order in range(1, ORDER + 1):
        reflection = -(filters[:, :order] * lags[:, order:0:-1]).sum(axis=1) / error
        filters[:, 1 : order + 1] += reflection[:, None] * filters[:, order - 1 :: -1][:, :order].copy()
        error *= np.maximum(1 - np.square(reflection), 1e-9)
    return filters


def _residual(samples: Samples, filters: Curve) -> Samples:
    """The prediction residual of each block; ``samples`` begins with the 16 samples before the first block."""
    count = len(filters)
    taps = filters.astype(np.float32)
    residual = np.zeros((count, STRETCH), np.float32)
    for lag in range(ORDER + 1):
        residual += taps[:, lag : lag + 1] * samples[ORDER - lag :][: count * STRETCH].reshape(count, STRETCH)
    return residual


def _spreads(sizes: Samples, before: float) -> Curve:
    """Robust standard deviation of each block's residual: the largest of the block and its neighbours."""
    deviations = np.median(sizes, axis=1) / MAD_TO_SIGMA
    row = np.concatenate([[before], deviations, deviations[-1:]])
    return np.asarray(np.maximum.reduce([row[:-2], row[1:-1], row[2:]]) + FLOOR, dtype=np.float64)


def _click_at(channel: Samples, frame: int, whitening: Curve) -> Click | None:
    """The click around ``frame``, where a few wrong samples or a jump explain the residual there."""
    first_frame = frame - BEFORE - ORDER
    if first_frame < 0 or frame + APART > len(channel):
        return None
    residual = np.convolve(channel[first_frame : frame + AFTER].astype(np.float64), whitening, mode="valid")
    reach = WRONG_SAMPLES + ORDER + GUARD
    burst = residual[BEFORE - GUARD : BEFORE + reach]
    height = float(np.abs(burst).max())
    surroundings = np.abs(np.concatenate([residual[: BEFORE - GUARD], residual[BEFORE + reach :]])).max()
    if surroundings > height * QUIETER:
        return None
    fits = (_fit(burst, GUARD + onset, whitening) for onset in ONSETS)
    remainder, size = min(fits)
    return Click(frame, size) if remainder <= UNEXPLAINED * height else None


def _fit(burst: Curve, onset: int, whitening: Curve) -> tuple[float, float]:
    """The part of a burst that wrong samples and a jump from ``onset`` on cannot explain, and their height."""
    responses = np.zeros((len(burst), WRONG_SAMPLES + 1))
    for sample in range(WRONG_SAMPLES):
        responses[onset + sample : onset + sample + ORDER + 1, sample] = whitening
    step = np.cumsum(whitening)
    responses[onset:, -1] = step[-1]
    responses[onset : onset + ORDER + 1, -1] = step
    sizes, *_ = np.linalg.lstsq(responses, burst, rcond=None)
    return float(np.abs(burst - responses @ sizes).max()), float(np.abs(sizes).max())
