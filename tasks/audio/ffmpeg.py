"""Sound that libsndfile does not read (M4A, AAC, WebM, WavPack), decoded by ffmpeg as a stream of float samples.

ffmpeg is told the format, found by the file's first bytes, and may open that one file and nothing else: a playlist
or a reference to another file or to an address leads nowhere.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from catalog.errors import MachineError
from tasks.audio.errors import AudioFileError

LONGEST_RUN_S = 900.0
_MOST_ALLOCATED_BYTES = 256 * 1024 * 1024
_DESCRIPTION_BYTES = 1 << 20
_CODECS = {"mov": "AAC", "aac": "AAC", "matroska": "MATROSKA", "wv": "WAVPACK"}


@dataclass(frozen=True, slots=True)
class Decoding:
    """Sound that is being decoded. ``form`` names what it was coded as, ``lossless`` where nothing was lost by that."""

    rate: int
    channels: int
    form: str
    lossless: bool
    _pipe: IO[bytes]
    _process: subprocess.Popen[bytes]
    _said: IO[bytes]
    _name: str

    def read(self, frames: int) -> NDArray[np.float32]:
        """The next frames, shape (frames, channels); fewer at the end. Raises AudioFileError where it ends early."""
        width = 4 * self.channels
        data = self._pipe.read(frames * width)
        if len(data) < frames * width:
            self._check_end()
        whole = len(data) // width * width
        return np.frombuffer(data[:whole], "<f4").astype(np.float32, copy=False).reshape(-1, self.channels)

    def _check_end(self) -> None:
        code = self._process.wait()
        self._said.seek(0)
        said = self._said.read(4000).decode(errors="replace").strip()
        if code < 0:
            raise AudioFileError(f"{self._name} took too long to decode", remedy="Give a WAV or FLAC file")
        if code or said:
            raise AudioFileError(f"{self._name} is cut short or damaged", remedy="Copy or make the file again")


@contextmanager
def decoding(path: Path, demuxer: str) -> Iterator[Decoding]:
    """Decode the first sound of a file. Raises MachineError without ffmpeg, AudioFileError for what is no sound."""
    program = shutil.which("ffmpeg")
    if program is None:
        what = f"{path.name} can only be read with ffmpeg, which is not on the PATH"
        raise MachineError(what, remedy="Install ffmpeg, or give a WAV or FLAC file")
    command = [program, "-nostdin", "-hide_banner", "-loglevel", "error", "-max_alloc", str(_MOST_ALLOCATED_BYTES)]
    command += ["-protocol_whitelist", "file", "-f", demuxer, "-i", f"file:{path.absolute()}", "-map", "0:a:0"]
    command += ["-vn", "-sn", "-dn", "-map_metadata", "-1", "-threads", "1", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)
        timer = threading.Timer(LONGEST_RUN_S, process.kill)
        timer.daemon = True
        timer.start()
        pipe = process.stdout
        if pipe is None:  # never, since it was asked for
            raise MachineError("ffmpeg has no output", remedy="Try again")
        try:
            channels, rate = _layout(pipe, path.name)
            form = _CODECS[demuxer]
            lossless = demuxer == "wv" or (demuxer == "mov" and _names_alac(path))
            yield Decoding(
                rate, channels, "ALAC" if lossless and form == "AAC" else form, lossless, pipe, process, said, path.name
            )
        finally:
            timer.cancel()
            pipe.close()
            process.kill()
            process.wait()


def _names_alac(path: Path) -> bool:
    """Whether the description of an MP4, which stands at one of its ends, names Apple's lossless codec."""
    with path.open("rb") as file:
        head = file.read(_DESCRIPTION_BYTES)
        file.seek(max(0, file.seek(0, os.SEEK_END) - _DESCRIPTION_BYTES))
        return b"alac" in head or b"alac" in file.read()


def _layout(pipe: IO[bytes], name: str) -> tuple[int, int]:
    """Channels and rate from the header of the WAV that ffmpeg writes; the pipe is left at its first sample."""
    no_sound = AudioFileError(f"{name} cannot be read as audio", remedy="Give a WAV or FLAC file")
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
