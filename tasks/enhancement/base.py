"""The protocol of every member of the enhancement stage, and helpers for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from catalog.common.errors import AudioRefused
from catalog.selection.metrics import Measured
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import MOMENTARY_MS, integrated_lufs
from tasks.audio.metering.true_peak import true_peak_dbtp

PEAK_GROWTH_DB = 0.5
"""The most that a member may add to the true peak; it reduces its amount until that holds."""

AMOUNTS = (1.0, 0.5, 0.25, 0.0)
ROUNDS = 3
SETTLED_LU = 0.005


@dataclass(frozen=True, slots=True)
class Bounds:
    """The guarantees of a member at a rate.

    From ``kept_from_hz`` up to ``cutoff_hz`` everything stays unchanged; generated (not only changed) content lies
    between the two ends of ``generated_hz``, None for a member that generates none.
    """

    kept_from_hz: float
    cutoff_hz: float
    generated_hz: tuple[float, float] | None = None


class Enhancer(Protocol):
    """Improves the sound of a winner before it is mastered; deterministic, without settings.

    The result is kept only where :mod:`tasks.enhancement.contract` finds no breach.
    """

    name: ClassVar[str]
    revision: ClassVar[int]

    def bounds(self, rate: int) -> Bounds:
        """The guarantees at this rate. Raises AudioRefused where the rate is too low for the processing."""

    def enhance(self, audio: Audio) -> Audio:
        """The audio enhanced, with equal length, rate and channels. Raises AudioRefused for unsuitable audio."""


def admit(audio: Audio) -> float:
    """Loudness in LUFS of audio that can be enhanced: finite, audible, mono or stereo, of 400 ms or more.

    Raises AudioRefused with reason invalid, too_short or silent.
    """
    if audio.channels not in (1, 2) or audio.frames == 0:
        problem = f"audio of {audio.channels} channels and {audio.frames} samples cannot be enhanced"
        raise AudioRefused(problem, reason="invalid", remedy="Give mono or stereo")
    if not np.isfinite(audio.samples).all():
        raise AudioRefused("samples are not finite numbers", reason="invalid", remedy="Render the song again")
    if audio.frames * 1000 < audio.rate * MOMENTARY_MS:
        problem = f"the audio is {audio.duration_s:.3f} s long"
        raise AudioRefused(problem, reason="too_short", remedy="Give 400 ms or more")
    reading = integrated_lufs(audio)
    if isinstance(reading, Measured):
        return reading.value
    raise AudioRefused(f"the audio is silent ({reading.reason})", reason="silent", remedy="Check the source")


def refuse_rate(rate: int, lowest: int, *, member: str) -> None:
    """Raise AudioRefused where a rate is under the lowest at which a member can work."""
    if rate < lowest:
        problem = f"{member} needs a rate of {lowest} Hz or more, this is {rate} Hz"
        raise AudioRefused(problem, reason="invalid", remedy="Leave `enhance` at none for this song")


def level_neutral(audio: Audio, lufs: float) -> Audio:
    """The audio at the loudness ``lufs`` by one gain, in several rounds since the gates of the meter may shift.

    Audio without a loudness is returned unchanged.
    """
    for _ in range(ROUNDS):
        reading = integrated_lufs(audio)
        if not isinstance(reading, Measured) or abs(reading.value - lufs) <= SETTLED_LU:
            break
        audio = Audio(audio.samples * np.float32(10 ** ((lufs - reading.value) / 20)), audio.rate)
    return audio


def held_at_peak(source: Audio, mix: Callable[[float], Audio]) -> Audio:
    """The result of ``mix`` at the largest of :data:`AMOUNTS` whose true peak stays within 0.5 dB of the source's.

    Where none does, the amount is 0.
    """
    most_db = _peak_db(source) + PEAK_GROWTH_DB
    for amount in AMOUNTS[:-1]:
        result = mix(amount)
        if _peak_db(result) <= most_db:
            return result
    return mix(AMOUNTS[-1])


def _peak_db(audio: Audio) -> float:
    reading = true_peak_dbtp(audio)
    return reading.value if isinstance(reading, Measured) else -np.inf
