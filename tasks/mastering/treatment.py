"""What is done to the sound before its level is set: cleaning, tone, dynamics, always at the source's own loudness."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pedalboard import Compressor, HighShelfFilter, LowShelfFilter, Plugin
from scipy.signal import butter, sosfilt, sosfilt_zi

from catalog.digests import Json
from catalog.mastering import Compression, MasteringSpec
from catalog.metrics import Measured
from tasks.audio.audio import Audio, Samples
from tasks.audio.true_peak import sample_peak_dbfs
from tasks.mastering.intake import admit, loudness_or_refusal
from tasks.mastering.report import Levels, Stage

WORKING_LUFS = -18.0
"""Where the compressor listens, so that its threshold means the same for a quiet and a loud source."""

HEAD_S = 0.1
SIDECHAIN_FLOOR = np.float32(1e-9)

LOW_SHELVES_DB = {100.0: 2.0}
HIGH_SHELVES_DB = {10_000.0: 3.0, 16_000.0: 2.0}
HIGHEST_SHELF = 0.45
"""Of the rate: a shelf nearer to half the rate has no room to be one."""


@dataclass(frozen=True, slots=True)
class Treated:
    """The sound ready for its final level.

    ``audio`` reads ``loudness_lufs``, near the working level; its source reads ``source_lufs``. An album's gain
    counts from the source's loudness, so that what treatment changes does not shift songs against each other.
    """

    audio: Audio
    loudness_lufs: float
    source_lufs: float
    stages: tuple[Stage, ...]
    notes: tuple[str, ...]


def treat(source: Audio, *, spec: MasteringSpec) -> Treated:
    """Bring a source to the working level, then clean, colour and compress it.

    The result is stereo and of the source's length and rate. Raises AudioRefused for what cannot be mastered.
    """
    run = _Run(admit(source))
    notes = ["mono input: written to both channels"] if source.channels == 1 else []
    gain_db = _gain_to_working_level(run.audio, run.lufs)
    run.stage("level", {"gain_db": gain_db}, amplified(run.audio, gain_db))
    source_lufs = run.lufs - gain_db
    run.stage("clean", {"highpass_hz": spec.highpass_hz}, clean(run.audio, spec.highpass_hz))
    if spec.preset == "bright":
        low, high = _shelves(run.audio.rate)
        notes += [f"no shelf at {hz:.0f} Hz: the rate is too low" for hz in HIGH_SHELVES_DB if hz not in high]
        bands: dict[str, Json] = {f"shelf_{hz:.0f}_hz_db": gain for hz, gain in (low | high).items()}
        run.stage("tone", {"preset": spec.preset} | bands, brighten(run.audio))
    if spec.compression.enabled:
        settings = spec.compression.parameters() | {"working_lufs": WORKING_LUFS}
        run.stage("dynamics", settings, compress(run.audio, spec.compression, loudness_lufs=run.lufs))
    return Treated(run.audio, run.lufs, source_lufs, tuple(run.stages), tuple(notes))


def clean(audio: Audio, highpass_hz: float) -> Audio:
    """Without DC and rumble: a Butterworth high-pass of 12 dB an octave.

    It starts settled on the mean of the first 100 ms, so that an offset there is gone at once and not by a click.
    """
    sections = butter(2, highpass_hz, "highpass", fs=audio.rate, output="sos")
    settled = sosfilt_zi(sections)
    samples = np.empty_like(audio.samples)
    for index, channel in enumerate(audio.samples):
        offset = float(np.mean(channel[: round(HEAD_S * audio.rate)], dtype=np.float64))
        samples[index], _ = sosfilt(sections, channel.astype(np.float64), zi=settled * offset)
    return Audio(samples, audio.rate)


def brighten(audio: Audio) -> Audio:
    """The preset ``bright``: fixed shelves, each named by its half-gain point."""
    low, high = _shelves(audio.rate)
    shelves: list[Plugin] = [LowShelfFilter(cutoff_frequency_hz=hz, gain_db=gain) for hz, gain in low.items()]
    shelves += [HighShelfFilter(cutoff_frequency_hz=hz, gain_db=gain) for hz, gain in high.items()]
    samples = audio.samples
    for shelf in shelves:
        samples = shelf(samples, audio.rate)
    return Audio(np.ascontiguousarray(samples), audio.rate)


def compress(audio: Audio, settings: Compression, *, loudness_lufs: float) -> Audio:
    """Both channels turned down by one gain: pedalboard's compressor is not linked, so it is fed the louder channel.

    The gain is what it makes of that side chain, heard at the working level.
    """
    sidechain = np.maximum(*np.abs(audio.samples))
    sidechain *= np.float32(10 ** ((WORKING_LUFS - loudness_lufs) / 20))
    sidechain += SIDECHAIN_FLOOR
    # JUCE reaches 63 % after t / 2 pi of the time it is given
    compressor = Compressor(
        threshold_db=settings.threshold_db,
        ratio=settings.ratio,
        attack_ms=settings.attack_ms * math.tau,
        release_ms=settings.release_ms * math.tau,
    )
    gain: NDArray[np.float32] = compressor(sidechain, audio.rate) / sidechain
    return Audio(audio.samples * gain, audio.rate)


def amplified(audio: Audio, gain_db: float) -> Audio:
    """The audio, louder or softer."""
    samples: Samples = audio.samples * np.float32(10 ** (gain_db / 20))
    return Audio(samples, audio.rate)


def _gain_to_working_level(audio: Audio, lufs: float) -> float:
    """In two steps: what is soft in a very soft source comes over the meter's absolute gate only by the first."""
    first_db = WORKING_LUFS - lufs
    return first_db + WORKING_LUFS - loudness_or_refusal(amplified(audio, first_db))


def _shelves(rate: int) -> tuple[dict[float, float], dict[float, float]]:
    return LOW_SHELVES_DB, {hz: gain for hz, gain in HIGH_SHELVES_DB.items() if hz <= HIGHEST_SHELF * rate}


class _Run:
    """The sound on its way through the stages, measured once after each."""

    def __init__(self, audio: Audio) -> None:
        self.audio = audio
        self.lufs = loudness_or_refusal(audio)
        self.stages: list[Stage] = []
        self._levels = Levels(Measured(self.lufs), sample_peak_dbfs(audio))

    def stage(self, name: str, parameters: Mapping[str, Json], audio: Audio) -> None:
        """Take ``audio`` as what stage ``name`` made. Raises AudioRefused where nothing audible is left."""
        before, self.audio, self.lufs = self._levels, audio, loudness_or_refusal(audio)
        self._levels = Levels(Measured(self.lufs), sample_peak_dbfs(audio))
        self.stages.append(Stage(name, parameters, before, self._levels))
