"""Sound for files of an attacker."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE = 8000


@pytest.fixture(scope="module")
def silence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine minutes of stereo at 48 kHz in a FLAC of some kilobytes: 207 MB of samples."""
    path = tmp_path_factory.mktemp("silence") / "long.flac"
    minute = np.zeros((48_000 * 60, 2), np.int16)
    minute[::4800] = 6000
    with soundfile.SoundFile(path, "w", 48_000, 2, "PCM_16", format="FLAC") as file:
        for _ in range(9):
            file.write(minute)
    return path


def made(form: str, subtype: str | None = None, *, seconds: float = 4, channels: int = 2, rate: int = 44100) -> bytes:
    samples = np.random.default_rng(1).standard_normal((int(seconds * rate), channels)) * 0.1
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, subtype, format=form)
    return stream.getvalue()


def of_ffmpeg(tmp_path: Path, name: str, *options: str) -> Path:
    """A tone encoded by ffmpeg."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("NOT TESTED: files that ffmpeg reads; there is no ffmpeg")
    (tmp_path / "source.wav").write_bytes(made("WAV"))
    target = tmp_path / name
    subprocess.run(
        ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-i", tmp_path / "source.wav", *options, target], check=True
    )
    return target
