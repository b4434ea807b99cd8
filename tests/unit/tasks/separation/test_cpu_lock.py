"""Separations on the cores of one machine wait for each other, also across processes."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from tasks.audio.audio import Audio
from tasks.scoring.judges.voice import voice_of
from tasks.separation.cpu_lock import cpu_lock
from tests.support.tiny_demucs import need

pytestmark = pytest.mark.slow

HOLDS = """
import sys
from pathlib import Path
from tasks.separation.cpu_lock import cpu_lock
with cpu_lock(Path(sys.argv[1]), device="cpu"):
    print("mine", flush=True)
    sys.stdin.read()
"""


def test_a_separation_waits_for_another_process_and_goes_on_when_that_dies(registry, tmp_path: Path) -> None:
    wanted = registry.model_copy(update={"home": tmp_path / "home"})
    mix = Audio.of(0.1 * np.random.Generator(np.random.PCG64(1)).standard_normal((2, 4000)), 44_100)
    done = threading.Event()

    def separate():
        assert voice_of(need(registry, "htdemucs"), wanted)(mix).frames == mix.frames
        done.set()

    command = (sys.executable, "-c", HOLDS, str(wanted.home))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "mine\n"
        with cpu_lock(wanted.home, device="cuda"):
            pass
        waiting = threading.Thread(target=separate)
        waiting.start()
        assert not done.wait(1.5)
        other.kill()
    waiting.join(timeout=30)
    assert done.is_set()
