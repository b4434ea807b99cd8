"""The forms in which a master is delivered: names, folders and suffixes, without what is needed to write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deliverable:
    """One form. ``name`` is also its folder in a release; ``label`` is what the listening page calls it."""

    name: str
    suffix: str
    label: str
    media_type: str
    lossless: bool


DELIVERABLES: Mapping[str, Deliverable] = {
    each.name: each
    for each in (
        Deliverable("wav24", ".wav", "WAV 24-bit", "audio/wav", True),
        Deliverable("wav16", ".wav", "WAV 16-bit", "audio/wav", False),
        Deliverable("flac24", ".flac", "FLAC 24-bit", "audio/flac", True),
        Deliverable("mp3_320", ".mp3", "MP3 320", "audio/mpeg", False),
    )
}

PLAYER_ORDER = ("mp3_320", "flac24", "wav16", "wav24")
"""Which deliverable a player takes where there are several: the smallest first."""


def deliverable_names() -> tuple[str, ...]:
    """The names that a manifest may ask for."""
    return tuple(DELIVERABLES)
