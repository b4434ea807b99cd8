"""Audio files in and out: whole files as float32, WAV written byte for byte the same on every machine."""

from __future__ import annotations

import hashlib
import io
import re
import struct
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from catalog.errors import AudioRefused, InputError
from tasks.audio.audio import Audio, Samples
from tasks.audio.gapless import gapless_header

Subtype = Literal["FLOAT", "PCM_24", "PCM_16"]

BITS: dict[Subtype, int] = {"FLOAT": 32, "PCM_24": 24, "PCM_16": 16}
WAVE_PCM = 1
WAVE_FLOAT = 3
UNKNOWN_BYTES = 0xFFFF_FFF0
"""From here a size in a WAV header means "not known": it was written to a pipe."""

BLOCK = 1 << 17
"""Frames handled at a time, so that writing needs little memory beside the audio."""

READ_VALUES = 1 << 20
"""Samples read at a time, over all channels: what a header promises is believed only as far as it is kept."""

UNKNOWN_FRAMES = 2**63 - 1
"""What libsndfile makes of a FLAC that was written to a pipe and tells no length."""

LONGEST_H = 12
FLAC_HIGHEST_HZ = 655_350
"""Clause 9.1 of RFC 9639: a subset of 20 bits, which libFLAC does not go beyond."""


class AudioFileError(InputError):
    """A file that should hold audio cannot be read whole, or cannot hold what it should."""

    kind = "audio_file"


def read_audio(source: Path | BinaryIO) -> Audio:
    """The whole of an audio file (WAV, FLAC, MP3, OGG …) as float32 at its own rate.

    Integer samples are scaled to ±1; float samples come as they are, also beyond ±1 and not finite.
    Raises AudioFileError for what is no audio or ends before its header says it should.
    """
    name = source.name if isinstance(source, Path) else "the audio"
    if isinstance(source, Path) and not source.is_file():
        raise AudioFileError(f"{source} is not a file", remedy="Check the path")
    try:
        with soundfile.SoundFile(source) as file:
            frames, rate = file.frames, file.samplerate
            cut_short = is_cut_short(file.extra_info)
            samples = _samples(file, name)
            is_mp3 = file.format == "MP3"
    except soundfile.LibsndfileError as fault:
        reason = fault.error_string.rstrip(".")
        raise AudioFileError(f"{name} cannot be read as audio ({reason})", remedy="Give a WAV or FLAC file") from fault
    except MemoryError as fault:
        raise AudioFileError(f"{name} does not fit into memory", remedy="Split it, or free memory") from fault
    missing = samples.shape[1] != frames and not (is_mp3 and _tells_no_length(source))
    if cut_short or missing:
        raise AudioFileError(f"{name} is cut short", remedy="Copy or make the file again")
    return Audio(samples, rate)


