"""Audio files read in blocks: a file that is too long, has too many channels or ends early is refused, not loaded."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from catalog.models.file_type import HEAD_BYTES, in_its_place, read_head
from db.files.regular_file import open_regular
from tasks.audio.errors import AudioFileError, cut_short
from tasks.audio.formats.containers import (
    UNKNOWN_BYTES,
    Repair,
    au_is_cut_short,
    demuxer_of,
    joined,
    ogg_is_cut_short,
    repaired_wav,
)
from tasks.audio.formats.ffmpeg import LONGEST_WAIT_S, Decoding, decoding
from tasks.audio.formats.gapless import after_id3, gapless_header, states_frames
from tasks.audio.formats.mp3_frames import count_frames, with_length

Frames = NDArray[np.float32]

READ_VALUES = 1 << 20
"""Samples read at a time, over all channels: no memory is reserved for a length that only the header claims."""

UNKNOWN_FRAMES = 2**63 - 1
"""The length that libsndfile gives for a FLAC that was written to a pipe and states none."""

LONGEST_S = 12 * 3600.0
"""Limit for everything that is read in blocks."""

REFERENCE_WAIT_S = 20.0
"""Limit for ffmpeg's decoding of a reference of at most ten minutes: on one quiet core that takes a second."""

_OF_FRAME = re.compile(rb"\xff[\xe2-\xff]")
_OTHERS = (b"ID3", b"RIFF", b"RIFX", b"RF64", b"FORM", b"OggS", b"fLaC", b".snd", b"caff")
"""First bytes of formats that libsndfile recognises without a file name."""

MAX_CHANNELS = 64
MAX_RATE_HZ = 1_536_000
_MP3_HEAD_BYTES = 1 << 13


