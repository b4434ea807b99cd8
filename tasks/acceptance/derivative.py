"""Acceptance of a file that was encoded from a master: it decodes, and its length, loudness and sound match.

An encoder moves peaks. At -14 LUFS that is 0.02 dB for MP3 at 320 kbit/s, but 1 dB for Opus; loud masters at low rates
gain up to 2.6 dB. So the ceiling is a limit for masters and lossless files alone; a lossy file above it gets a warning,
which states what players must turn down or clip, and fails only where no encoder would put a sound master (+1 dBTP).

An encoder keeps neither the loudness nor the waveform exactly. MP3 and Opus drop what lies over 20 kHz, and code noise
by its power, not its samples. There the K filter has a gain of +4 dB: full-band white noise loses 0.7 LU by MP3 at 320
kbit/s and 0.8 LU by Opus, noise without anything under 4 kHz 0.9 and 1.0 LU, with a difference at -4 dB of its power.
Music is not as bright; so a result that no sound material gives fails, over 1 LU and a difference as strong as the
master (0 dB), and one in between is a warning.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from catalog.selection.metrics import NotMeasurable, Reading
from tasks.acceptance.findings import Finding, Verdict, unread
from tasks.audio.audio import Audio
from tasks.audio.codecs import decoded
from tasks.audio.errors import AudioFileError
from tasks.audio.files import read_audio, resample
from tasks.audio.formats.gapless import gapless_header
from tasks.audio.formats.mp4_gapless import AAC_FRAME
from tasks.audio.metering.loudness import integrated_lufs
from tasks.audio.metering.true_peak import true_peak_dbtp

FRAME_SAMPLES = {"MP3": 1152, "VORBIS": 0, "OPUS": 960}
"""Length of a codec's frame, in samples of its own rate; a file may be that much longer or shorter."""

LOUDNESS_LU = 0.1
LOUDNESS_FAIL_LU = 1.0
OVERSHOT_DBTP = 1.0
DIFFERENCE_DB = -6.0
"""Relative to the master's power: a coarse encoder's noise lies under it."""

DIFFERENCE_FAIL_DB = 0.0
"""Another song, or the same one shifted, differs by +3 dB (twice the power); silence by 0 dB."""


class Decoded(NamedTuple):
    """An encoded file's audio at the master's rate, its format, and its first bytes."""

    audio: Audio
    codec: str
    lossy: bool
    frame_s: float


def examine_derivative(path: Path, master: Path, *, ceiling_dbtp: float) -> tuple[Finding, ...]:
    """Every finding about an encoded file, compared with its master. ``ceiling_dbtp`` is in dBTP.

    Raises AudioFileError for an unreadable master.
    """
    master_audio = read_audio(master)
    try:
        decoded = _decode(path, master_audio.rate)
    except AudioFileError as fault:
        return (Finding("decode", "fail", None, None, "", f"{fault.what[:1].upper()}{fault.what[1:]}."),)
    length_s = decoded.audio.duration_s
    findings = [
        Finding("decode", "pass", length_s, None, "s", f"{decoded.codec} decodes whole: {length_s:.3f} s."),
        _length(decoded, master_audio),
        _peak(true_peak_dbtp(decoded.audio), ceiling_dbtp, lossy=decoded.lossy),
        _loudness(integrated_lufs(decoded.audio), integrated_lufs(master_audio)),
        _difference(decoded.audio, master_audio),
    ]
    if decoded.codec == "MP3":
        findings.insert(2, _gapless(path, master_audio.frames))
    return tuple(findings)


def _decode(path: Path, rate: int) -> Decoded:
    if path.suffix == ".m4a":
        aac = decoded(path)
        return Decoded(resample(aac, rate), "AAC", True, AAC_FRAME / aac.rate)
    audio = read_audio(path)
    header = soundfile.info(os.fsencode(path))
    codec = header.format if header.subtype.startswith(("PCM", "FLOAT", "MPEG")) else header.subtype
    is_lossy = codec in FRAME_SAMPLES
    return Decoded(resample(audio, rate), codec, is_lossy, FRAME_SAMPLES.get(codec, 0) / audio.rate)