def _samples(file: soundfile.SoundFile, name: str) -> Samples:
    """All that the file holds, shape (channels, frames), read block by block whatever its header promises."""
    if file.frames >= UNKNOWN_FRAMES:
        raise AudioFileError(f"{name} does not tell its length", remedy="Write it to a file, not through a pipe")
    size = max(1, READ_VALUES // file.channels)
    blocks: list[Samples] = []
    read = 0
    while not blocks or blocks[-1].shape[1] == size:
        blocks.append(np.ascontiguousarray(_block(file, size, name).T))
        read += blocks[-1].shape[1]
        if read > LONGEST_H * 3600 * file.samplerate:
            raise AudioFileError(f"{name} is longer than {LONGEST_H} hours", remedy="Split it")
    return np.concatenate(blocks, axis=1)


def _block(file: soundfile.SoundFile, size: int, name: str) -> NDArray[np.float32]:
    try:
        return np.asarray(file.read(size, dtype="float32", always_2d=True), dtype=np.float32)
    except soundfile.LibsndfileError as fault:  # as where a FLAC ends before its header says
        raise AudioFileError(f"{name} is cut short or damaged", remedy="Copy or make the file again") from fault


def write_wav(destination: Path | BinaryIO, audio: Audio, *, subtype: Subtype, dither_seed: int | None = None) -> None:
    """Write a WAV whose bytes follow from the samples alone (no time stamp, as libsndfile's PEAK chunk has).

    ``dither_seed`` adds TPDF dither of ±1 LSB to 16-bit files and means nothing to the others (24 bits need
    none). Raises AudioRefused where a sample does not fit into PCM: nothing is clipped silently.
    """
    if subtype != "FLOAT":
        _refuse_overs(audio)
    noise = (
        np.random.Generator(np.random.PCG64(dither_seed)) if subtype == "PCM_16" and dither_seed is not None else None
    )
    with nullcontext(destination) if not isinstance(destination, Path) else destination.open("wb") as stream:
        stream.write(_wav_header(audio, subtype))
        for start in range(0, audio.frames, BLOCK):
            stream.write(_encoded(audio.samples[:, start : start + BLOCK].T, subtype, noise))
        stream.write(b"\0" * (_data_bytes(audio, subtype) % 2))


def wav_bytes(audio: Audio, *, subtype: Subtype, dither_seed: int | None = None) -> bytes:
    """The bytes that :func:`write_wav` would write."""
    buffer = io.BytesIO()
    write_wav(buffer, audio, subtype=subtype, dither_seed=dither_seed)
    return buffer.getvalue()


def write_flac24(destination: Path | BinaryIO, audio: Audio) -> None:
    """Write a 24-bit FLAC with the very samples of the 24-bit WAV.

    Raises AudioRefused where a sample does not fit, AudioFileError for a rate or a number of channels that FLAC does
    not hold, and OSError where the file cannot be written: it is encoded in memory, since libsndfile keeps the
    system's reasons to itself.
    """
    _refuse_overs(audio)
    encoded = io.BytesIO()
    try:
        with soundfile.SoundFile(encoded, "w", audio.rate, audio.channels, "PCM_24", format="FLAC") as file:
            for start in range(0, audio.frames, BLOCK):
                steps = _quantised(audio.samples[:, start : start + BLOCK].T, 24, None)
                file.write(steps << 8)  # libsndfile takes the upper 24 of 32 bits
    except soundfile.LibsndfileError as fault:
        what = f"FLAC does not hold {audio.channels} channels at {audio.rate} Hz"
        remedy = f"Write WAV, or resample: FLAC goes to {FLAC_HIGHEST_HZ} Hz and 8 channels"
        raise AudioFileError(what, remedy=remedy) from fault
    if isinstance(destination, Path):
        destination.write_bytes(encoded.getbuffer())
    else:
        destination.write(encoded.getbuffer())


def _tells_no_length(mp3: Path | BinaryIO) -> bool:
    """Whether an MP3 has no header with its length, so that what libsndfile expects of it is a guess."""
    if not isinstance(mp3, Path):
        mp3.seek(0)
    return gapless_header(mp3.read_bytes() if isinstance(mp3, Path) else mp3.read()) is None


def sample_digest(audio: Audio) -> str:
    """Hex SHA-256 of rate, channels and float32 samples: the identity of a sound, whatever file it lies in."""
    sha = hashlib.sha256(f"audio/v1 {audio.rate} {audio.channels} {audio.frames}\n".encode())
    for channel in audio.samples:
        sha.update(np.ascontiguousarray(channel, dtype="<f4").data)
    return sha.hexdigest()


def resample(audio: Audio, rate: int) -> Audio:
    """The audio at another rate by soxr HQ (133 dB signal to noise; AUDIO §2.4). Peaks may grow a little."""
    if rate == audio.rate:
        return audio
    return Audio.of(soxr.resample(audio.samples.T, audio.rate, rate, quality="HQ").T, rate)


def is_cut_short(log: str) -> bool:
    """Whether libsndfile found fewer bytes of sound than a header promises (it reads on without a word).

    It corrects WAV and AIFF in its log; of W64 and RF64 it tells what is promised and how long the file is.
    """
    found = re.search(r"^ ?(?:data|SSND) : (\d+) \(should be (\d+)\)", log, re.MULTILINE)
    if found is not None:
        return int(found[2]) < int(found[1]) < UNKNOWN_BYTES
    length = re.search(r"^Length : (\d+)$", log, re.MULTILINE)
    promised = re.search(r"^(?:data|  Data size) : (\d+)$", log, re.MULTILINE)
    if length is None or promised is None or UNKNOWN_BYTES <= int(promised[1]) <= 0xFFFF_FFFF:
        return False
    return int(length[1]) < int(promised[1]) < UNKNOWN_FRAMES


def _refuse_overs(audio: Audio) -> None:
    if audio.frames == 0:
        return
    low, high = float(audio.samples.min()), float(audio.samples.max())
    if not (low >= -1.0 and high <= 1.0):
        raise AudioRefused(
            f"samples from {low:.4f} to {high:.4f} do not fit into an integer file",
            reason="invalid",
            remedy="Lower the gain, or write float",
        )


def _data_bytes(audio: Audio, subtype: Subtype) -> int:
    return audio.frames * audio.channels * BITS[subtype] // 8


def _wav_header(audio: Audio, subtype: Subtype) -> bytes:
    size, width = _data_bytes(audio, subtype), BITS[subtype] // 8
    if size > 0xFFFF_0000:
        raise AudioFileError("the audio is too long for a WAV file of 4 GiB", remedy="Write FLAC, or split it")
    code = WAVE_FLOAT if subtype == "FLOAT" else WAVE_PCM
    frame = audio.channels * width
    layout = struct.pack("<HHIIHH", code, audio.channels, audio.rate, audio.rate * frame, frame, BITS[subtype])
    chunks = _chunk(b"fmt ", layout)
    if subtype == "FLOAT":
        chunks += _chunk(b"fact", struct.pack("<I", audio.frames))
    body = b"WAVE" + chunks + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", len(body) + size + size % 2) + body


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body


def _encoded(frames: Samples, subtype: Subtype, noise: np.random.Generator | None) -> bytes:
    if subtype == "FLOAT":
        return frames.astype("<f4", copy=False).tobytes()
    steps = _quantised(frames, BITS[subtype], noise)
    if subtype == "PCM_16":
        return steps.astype("<i2").tobytes()
    return steps.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes()


def _quantised(frames: Samples, bits: int, noise: np.random.Generator | None) -> NDArray[np.int32]:
    """Rounded to steps of 2^-(bits-1), as readers scale them; +1.0 itself becomes the highest step."""
    full = 1 << (bits - 1)
    scaled = frames * np.float64(full)
    if noise is not None:
        scaled += noise.random(scaled.shape) - noise.random(scaled.shape)
    return np.clip(np.rint(scaled), -full, full - 1).astype(np.int32)
