"""The level of a sung phrase: even vowels shaped by the notes, consonants that follow them less, and a living tone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from tasks.engines.guide.arrangement.score import Note
from tasks.engines.guide.voice.plan import SungPhone
from tasks.engines.guide.voice.stretch import SONORANTS
from tasks.engines.guide.voice.vocoder import BAND_CENTRES_HZ, FRAME_S, RATE, Colour, Matrix, cosines

VOWEL_RMS_DBFS = -20.0
DB_PER_VELOCITY, USUAL_VELOCITY = 0.14, 95
ARCH_DB, STRESS_DB = 1.5, 1.0
MOST_GAIN_DB = 9.0
OWN_LEVEL_PERCENTILE = 75
"""A vowel's own level: its middle, not the frames at its ends that belong half to a neighbour."""

CONSONANT_SHARE = 0.4
VOWEL_CEILING_DB, CONSONANT_CEILING_DB = 4.0, -3.0
"""No frame is louder than the vowels' median by more than this."""

GAIN_SMOOTHING_S = 0.03
RELEASE_DB_PER_S = 200.0
LIVELY_DB, LIVELY_FORMANTS = 0.7, 0.015
LIVELY_HZ = (3.0, 7.0)
EFFORT_DB, EFFORT_HZ = 3.0, (600.0, 3000.0)
HIGHEST_HARMONIC_HZ = 6000.0
LEVEL_POINTS = 160
ASPIRATION_S = 0.035
ASPIRATED = frozenset({"p", "t", "k", "ch", "hh", "h", "tʃ", "ts", "tɕ", "ph", "kh", "χ"})
NOISE_LIMITS_HZ = (0.0, 500.0, 1500.0, 2500.0, 5000.0, 9000.0)
NOISE_LIMITS = (0.0, 0.02, 0.12, 0.25, 0.50, 0.85)
"""The largest share of noise in a vowel at those frequencies. Low ones have none: a spoken spectrum is strongest around
its own pitch, and noise there would be heard under a higher note."""


def gains(
    sung: Sequence[SungPhone],
    notes: Sequence[Note],
    times_s: NDArray[np.float64],
    spectrum: Matrix,
    pulses: Matrix,
    pitch_hz: Matrix,
    colour: Colour,
) -> NDArray[np.float32]:
    """A linear gain for every frame."""
    frame_db = _level_db(spectrum, pulses, pitch_hz, colour)
    spans = [np.searchsorted(times_s, (phone.start_s, phone.end_s)) for phone in sung]
    own_db = {
        index: float(np.percentile(frame_db[first:end], OWN_LEVEL_PERCENTILE))
        for index, (phone, (first, end)) in enumerate(zip(sung, spans, strict=True))
        if phone.phone.is_nucleus and end > first
    }
    usual_db = float(np.median(list(own_db.values()))) if own_db else 0.0
    gain_db = np.zeros(len(times_s))
    for index, (phone, (first, end)) in enumerate(zip(sung, spans, strict=True)):
        if index in own_db:
            wanted_db = usual_db + _shape_db(phone, notes) - own_db[index]
            gain_db[first:end] = np.clip(wanted_db, -MOST_GAIN_DB, MOST_GAIN_DB)
    _fill_consonants(gain_db, sung, spans)
    gain_db = uniform_filter1d(gain_db, max(1, round(GAIN_SMOOTHING_S / FRAME_S)), mode="nearest")
    for phone, (first, end) in zip(sung, spans, strict=True):
        ceiling_db = VOWEL_CEILING_DB if phone.phone.is_nucleus else CONSONANT_CEILING_DB
        gain_db[first:end] = np.minimum(gain_db[first:end], usual_db + ceiling_db - frame_db[first:end])
    gain_db += VOWEL_RMS_DBFS - usual_db
    gain_db -= RELEASE_DB_PER_S * np.maximum(times_s - sung[-1].start_s, 0)
    linear: NDArray[np.float32] = (10 ** (gain_db / 20)).astype(np.float32)
    return linear


def _shape_db(phone: SungPhone, notes: Sequence[Note]) -> float:
    note = notes[phone.note]
    span_s = max(1e-6, notes[-1].start_s - notes[0].start_s)
    arch = np.sin(np.pi * (note.start_s - notes[0].start_s) / span_s)
    stress = STRESS_DB if phone.phone.stress == 1 else 0.0
    return DB_PER_VELOCITY * (note.velocity - USUAL_VELOCITY) + ARCH_DB * float(arch) + stress


def _fill_consonants(
    gain_db: NDArray[np.float64], sung: Sequence[SungPhone], spans: Sequence[NDArray[np.int64]]
) -> None:
    """Consonants get a share of the gains of the vowels around them."""
    vowels = [
        (int(first), int(end))
        for phone, (first, end) in zip(sung, spans, strict=True)
        if phone.phone.is_nucleus and end > first
    ]
    if not vowels:
        return
    centres = [(first + end) / 2 for first, end in vowels]
    levels = [gain_db[first] for first, _ in vowels]
    for phone, (first, end) in zip(sung, spans, strict=True):
        if not phone.phone.is_nucleus:
            gain_db[first:end] = CONSONANT_SHARE * np.interp(np.arange(first, end), centres, levels)


