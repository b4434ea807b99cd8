"""Check whether a reference can condition a render: resolution, length, level, stereo, and traces of a lossy codec.

MuQ-MuLan itself gets ten seconds in mono up to 12 kHz. The findings here show how far the file can be trusted to be the
intended recording, and are kept in the lineage of everything it conditions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.audio.audio import beyond_any_level
from tasks.audio.errors import AudioFileError
from tasks.audio.stream import REFERENCE_WAIT_S, Stream, open_stream
from tasks.style.mulan.names import WINDOW_S
from tasks.style.reference.encoding_signs import Signs

MIN_RATE_HZ = 44_100
WALL_PASSES_HZ = 19_500.0
"""An edge from here up is left by ordinary converters too, and is inaudible."""

LOW_BITRATE_HZ = 17_000.0
CLIPS_PER_S, CLIPS_AT_LEAST = 0.2, 3
SIDE_UNDER_MID_DB = -50.0
SILENT_DBFS = -60.0

LONGEST_REFERENCE_S = 600.0
"""Ten seconds of it are used. A longer file is not one recording but many."""

BLOCK = 1 << 16
"""Frames read at a time."""

VALUES_PER_S = 2 * 48_000
"""Of an ordinary recording, over all channels: from one with more, a shorter part is read where time is limited."""

LOSSY_FORMATS = {
    "MP3": "an MP3 file",
    "MPEG": "an MP3 file",
    "OGG": "an OGG file",
    "AAC": "an AAC file",
    "MATROSKA": "a WebM file",
}
NARROW_SUBTYPES = {
    "PCM_S8": "8-bit",
    "PCM_U8": "8-bit",
    "DPCM_8": "8-bit",
    "ULAW": "8-bit (µ-law)",
    "ALAW": "8-bit (A-law)",
    "DWVW_12": "12-bit",
}
CODED_SUBTYPES = ("ADPCM", "GSM610", "VOX", "G721", "G723", "NMS", "MPEG")

Frames = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a reference; ``check`` is one word for programs, ``message`` a finished sentence."""

    check: str
    message: str


def inspect(path: Path, *, most_s: float | None = None) -> tuple[Finding, ...]:
    """All faults of a file as a reference, none where it is sound.

    Reads the file once in blocks, or only ``most_s`` from its middle, and less of a file with more than two channels or
    a higher rate than 48 kHz: memory does not grow with its length, nor does time where ``most_s`` is given.

    Checks are sample_rate, bit_depth, length, silence, clipping, channels, stereo, lossy and header. Raises InputError
    for a file that is no complete audio file.
    """
    with open_stream(path, longest_s=LONGEST_REFERENCE_S, longest_wait_s=REFERENCE_WAIT_S) as stream:
        most_frames = None if most_s is None else int(most_s * min(stream.rate, VALUES_PER_S // stream.channels))
        part = stream.frames if stream.frames is None or most_frames is None else min(stream.frames, most_frames)
        signs = Signs(stream.rate, stream.channels, frames=part)
        for block in stream.blocks(BLOCK) if most_frames is None else stream.middle(most_frames, BLOCK):
            if not np.isfinite(block).all():
                raise AudioFileError(f"{path.name} holds samples that are not finite numbers", remedy="Export it again")
            if problem := beyond_any_level(float(np.abs(block).max(initial=0.0))):
                raise AudioFileError(f"samples of {path.name} {problem}", remedy="Export it again")
            signs.take(block)
        frames = stream.frames if stream.frames is not None else signs.frames
        is_window = signs.frames >= min(frames, WINDOW_S * stream.rate)
        return _stated(stream, frames) + _sample_findings(signs, _format_of(stream), is_window=is_window)


def _format_of(file: Stream) -> str | None:
    """The lossy form of the file itself, to follow "it is"; None where it is lossless."""
    if file.form in LOSSY_FORMATS:
        return LOSSY_FORMATS[file.form]
    is_coded = any(name in file.subtype for name in CODED_SUBTYPES)
    return f"coded as {file.subtype.replace('_', ' ')}" if is_coded else None


def _stated(file: Stream, frames: int) -> tuple[Finding, ...]:
    """The findings from the header alone."""
    findings = [Finding("header", note) for note in file.notes]
    if file.rate < MIN_RATE_HZ:
        rate = f"{file.rate / 1000:g} kHz"
        findings.append(Finding("sample_rate", f"It is sampled at {rate}, which is under 44.1 kHz."))
    if file.subtype in NARROW_SUBTYPES:
        findings.append(
            Finding("bit_depth", f"Its samples are {NARROW_SUBTYPES[file.subtype]}, which is under 16 bits.")
        )
    if frames < WINDOW_S * file.rate:
        centiseconds = frames * 100 // file.rate
        findings.append(Finding("length", f"It lasts {centiseconds / 100:.2f} s, and {WINDOW_S} s are needed."))
    return tuple(findings)


def _sample_findings(signs: Signs, lossy_format: str | None, *, is_window: bool) -> tuple[Finding, ...]:
    """The findings from the samples; ``is_window`` where they are the whole part that would be embedded."""
    if is_window and signs.middle_dbfs < SILENT_DBFS:
        return (Finding("silence", f"The {WINDOW_S} s around its middle, which would be embedded, are silent."),)
    candidates = (_clipping(signs), _stereo(signs), _lossy(signs.wall_hz(), lossy_format))
    return tuple(finding for finding in candidates if finding is not None)


def _clipping(signs: Signs) -> Finding | None:
    count = signs.clipped_runs
    if count < max(CLIPS_AT_LEAST, CLIPS_PER_S * signs.duration_s):
        return None
    return Finding("clipping", f"It is clipped in {count} places, at {signs.clipped_dbfs} dBFS.")


def _stereo(signs: Signs) -> Finding | None:
    if signs.channels == 1:
        return Finding("channels", "It is mono, and a stereo recording is wanted.")
    if signs.channels > 2:
        return Finding("channels", f"It has {signs.channels} channels, which are mixed to one before it is embedded.")
    if signs.is_one_sided:
        return Finding("stereo", "One of its two channels is silent.")
    if signs.side_under_mid_db < SIDE_UNDER_MID_DB:
        return Finding("stereo", "It is mono written as stereo: both channels are the same.")
    return None


def _lossy(wall_hz: float | None, lossy_format: str | None) -> Finding | None:
    edge = f"{wall_hz / 1000:.1f} kHz" if wall_hz is not None and wall_hz < WALL_PASSES_HZ else ""
    if lossy_format is not None:
        ends = f", and its spectrum ends at {edge}" if edge else ""
        return Finding("lossy", f"It is {lossy_format}, which has lost detail for good{ends}.")
    if wall_hz is None or not edge:
        return None
    source = "a low-bitrate source" if wall_hz < LOW_BITRATE_HZ else "a lossy source"
    return Finding("lossy", f"Its spectrum ends like a wall at {edge}, as that of {source} does.")
