"""The codecs of lossy deliverables: MP3 by LAME and Opus by libsndfile, AAC by the machine's ffmpeg.

Each gives the same bytes for the same input.
"""

# mypy: disable-error-code="no-untyped-call"
# (mutagen calls itself typed, but is not)

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import soundfile
import soxr
from mutagen.mp4 import MP4
from mutagen.ogg import OggPage

from catalog.common.errors import InputError, MachineError
from tasks.audio.audio import Audio
from tasks.audio.files import BLOCK, read_audio
from tasks.audio.formats.mp4_gapless import gapless_frames
from tasks.parent_process import ending_with_starter

MP3_RATES = frozenset({32_000, 44_100, 48_000})
"""The rates of MPEG-1 layer III, the only ones that reach 320 kbit/s."""

AAC_RATES = frozenset({32_000, 44_100, 48_000, 64_000, 88_200, 96_000})

OPUS_RATE = 48_000
OPUS_STEREO_BITS_PER_S = 160_000
OGG_SERIAL = 0x50_4E_4F_53
"""Any number is valid for the only stream of a file (RFC 3533); libsndfile draws one at random."""

_SNDFILE_OPUS_BITS_PER_S = (6_000, 256_000)  # what compression levels 1 and 0 mean per channel
_LONGEST_RUN_S = 900.0


def lame_mp3(audio: Audio) -> bytes:
    """The frames of an MP3 of 320 kbit/s, preceded by LAME's header frame.

    libsndfile passes the full 24 bits to LAME at its quality 3. pedalboard is three times as fast, but truncates to 16
    bits without dither first and takes quality 7: measured 68 dB worse on a tone at -80 dBFS, as at a fade's end.

    Raises InputError for more than two channels, or a rate not in :data:`MP3_RATES`.
    """
    _refuse_unless_fit(audio, MP3_RATES, codec="MP3 at 320 kbit/s")
    return _written(audio, format="MP3", compression_level=0.0, bitrate_mode="CONSTANT")


def ogg_opus(audio: Audio) -> bytes:
    """An Ogg Opus file of 80 kbit/s per channel, resampled to 48 kHz by soxr VHQ; pre-skip and end keep its length.

    Raises InputError for more than two channels.
    """
    _refuse_unless_fit(audio, None, codec="Opus")
    at_48k = audio
    if audio.rate != OPUS_RATE:
        at_48k = Audio.of(soxr.resample(audio.samples.T, audio.rate, OPUS_RATE, quality="VHQ").T, OPUS_RATE)
    if at_48k.frames != opus_frames(audio.frames, audio.rate):
        at_48k = Audio(_of_length(at_48k, opus_frames(audio.frames, audio.rate)), OPUS_RATE)
    low, high = _SNDFILE_OPUS_BITS_PER_S
    level = (high - OPUS_STEREO_BITS_PER_S / 2) / (high - low)
    return _with_serial(_written(at_48k, format="OGG", subtype="OPUS", compression_level=level))


def opus_frames(frames: int, rate: int) -> int:
    """The length in samples of audio of ``frames`` at ``rate`` once it is at Opus's 48 kHz, at least one."""
    return max(1, (frames * OPUS_RATE + rate // 2) // rate)


def ffmpeg_aac(master: Path, destination: Path) -> None:
    """Write AAC-LC of 256 kbit/s with ffmpeg's own encoder into an MP4 file without dates or encoder names.

    Its coder ``fast`` is the better one at this rate: on three guide masters its noise was 1 to 2 dB lower than that of
    the default, and true peaks up to 1 dB lower, which decides whether players must clip.

    Raises MachineError where ffmpeg is missing or fails, InputError for a form that AAC cannot hold.
    """
    header = soundfile.info(os.fsencode(master))
    _refuse_unless_fit(Audio.of(np.zeros((header.channels, 0)), header.samplerate), AAC_RATES, codec="AAC")
    plain_options = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact")
    # The time scale is the sample rate, so that the edit list states the length to the sample.
    layout = ("-movie_timescale", str(header.samplerate), "-movflags", "+faststart", "-f", "ipod")
    codec = ("-map", "0:a", "-c:a", "aac", "-aac_coder", "fast", "-b:a", "256k", "-threads", "1")
    _ffmpeg(
        "-i", f"file:{master}", *codec, *plain_options, *layout, f"file:{destination}", purpose=f"encode {master.name}"
    )


def decoded(path: Path) -> Audio:
    """Any deliverable as audio, AAC included, which libsndfile cannot read; padding that a file declares is cut off."""
    if path.suffix != ".m4a":
        return read_audio(path)
    wav = _ffmpeg("-i", f"file:{path}", "-f", "wav", "-c:a", "pcm_f32le", "pipe:1", purpose=f"decode {path.name}")
    audio, stated_frames = read_audio(io.BytesIO(wav)), gapless_frames(MP4(path))
    return Audio.of(audio.samples[:, :stated_frames], audio.rate)


def _ffmpeg(*arguments: str, purpose: str) -> bytes:
    program = shutil.which("ffmpeg")
    if program is None:
        raise MachineError(f"ffmpeg is not on the PATH, so that it cannot {purpose}", remedy="Install ffmpeg")
    command = [program, "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *arguments]
    try:
        run = subprocess.run(
            command,
            capture_output=True,
            timeout=_LONGEST_RUN_S,
            check=False,
            preexec_fn=ending_with_starter(),
        )
    except subprocess.TimeoutExpired as fault:
        raise MachineError(f"ffmpeg took over {_LONGEST_RUN_S:g} s to {purpose}", remedy="Try again") from fault
    if run.returncode != 0:
        message = run.stderr.decode(errors="replace").strip().rpartition("\n")[2].rstrip(".")
        raise MachineError(f"ffmpeg could not {purpose} ({message})", remedy="Install ffmpeg 5 or newer")
    return run.stdout


def _refuse_unless_fit(audio: Audio, rates: frozenset[int] | None, *, codec: str) -> None:
    if audio.channels <= 2 and (rates is None or audio.rate in rates):
        return
    problem = f"the master has {audio.channels} channels at {audio.rate} Hz, which {codec} cannot hold"
    raise InputError(problem, remedy="Deliver flac24 instead")


def _written(audio: Audio, **options: object) -> bytes:
    """The bytes that libsndfile encodes, written in blocks: one long write makes its Ogg encoders crash."""
    target = io.BytesIO()
    with soundfile.SoundFile(target, "w", audio.rate, audio.channels, **options) as file:
        for start in range(0, audio.frames, BLOCK // 2):
            file.write(audio.samples[:, start : start + BLOCK // 2].T)
    return target.getvalue()


def _of_length(audio: Audio, frames: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    samples = np.zeros((audio.channels, frames), np.float32)
    kept_frames = min(frames, audio.frames)
    samples[:, :kept_frames] = audio.samples[:, :kept_frames]
    return samples


def _with_serial(ogg: bytes) -> bytes:
    """An Ogg file of one stream with :data:`OGG_SERIAL` on every page."""
    source, pages = io.BytesIO(ogg), []
    while source.tell() < len(ogg):
        page = OggPage(source)
        page.serial = OGG_SERIAL
        pages.append(page.write())
    return b"".join(pages)
