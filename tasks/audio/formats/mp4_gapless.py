"""The gapless tag of an MP4 file: how many of its samples belong to the song, as iTunes writes it (``iTunSMPB``)."""

# mypy: disable-error-code="no-untyped-call"
# (mutagen calls itself typed, but is not)

from __future__ import annotations

from mutagen.mp4 import MP4

AAC_FRAME = 1024
"""Samples in a frame of AAC-LC, and the encoder delay before the first sample (ISO/IEC 14496-3)."""

MP4_GAPLESS = "----:com.apple.iTunes:iTunSMPB"


def gapless_frames(file: MP4) -> int | None:
    """How many samples of the file belong to the song, by its gapless tag; None where it has none."""
    return int(bytes(file[MP4_GAPLESS][0]).decode().split()[3], 16) if MP4_GAPLESS in file else None


def mp4_gapless_text(frames: int) -> str:
    """The gapless tag of a file of ``frames`` samples: priming, padding and length, in hexadecimal, among zeros."""
    padding = -frames % AAC_FRAME
    return f" 00000000 {AAC_FRAME:08X} {padding:08X} {frames:016X}" + " 00000000" * 8