def _level_db(spectrum: Matrix, pulses: Matrix, pitch_hz: Matrix, colour: Colour) -> NDArray[np.float64]:
    """The level of each frame as it will sound: power at the harmonics of its pitch, and of its noise."""
    points_hz = _points_hz(colour)
    step_hz = points_hz[1] - points_hz[0]
    power = np.exp(2 * (spectrum @ cosines(colour, points_hz).astype(np.float32)))
    share = pulses @ np.array([np.interp(points_hz, BAND_CENTRES_HZ, row) for row in np.eye(5)], dtype=np.float32)
    noise = (power * (1 - share) ** 2).mean(axis=1)
    power *= share**2
    harmonics = pitch_hz[:, None] * np.arange(1, int(HIGHEST_HARMONIC_HZ / pitch_hz.min()) + 1, dtype=np.float32)
    places = np.minimum(harmonics, 0.9 * colour.rate_hz / 2) / step_hz
    low = places.astype(np.int64)
    part = (places - low).astype(np.float32)
    heights = np.take_along_axis(power, low, axis=1) * (1 - part) + np.take_along_axis(power, low + 1, axis=1) * part
    voiced = (heights * (harmonics < HIGHEST_HARMONIC_HZ)).sum(axis=1) * pitch_hz / (colour.rate_hz / 2)
    band = colour.rate_hz / RATE  # the share of the output's band that the source has
    level_db: NDArray[np.float64] = 10 * np.log10(np.maximum(band * (noise + voiced.astype(float)), 1e-9))
    return level_db


def _points_hz(colour: Colour) -> NDArray[np.float64]:
    """Frequencies from 0 over nine tenths of a source's band, and one more."""
    return np.linspace(0, 0.92 * colour.rate_hz / 2, LEVEL_POINTS)


def voiced_vowels(sung: Sequence[SungPhone], times_s: NDArray[np.float64], pulses: Matrix) -> Matrix:
    """Shares of pulses with little noise in vowels: they are voiced, but for the breath after a voiceless stop."""
    least = 1 - np.interp(BAND_CENTRES_HZ, NOISE_LIMITS_HZ, NOISE_LIMITS).astype(np.float32)
    limited = pulses.copy()
    for before, phone in pairwise(sung):
        if phone.phone.is_nucleus or phone.phone.symbol in SONORANTS:
            aspirated_s = min(ASPIRATION_S, 0.25 * phone.duration_s) if before.phone.symbol in ASPIRATED else 0.0
            first, end = np.searchsorted(times_s, (phone.start_s + aspirated_s, phone.end_s))
            limited[first:end] = np.maximum(limited[first:end], least)
    return limited


def brightened(spectrum: Matrix, pulses: Matrix, colour: Colour) -> Matrix:
    """Spectra of a voice that sings out: where it is voiced, ``EFFORT_DB`` more from ``EFFORT_HZ`` on.

    Speech has little above its first formant, so that a high note would be almost a sine.
    """
    voiced = pulses[:, :2].mean(axis=1, keepdims=True)
    brighter: Matrix = spectrum + voiced * _effort(colour)
    return brighter


@cache
def _effort(colour: Colour) -> NDArray[np.float32]:
    """The mel-cepstrum of a shelf that rises between both frequencies: (order,)."""
    hertz = np.linspace(0, colour.rate_hz / 2, 512)
    octaves = np.log2(np.maximum(hertz, 1.0) / EFFORT_HZ[0]) / np.log2(EFFORT_HZ[1] / EFFORT_HZ[0])
    nepers = EFFORT_DB * np.log(10) / 20 * np.clip(octaves, 0, 1)
    fitted: NDArray[np.float32] = np.linalg.lstsq(cosines(colour, hertz).T, nepers, rcond=None)[0].astype(np.float32)
    return fitted


def lively(times_s: NDArray[np.float64], rng: Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What keeps a held vowel alive: linear gains, and shifts of the formants in log frequency."""
    return (
        (10 ** (LIVELY_DB * _slow_noise(times_s, rng) / 20)).astype(np.float32),
        (LIVELY_FORMANTS * _slow_noise(times_s, rng)).astype(np.float32),
    )


def _slow_noise(times_s: NDArray[np.float64], rng: Generator) -> NDArray[np.float64]:
    """A sum of sines of random phase between 3 and 7 Hz whose size is about 1."""
    hertz = rng.uniform(*LIVELY_HZ, 5)
    phases = rng.uniform(0, 2 * np.pi, 5)
    noise: NDArray[np.float64] = np.sin(2 * np.pi * times_s[:, None] * hertz + phases).sum(axis=1) / np.sqrt(5)
    return noise
