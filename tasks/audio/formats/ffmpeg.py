"""Audio that libsndfile does not read (M4A, AAC, WebM, WavPack, WMA …), decoded by ffmpeg as a stream of samples.

ffmpeg gets the format, detected by the file's first bytes, and may open that one file and nothing else: a playlist or a
reference to another file or to an address is not followed.
"""

from __future__ import annotations

import os
import select
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from catalog.common.errors import MachineError
from db.files.regular_file import open_regular
from tasks.audio.errors import AudioFileError
from tasks.parent_process import ending_with_starter

LONGEST_WAIT_S = 900.0
"""Per file, the total time spent waiting for ffmpeg's output; the reader's own work in between does not count."""

_PIECE_BYTES = 1 << 20
_MOST_ALLOCATED_BYTES = 256 * 1024 * 1024
"""Limit of one allocation: the sample table of twelve hours takes a hundred megabytes."""
_MOST_OF_SHORT_BYTES = 64 * 1024 * 1024
_SHORT_S = 3600.0
_DESCRIPTION_BYTES = 1 << 20
_CODECS = {
    "mov": "AAC",
    "aac": "AAC",
    "matroska": "MATROSKA",
    "wv": "WAVPACK",
    "ogg": "FLAC",
    "asf": "WMA",
    "tta": "TTA",
    "ape": "APE",
    "dsf": "DSD",
    "ac3": "AC3",
}
_LOSSLESS = frozenset({"wv", "ogg", "tta", "ape", "dsf"})
"""Demuxers of lossless formats; in an MP4 container, which is "mov", only ALAC is."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """Audio while it is decoded. ``form`` names its coding; ``lossless`` where that loses nothing."""

    rate: int
    channels: int
    form: str
    lossless: bool
    _pipe: _Pipe
    _said: IO[bytes]
    _name: str

    def read(self, frames: int) -> NDArray[np.float32]:
        """The next frames, shape (frames, channels); fewer at the end. Raises AudioFileError where it ends early."""
        width = 4 * self.channels
        data = self._pipe.read(frames * width)
        if len(data) < frames * width:
            self._check_end()
        whole_bytes = len(data) // width * width
        return np.frombuffer(data[:whole_bytes], "<f4").astype(np.float32, copy=False).reshape(-1, self.channels)

    def _check_end(self) -> None:
        exit_code = self._pipe.end()
        self._said.seek(0)
        message = self._said.read(4000).decode(errors="replace").strip()
        if exit_code or message:
            raise AudioFileError(f"{self._name} is cut short or damaged", remedy="Copy or make the file again")


@dataclass(slots=True)
class _Pipe:
    """ffmpeg's output, with at most ``left_s`` of waiting in all. Raises AudioFileError where that is exceeded."""

    process: subprocess.Popen[bytes]
    name: str
    left_s: float
    _poll: select.poll = field(default_factory=select.poll)

    def __post_init__(self) -> None:
        self._poll.register(self._output, select.POLLIN)

    @property
    def _output(self) -> IO[bytes]:
        if self.process.stdout is None:  # never, since a pipe was requested
            raise MachineError("ffmpeg has no output", remedy="Try again")
        return self.process.stdout

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes; fewer at the end."""
        parts = []
        while size:
            start_time = time.monotonic()
            events = self._poll.poll(max(0.0, self.left_s) * 1000)
            self.left_s -= time.monotonic() - start_time
            if not events:
                raise _too_slow(self.name)
            part = os.read(self._output.fileno(), min(size, _PIECE_BYTES))
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def end(self) -> int:
        """The exit code, once the output is at its end."""
        try:
            return self.process.wait(max(1.0, self.left_s))
        except subprocess.TimeoutExpired as fault:
            raise _too_slow(self.name) from fault


def _too_slow(name: str) -> AudioFileError:
    return AudioFileError(f"{name} takes too long to decode", remedy="Give a WAV, FLAC, MP3, Ogg or M4A file")


@contextmanager
def decoding(
    path: Path, demuxer: str, *, longest_s: float, longest_wait_s: float = LONGEST_WAIT_S
) -> Iterator[Decoding]:
    """Decode the first audio stream of a file, up to little more than ``longest_s``.

    Raises MachineError without ffmpeg, AudioFileError for a file that is no audio or takes longer than
    ``longest_wait_s``. ffmpeg ends with the thread that started it.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        problem = f"{path.name} can only be read with ffmpeg, which is not on the PATH"
        raise MachineError(problem, remedy="Install ffmpeg, or give a WAV or FLAC file")
    most_bytes = _MOST_OF_SHORT_BYTES if longest_s <= _SHORT_S else _MOST_ALLOCATED_BYTES
    command = [program, "-nostdin", "-hide_banner", "-loglevel", "error", "-max_alloc", str(most_bytes)]
    command += ["-protocol_whitelist", "file", "-f", demuxer, "-i", f"file:{path.absolute()}", "-map", "0:a:0"]
    command += ["-vn", "-sn", "-dn", "-map_metadata", "-1", "-threads", "1"]
    command += ["-t", f"{longest_s + 1:.3f}", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"]
    with tempfile.TemporaryFile() as error_output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=error_output,
            bufsize=0,
            preexec_fn=ending_with_starter(),
        )
        try:
            pipe = _Pipe(process, path.name, longest_wait_s)
            channels, rate = _layout(pipe, path.name)
            form = _CODECS[demuxer]
            is_lossless = demuxer in _LOSSLESS or (demuxer == "mov" and _names_alac(path))
            yield Decoding(
                rate,
                channels,
                "ALAC" if is_lossless and form == "AAC" else form,
                is_lossless,
                pipe,
                error_output,
                path.name,
            )
        finally:
            if process.stdout is not None:
                process.stdout.close()
            process.kill()
            process.wait()


def _names_alac(path: Path) -> bool:
    """Whether the ``moov`` part of an MP4, at one of its ends, names Apple's lossless codec."""
    with open_regular(path) as file:
        head = file.read(_DESCRIPTION_BYTES)
        file.seek(max(0, file.seek(0, os.SEEK_END) - _DESCRIPTION_BYTES))
        return b"alac" in head or b"alac" in file.read()


def _layout(pipe: _Pipe, name: str) -> tuple[int, int]:
    """Channels and rate from the header of the WAV that ffmpeg writes; the pipe is left at its first sample."""
    no_sound = AudioFileError(f"{name} cannot be read as audio", remedy="Give a WAV, FLAC, MP3, Ogg or M4A file")
    if len(pipe.read(12)) < 12:
        raise no_sound
    channels = rate = 0
    while len(header := pipe.read(8)) == 8:
        kind, length = header[:4], int.from_bytes(header[4:], "little")
        if kind == b"data":
            break
        body = pipe.read(length + length % 2)
        if kind == b"fmt " and len(body) >= 16:
            channels, rate = struct.unpack_from("<HI", body, 2)
    if not channels or not rate:
        raise no_sound
    return channels, rate
