"""Linked compression, heard at one working level for every song."""

from __future__ import annotations

import functools
import math

import numpy as np
from pedalboard import Compressor

from catalog.album.mastering import Compression
from tasks.audio.audio import Audio
from tasks.mastering.processors.plugins import through

WORKING_LUFS = -18.0
"""Where the compressor listens, so that its threshold means the same for a quiet and a loud source."""

SIDECHAIN_FLOOR = np.float32(1e-9)


def compress(audio: Audio, settings: Compression, *, loudness_lufs: float) -> Audio:
    """Both channels turned down by one gain: pedalboard's compressor is not linked, so it is fed the louder channel.

    The gain is what it makes of that side chain, heard at the working level.
    """
    sidechain = functools.reduce(np.maximum, (np.abs(channel) for channel in audio.samples))
    sidechain *= np.float32(10 ** ((WORKING_LUFS - loudness_lufs) / 20))
    sidechain += SIDECHAIN_FLOOR
    # JUCE reaches 63 % after t / 2 pi of the time it is given
    compressor = Compressor(
        threshold_db=settings.threshold_db,
        ratio=settings.ratio,
        attack_ms=settings.attack_ms * math.tau,
        release_ms=settings.release_ms * math.tau,
    )
    gain = through([compressor], sidechain[None], audio.rate)
    gain /= sidechain
    return Audio(audio.samples * gain, audio.rate)
