"""Deliverables of a master: each form written whole, tagged and read back, with the same bytes for the same input."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import soundfile

from catalog.common.errors import InputError
from catalog.files.whole_file import written_beside
from tasks.acceptance.findings import Finding
from tasks.audio.audio import Audio
from tasks.audio.codecs import ffmpeg_aac, lame_mp3, ogg_opus
from tasks.audio.files import read_audio, sample_digest, wav_bytes, write_flac24
from tasks.audio.metering.meter import read_measurement
from tasks.delivery.deliverables import DELIVERABLES
from tasks.delivery.readback import sound_of, verify_encoded
from tasks.delivery.tags.bext import Broadcast, bext_bytes, broadcast, coding_history
from tasks.delivery.tags.id3 import id3_bytes
from tasks.delivery.tags.mp4 import write_mp4_tags
from tasks.delivery.tags.riff import chunks_of, read_chunks, write_bare, write_tagged
from tasks.delivery.tags.track_tags import TrackTags
from tasks.delivery.tags.vorbis import write_opus_tags, write_vorbis

__all__ = ["DELIVERABLES", "Encoded", "encode"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A deliverable, and the findings from reading it back.

    ``sample_digest`` identifies its decoded samples, None where they equal the master's.
    """

    path: Path
    findings: tuple[Finding, ...]
    sample_digest: str | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    """The input of an encoder; ``destination`` is a partial file that is moved into place afterwards."""

    master: Path
    destination: Path
    tags: TrackTags | None
    cover: bytes | None
    dither_seed: int

    @property
    def named(self) -> TrackTags:
        """The tags of a form that needs them. Raises InputError."""
        if self.tags is None:
            raise InputError(f"{self.destination.suffix} files are not made without tags", remedy="Give the tags")
        return self.tags


def encode(
    kind: str, master: Path, destination: Path, *, tags: TrackTags | None, cover: bytes | None, dither_seed: int
) -> Encoded:
    """Write one deliverable of a 24-bit WAV master, read it back, and return its path and findings.

    ``kind`` is one of :data:`DELIVERABLES`; ``dither_seed`` is used by ``wav16`` alone. WAV and FLAC keep the master's
    samples (16 bits with TPDF dither) and WAVs have its loudness in a bext chunk; every form decodes to exactly the
    master's length, Opus at 48 kHz. Without ``tags`` (None) a WAV holds its format and samples alone. A failure leaves
    no file behind.

    Raises InputError for an unknown kind, a master that is no 24-bit WAV, a cover that is no picture, or a form that
    does not support the master's rate; MachineError where AAC finds no ffmpeg; WorkError where the file reads back
    differently.
    """
    encoder = _ENCODERS.get(kind)
    if encoder is None:
        raise InputError(f"there is no deliverable {kind!r}", remedy=f"Choose from {', '.join(DELIVERABLES)}")
    _check_master(master)
    with written_beside(destination) as partial_file:
        broadcast_fields = encoder(_Job(master, partial_file, tags, cover, dither_seed))
        sound = None if DELIVERABLES[kind].lossless else sound_of(partial_file, kind)
        findings = verify_encoded(
            partial_file, kind, tags=tags, cover=cover, master=master, broadcast=broadcast_fields, sound=sound
        )
    return Encoded(destination, findings, sample_digest(sound) if sound else None)


def _wav24(job: _Job) -> Broadcast | None:
    return _write_wav(job, read_chunks(job.master), read_audio(job.master), bits=24)


def _wav16(job: _Job) -> Broadcast | None:
    audio = read_audio(job.master)
    dithered_wav = wav_bytes(audio, subtype="PCM_16", dither_seed=job.dither_seed)
    return _write_wav(job, chunks_of(dithered_wav, name=job.master.name), audio, bits=16)


def _flac24(job: _Job) -> None:
    write_flac24(job.destination, read_audio(job.master))
    write_vorbis(job.destination, job.named, job.cover)


def _mp3_320(job: _Job) -> None:
    job.destination.write_bytes(id3_bytes(job.named, job.cover) + lame_mp3(read_audio(job.master)))


def _opus_160(job: _Job) -> None:
    job.destination.write_bytes(ogg_opus(read_audio(job.master)))
    write_opus_tags(job.destination, job.named, job.cover)


def _aac_256(job: _Job) -> None:
    ffmpeg_aac(job.master, job.destination)
    write_mp4_tags(job.destination, job.named, job.cover, frames=soundfile.info(os.fsencode(job.master)).frames)


_ENCODERS: Mapping[str, Callable[[_Job], Broadcast | None]] = {
    "wav24": _wav24,
    "wav16": _wav16,
    "flac24": _flac24,
    "mp3_320": _mp3_320,
    "opus_160": _opus_160,
    "aac_256": _aac_256,
    "instrumental": _wav24,
    "acapella": _wav24,
}


def _write_wav(job: _Job, chunks: list[tuple[bytes, bytes]], master: Audio, *, bits: int) -> Broadcast | None:
    if job.tags is None:
        write_bare(job.destination, chunks)
        return None
    history = coding_history(master.rate, bits=bits, channels=master.channels)
    broadcast_fields = broadcast(job.tags, read_measurement(master), coding_history=history)
    texts = job.tags.texts()
    info = {name: texts.get(field, "") for name, field in _INFO.items()} | {b"ICMT": job.tags.comment or ""}
    id3 = id3_bytes(job.tags, job.cover)
    write_tagged(job.destination, chunks, bext=bext_bytes(broadcast_fields), info=info, id3=id3)
    return broadcast_fields


_INFO = {
    b"INAM": "title",
    b"IART": "artist",
    b"IPRD": "album",
    b"ICRD": "year",
    b"IGNR": "genre",
    b"ITRK": "position",
}


def _check_master(master: Path) -> None:
    try:
        header = soundfile.info(os.fsencode(master))
    except soundfile.LibsndfileError as fault:
        problem = f"{master.name} cannot be read as audio ({fault.error_string.rstrip('.')})"
        raise InputError(problem, remedy="Give the 24-bit WAV master") from fault
    if header.format not in ("WAV", "WAVEX") or header.subtype != "PCM_24" or header.frames == 0:
        raise InputError(f"{master.name} is not a 24-bit WAV with sound in it", remedy="Give the 24-bit WAV master")
