"""Effects on a whole song, by pedalboard: each adds sound to it, and is off by default."""

from __future__ import annotations

import pedalboard

from catalog.album.mastering import Echo, Reverb
from tasks.audio.audio import Audio
from tasks.mastering.processors.plugins import through

# Factors that JUCE's reverb applies to the two levels it is set to
WET_SCALE = 3.0
DRY_SCALE = 2.0


def reverberated(audio: Audio, settings: Reverb) -> Audio:
    """The audio (channels, frames) with reverb (JUCE's Freeverb): ``mix`` is the share of reverb, the rest is dry."""
    room = pedalboard.Reverb(
        room_size=settings.room,
        damping=settings.damping,
        wet_level=settings.mix / WET_SCALE,
        dry_level=(1 - settings.mix) / DRY_SCALE,
        width=settings.width,
    )
    return Audio(through([room], audio.samples, audio.rate), audio.rate)


def echoed(audio: Audio, settings: Echo) -> Audio:
    """The audio (channels, frames) with echoes: ``mix`` is the share of echoes, the rest is dry."""
    repeats = pedalboard.Delay(delay_seconds=settings.delay_ms / 1000, feedback=settings.feedback, mix=settings.mix)
    return Audio(through([repeats], audio.samples, audio.rate), audio.rate)
