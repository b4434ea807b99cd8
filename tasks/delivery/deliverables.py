"""The forms in which a master is delivered: names, folders and suffixes, without the encoders."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Version = Literal["instrumental", "acapella"]


@dataclass(frozen=True, slots=True)
class Deliverable:
    """One form. ``name`` is also its folder in a release; ``label`` is its name on the listening page.

    With a ``version`` it is made from that version of the master, mastered by the step of this name.
    ``program`` is one that must be on PATH.
    """

    name: str
    suffix: str
    label: str
    media_type: str
    lossless: bool
    version: Version | None = None
    program: str | None = None


DELIVERABLES: Mapping[str, Deliverable] = {
    each.name: each
    for each in (
        Deliverable("wav24", ".wav", "WAV 24-bit", "audio/wav", True),
        Deliverable("wav16", ".wav", "WAV 16-bit", "audio/wav", False),
        Deliverable("flac24", ".flac", "FLAC 24-bit", "audio/flac", True),
        Deliverable("mp3_320", ".mp3", "MP3 320", "audio/mpeg", False),
        Deliverable("opus_160", ".opus", "Opus 160", "audio/ogg", False),
        Deliverable("aac_256", ".m4a", "AAC 256", "audio/mp4", False, program="ffmpeg"),
        Deliverable("instrumental", ".wav", "Instrumental", "audio/wav", True, version="instrumental"),
        Deliverable("acapella", ".wav", "A cappella", "audio/wav", True, version="acapella"),
    )
}

LOSSY = frozenset({"mp3_320", "opus_160", "aac_256"})
"""The forms that a codec changes, so that they are decoded and measured again."""


def deliverable_names() -> tuple[str, ...]:
    """The names that a manifest may use."""
    return tuple(DELIVERABLES)


def available(kind: str) -> str | None:
    """Why a deliverable cannot be made on this machine; None where it can."""
    program = DELIVERABLES[kind].program
    if program is None or shutil.which(program):
        return None
    return f"{kind} is encoded by {program}, which is not on the PATH of this machine"
