"""The ``bext`` chunk of Broadcast Wave files with its loudness fields (EBU Tech 3285, version 2, 2011).

It names no date, time or unique id, so that the same master gives the same bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields

from catalog.selection.metrics import Measured, Reading
from tasks.audio.metering.meter import LoudnessMeasurement
from tasks.delivery.tags.track_tags import TrackTags

ORIGINATOR = "Songline"
VERSION = 2
UNKNOWN = 0x7FFF
"""Tech 3285 v2, 2.4: the value of a loudness field that has none."""

# Description, Originator, its reference, date, time, TimeReference, Version, UMID, five loudness fields, reserved.
_LAYOUT = struct.Struct("<256s32s32s10s8sQH64s5h180s")


@dataclass(frozen=True, slots=True)
class Broadcast:
    """The content of a bext chunk: text in ASCII, and loudness to hundredths, None where it has no value."""

    description: str
    originator: str
    coding_history: str
    loudness_lufs: float | None
    range_lu: float | None
    true_peak_dbtp: float | None
    momentary_lufs: float | None
    short_term_lufs: float | None


_LOUDNESS = tuple(field.name for field in fields(Broadcast))[3:]


def broadcast(tags: TrackTags, meter: LoudnessMeasurement, *, coding_history: str) -> Broadcast:
    """The chunk's content for a track; its fields are ASCII, so other letters become question marks."""
    return Broadcast(
        description=_ascii(f"{tags.artist} - {tags.title}", 256),
        originator=ORIGINATOR,
        coding_history=coding_history,
        loudness_lufs=_hundredths(meter.integrated_lufs),
        range_lu=_hundredths(meter.loudness_range_lu),
        true_peak_dbtp=_hundredths(meter.true_peak_dbtp),
        momentary_lufs=_hundredths(meter.max_momentary_lufs),
        short_term_lufs=_hundredths(meter.max_short_term_lufs),
    )


def bext_bytes(broadcast: Broadcast) -> bytes:
    """The body of the chunk."""
    levels = [UNKNOWN if (level := getattr(broadcast, name)) is None else round(level * 100) for name in _LOUDNESS]
    texts = (broadcast.description.encode("ascii"), broadcast.originator.encode("ascii"), b"", b"", b"")
    return _LAYOUT.pack(*texts, 0, VERSION, b"", *levels, b"") + broadcast.coding_history.encode("ascii")


def read_bext(body: bytes) -> Broadcast:
    """The inverse of :func:`bext_bytes`."""
    description, originator, _, _, _, _, _, _, *levels, _ = _LAYOUT.unpack_from(body)
    return Broadcast(
        _text(description),
        _text(originator),
        _text(body[_LAYOUT.size :]),
        *(None if level == UNKNOWN else level / 100 for level in levels),
    )


def coding_history(rate: int, *, bits: int, channels: int) -> str:
    """The coding history of the samples, in the notation of EBU R98."""
    mode = {1: "mono", 2: "stereo"}.get(channels, "multitrack")
    return f"A=PCM,F={rate},W={bits},M={mode},T={ORIGINATOR}\r\n"


def _hundredths(reading: Reading) -> float | None:
    return round(reading.value, 2) if isinstance(reading, Measured) and abs(reading.value) < 300 else None


def _ascii(text: str, limit: int) -> str:
    return text.encode("ascii", "replace")[:limit].decode("ascii").rstrip()


def _text(field: bytes) -> str:
    return field.rstrip(b"\0").decode("ascii", "replace")
