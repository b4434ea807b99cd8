"""Linked compression, with its detector at one working level for every song."""

from __future__ import annotations

import functools
import math

import numpy as np
from pedalboard import Compressor

from catalog.album.mastering import Compression
from tasks.audio.audio import Audio
from tasks.mastering.processors.plugins import through

WORKING_LUFS = -18.0
"""The level of the compressor's detector, so that its threshold means the same for a quiet and a loud source."""

SIDECHAIN_FLOOR = np.float32(1e-9)


def compress(audio: Audio, settings: Compression, *, loudness_lufs: float) -> Audio:
    """Turn both channels of (channels, frames) down by one gain, detected at the working level.

    pedalboard's compressor is not linked, so it processes the louder channel, and the gain is its output over its
    input.
    """
    sidechain = functools.reduce(np.maximum, (np.abs(channel) for channel in audio.samples))
    sidechain *= np.float32(10 ** ((WORKING_LUFS - loudness_lufs) / 20))
    sidechain += SIDECHAIN_FLOOR
    # JUCE reaches 63 % after t / 2 pi of the time it is set to
    compressor = Compressor(
        threshold_db=settings.threshold_db,
        ratio=settings.ratio,
        attack_ms=settings.attack_ms * math.tau,
        release_ms=settings.release_ms * math.tau,
    )
    gain = through([compressor], sidechain[None], audio.rate)
    gain /= sidechain
    return Audio(audio.samples * gain, audio.rate)
