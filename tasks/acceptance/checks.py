"""Examine a written master against its target: a mastering engineer's checklist, measured from the file itself."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import soundfile

from catalog.selection.metrics import NotMeasurable
from tasks.acceptance.clicks import click_finding
from tasks.acceptance.derivative import examine_derivative
from tasks.acceptance.findings import CHECKS, Finding, Target, failed, of_a_part, unread
from tasks.acceptance.levels import level_findings
from tasks.acceptance.shape import shape_findings
from tasks.audio.audio import Audio
from tasks.audio.errors import AudioFileError
from tasks.audio.files import read_audio

__all__ = ["CHECKS", "Finding", "Target", "examine", "examine_derivative", "failed"]

BITS = {"PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}


def examine(path: Path, *, target: Target) -> tuple[Finding, ...]:
    """Every finding about a written master, in the order of :data:`CHECKS`.

    A file that cannot be read as audio fails ``decode`` and has no other finding.
    """
    try:
        audio = read_audio(path)
    except AudioFileError as fault:
        return (Finding("decode", "fail", None, None, "", f"{_sentence(fault.what)}."),)
    decode_finding = Finding(
        "decode", "pass", audio.duration_s, None, "s", f"It reads whole: {audio.duration_s:.3f} s."
    )
    bits = BITS.get(soundfile.info(os.fsencode(path)).subtype)
    findings = (decode_finding, *_format(audio, bits, target), *_sound(audio, target))
    return tuple(map(of_a_part, findings)) if target.part else findings


def _sentence(what: str) -> str:
    return what[:1].upper() + what[1:]


def _format(audio: Audio, bits: int | None, target: Target) -> list[Finding]:
    format_read = (audio.rate, bits, audio.channels)
    format_asked = (target.rate, target.bits, target.channels)
    description = f"{audio.rate} Hz, {bits if bits else 'unknown'} bits, {audio.channels} channels"
    difference = (
        ""
        if format_read == format_asked
        else f"; asked for were {target.rate} Hz, {target.bits} bits, {target.channels}"
    )
    findings = [Finding("format", "fail" if difference else "pass", None, None, "", f"{description}{difference}.")]
    if target.frames is not None:
        excess = audio.frames - target.frames
        sentence = f"{audio.frames} frames{f', {excess:+d} from the length asked for' if excess else ', as asked for'}."
        finding = Finding(
            "length", "fail" if excess else "pass", float(audio.frames), float(target.frames), "frames", sentence
        )
        findings.append(finding)
    return findings


def _sound(audio: Audio, target: Target) -> list[Finding]:
    """The findings from the samples; where some are not finite, that one alone."""
    if audio.frames == 0:
        return [unread("loudness", NotMeasurable("there are no samples"), verdict="fail", unit="LUFS")]
    nonfinite = audio.samples.size - int(np.count_nonzero(np.isfinite(audio.samples)))
    sentence = f"{nonfinite} samples are not finite numbers." if nonfinite else "Every sample is a finite number."
    finite_finding = Finding("finite", "fail" if nonfinite else "pass", float(nonfinite), 0.0, "samples", sentence)
    if nonfinite:
        return [finite_finding]
    return [finite_finding, *level_findings(audio, target), *shape_findings(audio, target), click_finding(audio)]