@dataclass(frozen=True, slots=True)
class Stream:
    """An open audio file. ``frames`` is the length that it states, None where it states none or only an estimate.

    ``form`` and ``subtype`` are libsndfile's names, or the codec where ffmpeg decodes; ``notes`` are finished sentences
    about faults of a file that can still be read.
    """

    name: str
    rate: int
    channels: int
    frames: int | None
    form: str
    subtype: str
    lossless: bool
    notes: tuple[str, ...]
    _read: Callable[[int], Frames] = field(repr=False)
    _longest_s: float
    _seek: Callable[[int], object] | None = field(default=None, repr=False)

    def middle(self, most: int, frames: int = 0) -> Iterator[Frames]:
        """The middle ``most`` frames in blocks (frames, channels); the whole where it is shorter, and the first
        ``most`` where the middle is not known.

        Does not check that the rest of the file is there.
        """
        remaining_frames = most
        if self.frames is None or self._seek is None:
            pass
        elif self.frames <= remaining_frames:
            yield from self.blocks(frames)
            return
        else:
            self._seek((self.frames - remaining_frames) // 2)
        size = frames or max(1, READ_VALUES // self.channels)
        while remaining_frames and len(block := self._read(min(size, remaining_frames))):
            remaining_frames -= len(block)
            yield block

    def blocks(self, frames: int = 0) -> Iterator[Frames]:
        """The whole file in blocks of shape (frames, channels), ``frames`` each (default: a few MiB).

        Raises AudioFileError where the file ends before its stated length, or exceeds the length limit.
        """
        size = frames or max(1, READ_VALUES // self.channels)
        frames_read = 0
        while len(block := self._read(size)):
            frames_read += len(block)
            if frames_read > self._longest_s * self.rate:
                raise too_long(self.name, self._longest_s)
            yield block
        if self.frames is not None and frames_read != self.frames:
            raise cut_short(self.name)


@contextmanager
def open_stream(
    source: Path | BinaryIO, *, longest_s: float = LONGEST_S, longest_wait_s: float = LONGEST_WAIT_S
) -> Iterator[Stream]:
    """Open an audio file and check its header; ffmpeg, where needed, may take ``longest_wait_s``.

    Raises AudioFileError for a file that is no audio, is cut short, or is longer than ``longest_s``, and MachineError
    where ffmpeg is needed and missing.
    """
    name = source.name if isinstance(source, Path) else "the audio"
    if isinstance(source, Path) and not source.is_file():
        raise AudioFileError(f"{source} is not a file", remedy="Check the path")
    with ExitStack() as stack:
        try:
            stream = _stream_of(source, stack, name=name, longest_s=longest_s, longest_wait_s=longest_wait_s)
        except soundfile.LibsndfileError as fault:
            reason = in_its_place(_beginning(source)) or fault.error_string.rstrip(".")
            raise AudioFileError(
                f"{name} cannot be read as audio ({reason})", remedy="Give a WAV, FLAC, MP3, Ogg or M4A file"
            ) from fault
        except OSError as fault:
            problem = f"{name} cannot be read as audio ({fault.strerror or fault})"
            raise AudioFileError(problem, remedy="Give a WAV, FLAC, MP3, Ogg or M4A file") from fault
        yield stream  # errors inside the caller's block are the caller's


def _stream_of(
    source: Path | BinaryIO, stack: ExitStack, *, name: str, longest_s: float, longest_wait_s: float
) -> Stream:
    binary_file = stack.enter_context(open_regular(source)) if isinstance(source, Path) else source
    if ogg_is_cut_short(binary_file) or au_is_cut_short(binary_file):
        raise cut_short(name)
    if isinstance(source, Path) and (demuxer := demuxer_of(binary_file)):
        sound = decoding(source, demuxer, longest_s=longest_s, longest_wait_s=longest_wait_s)
        return _of_ffmpeg(stack.enter_context(sound), name, longest_s)
    _refuse_empty_mp3(source, binary_file)
    repair = repaired_wav(binary_file) or _counted_mp3(binary_file, name)
    binary_file.seek(0)
    file = stack.enter_context(_opened(source, binary_file) if repair is None else soundfile.SoundFile(repair.file))
    return _of_sndfile(file, name, longest_s, binary_file, (repair.note,) if repair and repair.note else ())


def _counted_mp3(raw: BinaryIO, name: str) -> Repair | None:
    """An MP3 of varying bit rate without a length in any header, with such a header put in front.

    Raises AudioFileError where an MP3 ends inside a frame.
    """
    head = _head(raw)
    if head[:1] != b"\xff" or gapless_header(head) is not None:
        return None
    frames = count_frames(raw)
    if frames is None:
        return None
    if frames.ends_inside_a_frame:
        raise cut_short(name)
    header = with_length(frames) if frames.varies and not states_frames(head) else None
    return Repair(joined(header, raw, frames.start, raw.seek(0, os.SEEK_END) - frames.start)) if header else None


def _refuse_empty_mp3(source: Path | BinaryIO, raw: BinaryIO) -> None:
    """Raise AudioFileError for a file named as an MP3 that holds no beginning of a frame.

    libsndfile would accept it by its name, and its decoder would write to stderr.
    """
    if not isinstance(source, Path) or source.suffix.lower() != ".mp3":
        return
    raw.seek(0)
    head = raw.read(READ_VALUES)
    if _OF_FRAME.search(head) is None and not head.startswith(_OTHERS):
        problem = in_its_place(head[:HEAD_BYTES]) or "it holds no MPEG audio"
        raise AudioFileError(f"{source.name} cannot be read as audio ({problem})", remedy="Copy or make the file again")


def _beginning(source: Path | BinaryIO) -> bytes:
    if isinstance(source, Path):
        return read_head(source)
    source.seek(0)
    return source.read(HEAD_BYTES)


def _opened(source: Path | BinaryIO, raw: BinaryIO) -> soundfile.SoundFile:
    """Open the file by libsndfile, with the path as the system's bytes: soundfile accepts no text that is not UTF-8.

    For an unknown file, libsndfile also opens ``._NAME`` (the other half of an old Macintosh's file), which may be a
    pipe and block. The system's own name of an open file has no such neighbour; it also has no suffix, by which a few
    formats are recognised.
    """
    if not isinstance(source, Path):
        return soundfile.SoundFile(source)
    descriptor_path = f"/proc/self/fd/{raw.fileno()}"
    path_halves = (source.with_name(f"._{source.name}"), source.with_name(".AppleDouble") / source.name)
    try:
        return soundfile.SoundFile(descriptor_path.encode() if os.path.exists(descriptor_path) else os.fsencode(source))
    except soundfile.LibsndfileError:
        if any(os.path.lexists(path_half) for path_half in path_halves):
            raise
        return soundfile.SoundFile(os.fsencode(source))


def _of_sndfile(
    file: soundfile.SoundFile, name: str, longest_s: float, raw: BinaryIO, notes: tuple[str, ...]
) -> Stream:
    if file.frames >= UNKNOWN_FRAMES:
        raise AudioFileError(f"{name} does not tell its length", remedy="Write it to a file, not through a pipe")
    if is_cut_short(file.extra_info):
        raise cut_short(name)
    frames: int | None = file.frames
    if file.format == "MP3" and gapless_header(_head(raw)) is None:
        frames = None  # libsndfile's length is an estimate
    _check_header(name, file.channels, file.samplerate, frames, longest_s)
    return Stream(
        name=name,
        rate=file.samplerate,
        channels=file.channels,
        frames=frames,
        form=file.format,
        subtype=file.subtype,
        lossless=file.format not in ("MP3", "MPEG", "OGG"),
        notes=notes,
        _read=lambda size: _sndfile_block(file, size, name),
        _longest_s=longest_s,
        _seek=file.seek,
    )


def _head(raw: BinaryIO) -> bytes:
    """The first frames of an MP3, after its ID3 tag; the position in the file is restored."""
    place = raw.tell()
    raw.seek(0)
    raw.seek(after_id3(raw.read(10)))
    head = raw.read(_MP3_HEAD_BYTES)
    raw.seek(place)
    return head


def _of_ffmpeg(sound: Decoding, name: str, longest_s: float) -> Stream:
    _check_header(name, sound.channels, sound.rate, None, longest_s)
    return Stream(
        name=name,
        rate=sound.rate,
        channels=sound.channels,
        frames=None,
        form=sound.form,
        subtype=sound.form,
        lossless=sound.lossless,
        notes=(),
        _read=sound.read,
        _longest_s=longest_s,
    )


def _check_header(name: str, channels: int, rate: int, frames: int | None, longest_s: float) -> None:
    if channels > MAX_CHANNELS:
        raise AudioFileError(f"{name} has {channels} channels, more than {MAX_CHANNELS}", remedy="Give mono or stereo")
    if rate > MAX_RATE_HZ:
        raise AudioFileError(f"{name} has a rate of {rate} Hz, more than {MAX_RATE_HZ}", remedy="Resample it")
    if frames is not None and frames > longest_s * rate:
        raise too_long(name, longest_s)


def _sndfile_block(file: soundfile.SoundFile, size: int, name: str) -> Frames:
    try:
        return np.asarray(file.read(size, dtype="float32", always_2d=True), dtype=np.float32)
    except soundfile.LibsndfileError as fault:  # e.g. a FLAC that ends before its stated length
        raise AudioFileError(f"{name} is cut short or damaged", remedy="Copy or make the file again") from fault


def too_long(name: str, longest_s: float) -> AudioFileError:
    """The error for audio longer than ``longest_s``."""
    minutes = longest_s / 60
    limit = f"{minutes / 60:g} hours" if minutes > 60 else f"{minutes:g} minutes"
    return AudioFileError(f"{name} is longer than {limit}", remedy="Cut it, or split it")


def is_cut_short(log: str) -> bool:
    """Whether libsndfile found fewer bytes of audio than a header promises (it reads on without an error).

    It notes the correction of WAV and AIFF in its log; for W64 and RF64 it logs the promised length and the file's.
    """
    match = re.search(r"^ ?(?:data|SSND) : (\d+) \(should be (\d+)\)", log, re.MULTILINE)
    if match is not None:
        return int(match[2]) < int(match[1]) < UNKNOWN_BYTES
    length = re.search(r"^Length : (\d+)$", log, re.MULTILINE)
    length_match = re.search(r"^(?:data|  Data size) : (\d+)$", log, re.MULTILINE)
    if length is None or length_match is None or UNKNOWN_BYTES <= int(length_match[1]) <= 0xFFFF_FFFF:
        return False
    return int(length[1]) < int(length_match[1]) < UNKNOWN_FRAMES
