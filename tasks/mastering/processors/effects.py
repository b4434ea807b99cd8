"""Effects on a whole song, by pedalboard: each adds sound to it, and is off unless it is asked for."""

from __future__ import annotations

import pedalboard

from catalog.album.mastering import Echo, Reverb
from tasks.audio.audio import Audio
from tasks.mastering.processors.plugins import through

# What JUCE's reverb multiplies the two levels with that it is given
WET_SCALE = 3.0
DRY_SCALE = 2.0


def reverberated(audio: Audio, settings: Reverb) -> Audio:
    """The audio in a room (JUCE's Freeverb), ``mix`` of it room and the rest dry."""
    room = pedalboard.Reverb(
        room_size=settings.room,
        damping=settings.damping,
        wet_level=settings.mix / WET_SCALE,
        dry_level=(1 - settings.mix) / DRY_SCALE,
        width=settings.width,
    )
    return Audio(through([room], audio.samples, audio.rate), audio.rate)


def echoed(audio: Audio, settings: Echo) -> Audio:
    """The audio with repeats of itself, ``mix`` of it repeats and the rest dry."""
    repeats = pedalboard.Delay(delay_seconds=settings.delay_ms / 1000, feedback=settings.feedback, mix=settings.mix)
    return Audio(through([repeats], audio.samples, audio.rate), audio.rate)
