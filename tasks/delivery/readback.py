"""Read every deliverable back: its samples, its length, its tags field by field, its cover.

The content is compared with the expected one, through other code than the one that wrote it wherever there is such:
samples and lengths come from the decoders, gapless figures from the bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from catalog.common.errors import SonglineError, WorkError
from tasks.acceptance.findings import Finding
from tasks.audio.audio import Audio
from tasks.audio.codecs import decoded, opus_frames
from tasks.audio.formats.gapless import gapless_header
from tasks.delivery.deliverables import DELIVERABLES
from tasks.delivery.tags.bext import Broadcast, read_bext
from tasks.delivery.tags.riff import BARE, read_chunks
from tasks.delivery.tags.tags import read_cover, read_tags
from tasks.delivery.tags.track_tags import TrackTags

DITHER_LSB = 1.5
"""The largest change of a 16-bit sample by TPDF dither of ±1 LSB and rounding."""

_BLOCK = 1 << 18
_MASTER_BITS = 24


def verify_encoded(
    path: Path,
    kind: str,
    *,
    tags: TrackTags | None,
    cover: bytes | None,
    master: Path,
    broadcast: Broadcast | None = None,
    sound: Audio | None = None,
) -> tuple[Finding, ...]:
    """The findings on a deliverable of ``master``, each a pass.

    ``broadcast`` is the expected bext chunk of a WAV, ``sound`` the decoded audio of a lossy file, where that is known.
    Without ``tags`` the file is a WAV that may hold nothing but its format and samples.

    Raises WorkError that names the field where the file differs.
    """
    try:
        return tuple(_findings(path, kind, tags=tags, cover=cover, master=master, broadcast=broadcast, sound=sound))
    except WorkError:
        raise
    except (SonglineError, soundfile.LibsndfileError) as fault:
        raise _wrong(kind, f"it cannot be read ({fault})") from fault


def sound_of(path: Path, kind: str) -> Audio:
    """The decoded audio of a deliverable. Raises WorkError where it cannot be decoded."""
    try:
        return decoded(path)
    except SonglineError as fault:
        raise _wrong(kind, f"it cannot be read ({fault})") from fault


def tags_kept(kind: str, tags: TrackTags) -> TrackTags:
    """The part of the tags that a form can store: Opus has no peaks (RFC 7845, 5.2.1)."""
    return replace(tags, track_peak=None, album_peak=None) if kind == "opus_160" else tags


def _findings(
    path: Path,
    kind: str,
    *,
    tags: TrackTags | None,
    cover: bytes | None,
    master: Path,
    broadcast: Broadcast | None,
    sound: Audio | None,
) -> Iterator[Finding]:
    if tags is None:
        yield _samples(path, kind, master)
        yield _bare(path, kind)
        return
    header = soundfile.info(os.fsencode(master))
    if path.suffix in (".wav", ".flac"):
        yield _samples(path, kind, master)
    else:
        yield _length(path, kind, sound or sound_of(path, kind), header.frames, header.samplerate)
    if path.suffix == ".mp3":
        yield _gapless(path, kind, header.frames)
    if path.suffix == ".wav" and broadcast is not None:
        yield _bext(path, kind, broadcast)
    yield _tags(path, kind, tags_kept(kind, tags))
    if read_cover(path) != cover:
        raise _wrong(kind, "its cover is not the one that was given")
    size = float(len(cover or b""))
    yield _passed(
        "read_back_cover", size, "B", "The cover comes back byte for byte." if cover else "There is no cover."
    )


def _samples(path: Path, kind: str, master: Path) -> Finding:
    """Compare the samples of two PCM files in steps of the shorter word, block by block."""
    bits = 16 if soundfile.info(os.fsencode(path)).subtype == "PCM_16" else _MASTER_BITS
    limit = DITHER_LSB if bits < _MASTER_BITS else 0.0
    largest_error = 0.0
    with soundfile.SoundFile(os.fsencode(path)) as file, soundfile.SoundFile(os.fsencode(master)) as master_file:
        for field in ("frames", "samplerate", "channels"):
            if (reading := getattr(file, field)) != (master_value := getattr(master_file, field)):
                raise _wrong(kind, f"its {field} are {reading}, the master's {master_value}")
        while (master_block := _block(master_file)).size:
            reading = _block(file)
            if reading.shape != master_block.shape:
                raise _wrong(kind, f"it ends {len(master_block) - len(reading)} frames early")
            step = np.float64(1 << (32 - bits))
            largest_error = max(largest_error, float(np.abs(reading / step - master_block / step).max()))
    if largest_error > limit:
        raise _wrong(kind, f"its samples are up to {largest_error:g} steps of {bits} bits from the master's")
    sentence = "Every sample is the master's." if limit == 0 else "Every sample is the master's within its dither."
    return _passed("read_back_samples", largest_error, "LSB", sentence, limit=limit)


def _block(file: soundfile.SoundFile) -> NDArray[np.int32]:
    block: NDArray[np.int32] = file.read(_BLOCK, dtype="int32", always_2d=True)
    return block


def _length(path: Path, kind: str, audio: Audio, frames: int, rate: int) -> Finding:
    expected_frames = opus_frames(frames, rate) if path.suffix == ".opus" else frames
    if audio.frames != expected_frames:
        raise _wrong(kind, f"it decodes to {audio.frames} frames, not {expected_frames}")
    if not np.isfinite(audio.samples).all():
        raise _wrong(kind, "it decodes to samples that are not finite")
    return _passed("read_back_length", float(audio.frames), "frames", "It decodes to the length of the master.")


def _gapless(path: Path, kind: str, frames: int) -> Finding:
    header = gapless_header(path.read_bytes())
    if header is None or not header.encoder.startswith("LAME"):
        raise _wrong(kind, "it has no header by LAME")
    if header.samples != frames:
        raise _wrong(kind, f"its LAME header says {header.samples} frames, not {frames}")
    return _passed("read_back_gapless", float(frames), "frames", "LAME's header gives the length without gaps.")


def _bext(path: Path, kind: str, broadcast: Broadcast) -> Finding:
    broadcast_read = next((read_bext(body) for name, body in read_chunks(path) if name == b"bext"), None)
    if broadcast_read is None:
        raise _wrong(kind, "it has no bext chunk")
    for field in fields(Broadcast):
        if (value := getattr(broadcast_read, field.name)) != (expected_value := getattr(broadcast, field.name)):
            raise _wrong(kind, f"its bext field {field.name} is {value!r}, not {expected_value!r}")
    count = float(len(fields(Broadcast)))
    return _passed("read_back_bext", count, "fields", "The bext chunk says what was measured.")


def _bare(path: Path, kind: str) -> Finding:
    names = tuple(name for name, _ in read_chunks(path))
    if names != BARE:
        chunk_names = ", ".join(name.decode("ascii", "replace").strip() for name in names)
        raise _wrong(kind, f"its chunks are {chunk_names}, where only fmt and data may stand")
    return _passed("read_back_chunks", float(len(names)), "chunks", "It holds its format and samples, nothing else.")


def _tags(path: Path, kind: str, tags: TrackTags) -> Finding:
    tags_read = read_tags(path)
    for field in fields(TrackTags):
        if (value := getattr(tags_read, field.name)) != (expected_value := getattr(tags, field.name)):
            raise _wrong(kind, f"its tag {field.name} is {_short(value)}, not {_short(expected_value)}")
    count = float(len(fields(TrackTags)))
    return _passed("read_back_tags", count, "fields", "Every tag comes back as it was set.")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _passed(check: str, value: float, unit: str, sentence: str, *, limit: float | None = None) -> Finding:
    return Finding(check, "pass", value, limit, unit, sentence)


def _wrong(kind: str, what: str) -> WorkError:
    return WorkError(
        f"the {DELIVERABLES[kind].label} file was read back, and {what}",
        remedy="Run `songline retry`; if it stays, leave this deliverable out",
    )
