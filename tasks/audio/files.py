"""Read and write audio files: whole files as float32, and WAV whose bytes are the same on every machine."""

from __future__ import annotations

import hashlib
import io
import struct
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from catalog.common.errors import AudioRefused
from catalog.release.resampled import Resampled
from db.files.regular_file import open_regular
from tasks.audio.audio import Audio, Samples
from tasks.audio.errors import AudioFileError, cut_short
from tasks.audio.formats.containers import repaired_wav
from tasks.audio.stream import Stream, open_stream

Subtype = Literal["FLOAT", "PCM_24", "PCM_16"]

BITS: dict[Subtype, int] = {"FLOAT": 32, "PCM_24": 24, "PCM_16": 16}
WAVE_PCM = 1
WAVE_FLOAT = 3
BLOCK = 1 << 17
"""Frames processed at a time, so that writing needs little memory beside the audio."""

LONGEST_S = 3600.0
"""Limit for audio that is loaded whole. Code that only inspects a file reads it in blocks, up to twelve hours."""

MOST_VALUES = 2 * 96_000 * 3600
"""Limit of samples over all channels that are loaded at once: an hour of stereo at 96 kHz, 2.8 GB."""

FLAC_HIGHEST_HZ = 655_350
"""Clause 9.1 of RFC 9639: the limit of its 20-bit field, which libFLAC does not exceed."""


def read_audio(source: Path | BinaryIO, *, longest_s: float = LONGEST_S) -> Audio:
    """A whole audio file as float32 (channels, frames) at its own rate.

    Reads every format of libsndfile (WAV, FLAC, MP3, OGG …), and M4A, AAC, WebM and WavPack where ffmpeg is installed.
    Integer samples are scaled to ±1; float samples are not changed, even beyond ±1 or not finite.

    Raises AudioFileError for a file that is no audio, ends before the length in its header, is longer than
    ``longest_s``, or exceeds the memory limit; where the header states the length, before any samples are read.
    """
    with open_stream(source, longest_s=longest_s) as stream:
        try:
            return Audio(_samples(stream), stream.rate)
        except MemoryError as fault:
            problem = f"{stream.name} does not fit into memory"
            raise AudioFileError(problem, remedy="Split it, or free memory") from fault


def notes_on(source: Path) -> tuple[str, ...]:
    """The faults of an audio file that can still be read, as finished sentences. Reads the header only."""
    with open_regular(source) as file:
        repair = repaired_wav(file)
        return (repair.note,) if repair and repair.note else ()


def _samples(stream: Stream) -> Samples:
    """All samples of the stream, shape (channels, frames); copied once where the length is known."""
    if stream.frames is not None:
        _check_values(stream, stream.frames)
        samples = np.empty((stream.channels, stream.frames), np.float32)
        position = 0
        for block in stream.blocks():
            if position + len(block) > stream.frames:
                raise cut_short(stream.name)
            samples[:, position : position + len(block)] = block.T
            position += len(block)
        return samples
    blocks: list[Samples] = [np.zeros((stream.channels, 0), np.float32)]
    frames_read = 0
    for block in stream.blocks():
        frames_read += len(block)
        _check_values(stream, frames_read)
        blocks.append(np.ascontiguousarray(block.T))
    return np.concatenate(blocks, axis=1)


def _check_values(stream: Stream, frames: int) -> None:
    if frames * stream.channels > MOST_VALUES:
        problem = f"{stream.name} holds more than {MOST_VALUES} samples"
        raise AudioFileError(problem, remedy="Split it, or lower its rate or its number of channels")


def write_wav(destination: Path | BinaryIO, audio: Audio, *, subtype: Subtype, dither_seed: int | None = None) -> None:
    """Write a WAV whose bytes depend on the samples alone (no time stamp, as libsndfile's PEAK chunk has).

    ``dither_seed`` adds TPDF dither of ±1 LSB to 16-bit files and is ignored for the others (24 bits need none). Raises
    AudioRefused where a sample does not fit into PCM: nothing is clipped silently.
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
    """Write a 24-bit FLAC with exactly the samples of the 24-bit WAV.

    Raises AudioRefused where a sample does not fit, AudioFileError for a rate or a number of channels that FLAC does
    not hold, and OSError where the file cannot be written: it is encoded in memory, since libsndfile hides the system's
    reasons.
    """
    _refuse_overs(audio)
    buffer = io.BytesIO()
    try:
        with soundfile.SoundFile(buffer, "w", audio.rate, audio.channels, "PCM_24", format="FLAC") as file:
            for start in range(0, audio.frames, BLOCK):
                steps = _quantised(audio.samples[:, start : start + BLOCK].T, 24, None)
                file.write(steps << 8)  # libsndfile takes the upper 24 of 32 bits
    except soundfile.LibsndfileError as fault:
        problem = f"FLAC does not hold {audio.channels} channels at {audio.rate} Hz"
        remedy = f"Write WAV, or resample: FLAC goes to {FLAC_HIGHEST_HZ} Hz and 8 channels"
        raise AudioFileError(problem, remedy=remedy) from fault
    if isinstance(destination, Path):
        destination.write_bytes(buffer.getbuffer())
    else:
        destination.write(buffer.getbuffer())


def sample_digest(audio: Audio) -> str:
    """Hex SHA-256 of rate, channels and float32 samples: the identity of a sound, in any file."""
    digest = hashlib.sha256(f"audio/v1 {audio.rate} {audio.channels} {audio.frames}\n".encode())
    for channel in audio.samples:
        digest.update(np.ascontiguousarray(channel, dtype="<f4").data)
    return digest.hexdigest()


def resample(audio: Audio, rate: int) -> Audio:
    """The audio at another rate in Hz by soxr HQ (133 dB signal to noise). Peaks may grow a little."""
    if rate == audio.rate:
        return audio
    return Audio.of(soxr.resample(audio.samples.T, audio.rate, rate, quality="HQ").T, rate)


def at_rate(audio: Audio, rate: int) -> Audio:
    """The audio at another rate in Hz, as :func:`resample` gives it, and exactly as long as :class:`Resampled` says.

    The resampler rounds a length that ends in half a frame up or down; here it always counts up.
    """
    resampled = resample(audio, rate)
    frames = Resampled(from_hz=audio.rate, to_hz=rate).length(audio.frames)
    missing_frames = frames - resampled.frames
    if missing_frames > 0:
        return Audio(np.pad(resampled.samples, ((0, 0), (0, missing_frames))), rate)
    return Audio.of(resampled.samples[:, :frames], rate) if missing_frames else resampled


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
    format_code = WAVE_FLOAT if subtype == "FLOAT" else WAVE_PCM
    frame = audio.channels * width
    layout = struct.pack("<HHIIHH", format_code, audio.channels, audio.rate, audio.rate * frame, frame, BITS[subtype])
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
    """Samples rounded to steps of 2^-(bits-1), as readers scale them; +1.0 itself becomes the highest step."""
    full_scale = 1 << (bits - 1)
    scaled_frames = frames * np.float64(full_scale)
    if noise is not None:
        scaled_frames += noise.random(scaled_frames.shape) - noise.random(scaled_frames.shape)
    return np.clip(np.rint(scaled_frames), -full_scale, full_scale - 1).astype(np.int32)