def _length(decoded: Decoded, original: Audio) -> Finding:
    """Length: exactly the master's where the format allows it, else within one frame of the codec."""
    excess = decoded.audio.frames - original.frames
    tolerance = math.ceil(decoded.frame_s * original.rate)
    verdict: Verdict = "pass" if abs(excess) <= tolerance else "fail"
    sentence = f"{excess:+d} samples beside the master." if excess else "As long as the master, to the sample."
    return Finding("length", verdict, float(excess), float(tolerance), "samples", sentence)


def _gapless(path: Path, frames: int) -> Finding:
    header = gapless_header(path.read_bytes())
    if header is None:
        sentence = "No gapless header: players will leave a gap before and after the song."
        return Finding("gapless", "fail", None, float(frames), "samples", sentence)
    is_right = header.samples == frames
    sentence = f"{header.encoder} wrote a delay of {header.delay} and a padding of {header.padding}: "
    sentence += f"{header.samples} samples are left{'' if is_right else f', not the {frames} of the master'}."
    return Finding("gapless", "pass" if is_right else "fail", float(header.samples), float(frames), "samples", sentence)


def _peak(reading: Reading, ceiling_dbtp: float, *, lossy: bool) -> Finding:
    if isinstance(reading, NotMeasurable):
        return unread("true_peak", reading, verdict="fail", unit="dBTP")
    value = reading.value
    verdict: Verdict = "pass" if value <= ceiling_dbtp else "warn" if lossy and value <= OVERSHOT_DBTP else "fail"
    sentence = f"Decoded, its true peak is {value:.2f} dBTP, {value - ceiling_dbtp:+.2f} dB from the ceiling."
    return Finding("true_peak", verdict, value, ceiling_dbtp, "dBTP", sentence)


def _loudness(reading: Reading, original: Reading) -> Finding:
    if isinstance(reading, NotMeasurable) or isinstance(original, NotMeasurable):
        unmeasured_reading = reading if isinstance(reading, NotMeasurable) else original
        return unread("loudness", unmeasured_reading, verdict="fail", unit="LUFS")
    difference = reading.value - original.value
    verdict: Verdict = (
        "pass" if abs(difference) <= LOUDNESS_LU else "warn" if abs(difference) <= LOUDNESS_FAIL_LU else "fail"
    )
    sentence = f"Decoded, it reads {reading.value:.2f} LUFS, {difference:+.2f} LU from the master."
    return Finding("loudness", verdict, reading.value, original.value, "LUFS", sentence)


def _difference(audio: Audio, original: Audio) -> Finding:
    """Power of the difference between the decoded file and the master, relative to the master's."""
    if audio.channels != original.channels:
        sentence = f"It has {audio.channels} channels, the master {original.channels}."
        return Finding("difference", "fail", None, DIFFERENCE_DB, "dB", sentence)
    frames = min(audio.frames, original.frames)
    decoded_samples, master_samples = audio.samples[:, :frames], original.samples[:, :frames]
    noise, power = (
        float(np.square(decoded_samples - master_samples).mean(dtype=np.float64)),
        float(np.square(master_samples).mean(dtype=np.float64)),
    )
    if noise == 0:
        return Finding("difference", "pass", None, DIFFERENCE_DB, "dB", "The master's very samples.")
    value = 10 * math.log10(noise / max(power, 1e-30))
    verdict: Verdict = "pass" if value <= DIFFERENCE_DB else "warn" if value < DIFFERENCE_FAIL_DB else "fail"
    limit = DIFFERENCE_FAIL_DB if verdict == "fail" else DIFFERENCE_DB
    sentence = f"What it differs from the master by lies {value:.1f} dB {'over' if value > 0 else 'under'} it."
    return Finding("difference", verdict, value, limit, "dB", sentence.replace(" -", " "))
