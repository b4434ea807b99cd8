"""A plain, valid master and ways to break it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.acceptance.checks import Finding, Target, examine
from tasks.audio.audio import Audio
from tasks.audio.files import write_wav

RATE = 44100
SECONDS = 6
Lines = NDArray[np.float64]


def beats(seconds: float = SECONDS, *, rate: int = RATE) -> Lines:
    """Kicks, noisy snares and hats over chords, faded at both ends: about -17 LUFS, shape (2, frames)."""
    rng = np.random.Generator(np.random.PCG64(4))
    time = np.arange(round(seconds * rate)) / rate
    beat = time % 0.5
    kick = 0.5 * np.sin(2 * np.pi * (50 * beat + 3 * (1 - np.exp(-40 * beat)))) * np.exp(-9 * beat)
    snare = 0.2 * rng.standard_normal((2, len(time))) * np.exp(-25 * ((time + 0.5) % 1.0))
    hat = 0.05 * rng.standard_normal(len(time)) * np.exp(-90 * (time % 0.25))
    chords = sum(0.06 * np.sin(2 * np.pi * hz * time) for hz in (110, 220, 277, 330))
    side = 0.03 * np.sin(2 * np.pi * 440 * time) * np.array([[1.0], [-1.0]])
    ramp = np.minimum(1.0, np.minimum(time, time[::-1]) / 0.01)
    mix = 0.8 * (kick + snare + hat + chords + side) * ramp
    return np.asarray(mix - ramp * mix.mean(axis=1, keepdims=True) / ramp.mean())


def target(lines: Lines, **changes: object) -> Target:
    """The target that :func:`beats` meets, with changes."""
    fields = {
        "target_lufs": None,
        "ceiling_dbtp": -0.1,
        "rate": RATE,
        "bits": 24,
        "channels": 2,
        "frames": lines.shape[1],
    }
    return Target(**{**fields, **changes})  # type: ignore[arg-type]


def written(folder: Path, lines: Lines, *, rate: int = RATE) -> Path:
    path = folder / "master.wav"
    write_wav(path, Audio.of(lines, rate), subtype="PCM_24")
    return path


def found(folder: Path, lines: Lines, **changes: object) -> dict[str, Finding]:
    """The findings about a file with these samples, by check."""
    findings = examine(written(folder, lines), target=target(lines, **changes))
    assert len({finding.check for finding in findings}) == len(findings)
    return {finding.check: finding for finding in findings}
