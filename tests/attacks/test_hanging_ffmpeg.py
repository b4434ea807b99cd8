"""Sounds made so that ffmpeg, which decodes them, goes on for ever, outlives its command, or is started too often."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from catalog.common.errors import AudioRefused
from tasks.audio.errors import AudioFileError
from tasks.mastering.analysis.reference import reference_from
from tasks.style.reference.encoding_signs import SPECTRA_AT_MOST, Signs
from tasks.style.reference.inspection import inspect
from tasks.style.reference.spectrum_edge import FRAME
from tests.support.commands import environment

M4A_HEAD = struct.pack(">I", 24) + b"ftypM4A " + bytes(4) + b"M4A isom"


def until(is_so: Callable[[], bool], *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def hanging_ffmpeg(folder: Path) -> Path:
    """A program named ffmpeg that writes its process id and nothing more."""
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(f"#!/bin/sh\necho $$ > {folder}/pid\nexec sleep 300\n")
    program.chmod(0o755)
    return folder


def is_sleeping(process: str) -> bool:
    try:
        return "sleep" in Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: the end of a starter is signalled on Linux only")
def test_a_hanging_ffmpeg_ends_with_the_command_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "a.m4a").write_bytes(M4A_HEAD)
    fake = hanging_ffmpeg(tmp_path / "fake")
    command = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "measure", str(tmp_path / "a.m4a")],
        env=environment(tmp_path / "home", PATH=f"{fake}:{os.environ['PATH']}"),
    )
    try:
        until(lambda: (fake / "pid").is_file() and (fake / "pid").read_text().endswith("\n"))
        child = (fake / "pid").read_text().strip()
        until(lambda: is_sleeping(child))
    finally:
        command.kill()
        command.wait()
    until(lambda: not is_sleeping(child), seconds=10)


@pytest.mark.parametrize("hear", [inspect, reference_from])
def test_a_reference_that_ffmpeg_never_ends_is_not_waited_for(
    hear: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.m4a").write_bytes(M4A_HEAD)
    monkeypatch.setenv("PATH", f"{hanging_ffmpeg(tmp_path / 'fake')}:{os.environ['PATH']}")
    for module in ("tasks.style.reference.inspection", "tasks.mastering.analysis.reference"):
        assert import_module(module).REFERENCE_WAIT_S == 20
        monkeypatch.setattr(f"{module}.REFERENCE_WAIT_S", 0.5)
    began = time.monotonic()
    with pytest.raises((AudioFileError, AudioRefused), match="takes too long to decode"):
        hear(tmp_path / "a.m4a")
    assert time.monotonic() - began < 10


def test_a_reference_is_decoded_once_and_not_past_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.m4a").write_bytes(M4A_HEAD)
    commands = tmp_path / "commands"
    program = tmp_path / "fake" / "ffmpeg"
    program.parent.mkdir()
    sound = struct.pack("<IHHIIHH", 16, 3, 2, 44100, 8 * 44100, 8, 32)
    size = 11 * 8 * 44100
    (tmp_path / "sound").write_bytes(
        b"RIFF____WAVEfmt " + sound + b"data" + struct.pack("<I", size) + b"abc>" * (size // 4)
    )
    program.write_text(f'#!/bin/sh\necho "$@" >> {commands}\nexec cat {tmp_path}/sound\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    inspect(tmp_path / "a.m4a")
    inspect(tmp_path / "a.m4a", most_s=2)
    reference_from(tmp_path / "a.m4a")
    started = commands.read_text().splitlines()
    assert len(started) == 3
    assert all(" -t 601.000 " in line for line in started)
    assert all(f" -max_alloc {64 << 20} " in line for line in started), "no table of parts fills the memory"


@pytest.mark.parametrize("seconds", [4, 13, 700])
def test_what_tells_no_length_is_judged_as_what_tells_it(seconds: int) -> None:
    rate = 8000
    noise = np.random.default_rng(4).standard_normal((seconds * rate, 2)).astype(np.float32) * 0.1
    noise[: len(noise) // 3] *= 1e-4
    told, sought = Signs(rate, 2, frames=len(noise)), Signs(rate, 2, frames=None)
    for start in range(0, len(noise), 50_000):
        told.take(noise[start : start + 50_000])
        sought.take(noise[start : start + 50_000])
    assert sought.middle_dbfs == pytest.approx(told.middle_dbfs, abs=0.1)
    assert (sought.frames, sought.duration_s) == (len(noise), seconds)
    assert sought.wall_hz() == told.wall_hz()


def test_spectra_of_what_tells_no_length_stay_few() -> None:
    signs, block = Signs(8000, 1, frames=None), np.zeros((1 << 16, 1), np.float32)
    sizes = []
    for _ in range(3):
        for _ in range(SPECTRA_AT_MOST * FRAME // len(block)):
            signs.take(block)
        sizes.append(len(pickle.dumps(signs)))
    assert max(sizes) < 2.1 * sizes[0], "of three times as many spectra, at most twice as many are held"
