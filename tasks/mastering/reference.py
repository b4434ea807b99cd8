"""A reference track as mastering hears it: its spectrum and its loudness."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from catalog.errors import AudioRefused
from tasks.audio.audio import Audio
from tasks.audio.files import AudioFileError, read_audio
from tasks.audio.loudness import integrated_lufs
from tasks.mastering.curves import Curve, curve_of
from tasks.mastering.intake import admit, lufs_or_refusal
from tasks.mastering.spectrum import third_octaves

LEAST_S = 3.0
"""Shorter sound has no long-term spectrum."""

WHAT = "reference"
ANOTHER = "Give another track as mastering.reference"


@dataclass(frozen=True, slots=True)
class Reference:
    """The shape and the loudness of a track that another is to be brought nearer to."""

    curve: Curve
    loudness_lufs: float


def reference_from(path: Path) -> Reference:
    """What a reference file sounds like. Raises AudioRefused where it cannot serve: silent, too_short or invalid."""
    try:
        audio = read_audio(path)
    except AudioFileError as fault:
        raise AudioRefused(f"the reference cannot be used: {fault.what}", reason="invalid", remedy=ANOTHER) from fault
    return hear(audio)


def hear(audio: Audio) -> Reference:
    """The same of sound that is loaded already."""
    stereo = admit(audio, what=WHAT)
    if audio.duration_s < LEAST_S:
        raise AudioRefused(
            f"the reference is {audio.duration_s:.1f} s long, its spectrum needs {LEAST_S:g} s",
            reason="too_short",
            remedy=ANOTHER,
        )
    loudness = lufs_or_refusal(integrated_lufs(stereo), what=WHAT)
    return Reference(curve_of(third_octaves(stereo)), loudness)
