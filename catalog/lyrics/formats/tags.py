"""Metadata tags with a meaning for times: the tempo, the key and the length of the song."""

from __future__ import annotations

import math
from collections.abc import Mapping

from catalog.lyrics.stamps import hundredths, read_stamp

BPM, KEY, LENGTH = "bpm", "key", "length"


def bpm_of(tags: Mapping[str, str]) -> float | None:
    """The tempo that ``[bpm:96]`` states, None without a number there."""
    try:
        bpm = float(tags.get(BPM, ""))
    except ValueError:
        return None
    return bpm if math.isfinite(bpm) and bpm > 0 else None


def length_of(tags: Mapping[str, str]) -> float | None:
    """The length in seconds that ``[length:03:25]`` states, None without a time there."""
    length_ms = read_stamp(tags.get(LENGTH, ""))
    return length_ms / 1000 if length_ms else None


def length_tag(length_s: float) -> str:
    """A length as the tag states it: ``03:25``, or ``03:25.50``."""
    minutes, remainder = divmod(hundredths(length_s), 6000)
    fraction = f".{remainder % 100:02d}" if remainder % 100 else ""
    return f"{minutes:02d}:{remainder // 100:02d}{fraction}"
