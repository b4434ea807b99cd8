"""A command run as a user runs it, with the time and the memory that it took."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.commands import environment

MOST_MIB = 300
MOST_CPU_S = 5.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a command said and took, with the programs that it started.

    ``peak_mib`` is the memory that all of them held at most at one time, of which some 60 are Python's own.
    """

    code: int
    stdout: str
    stderr: str
    cpu_s: float
    peak_mib: float

    def within(self, *, mib: float = MOST_MIB, cpu_s: float = MOST_CPU_S) -> bool:
        """Whether it stayed within the bounds that hold for looking at any input."""
        return self.peak_mib <= mib and self.cpu_s <= cpu_s


class Watch(threading.Thread):
    """Looks at a process and its descendants every 20 ms: the most memory that they held together."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.peak_mib = 0.0
        self._process = process

    def run(self) -> None:
        """Look until it is over."""
        while not self.over.wait(0.02):
            with suppress(psutil.Error):
                held = _most_held_bytes(self._process) + sum(map(_held_bytes, _children(self._process)))
                self.peak_mib = max(self.peak_mib, held / 2**20)


def _most_held_bytes(process: int) -> int:
    """The most it held since it runs its program: what the tests' process held when it started it is not counted, as it
    would be in ``ru_maxrss``."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def _children(process: int) -> list[int]:
    return [child.pid for child in psutil.Process(process).children(recursive=True)]


def _held_bytes(process: int) -> int:
    """Of a process that is gone, nothing."""
    try:
        return int(psutil.Process(process).memory_info().rss)
    except psutil.Error:
        return 0


def measured(*arguments: str | Path, home: Path, **settings: str) -> Measured:
    """Run ``songline`` with these arguments; it is ended after two minutes."""
    command = [sys.executable, "-W", "error::RuntimeWarning", "-m", "flows.cli", *map(str, arguments)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, env=environment(home, **settings), stdout=out, stderr=err)
        watch = Watch(process.pid)
        watch.start()
        _, status, used = os.wait4(process.pid, 0)
        watch.over.set()
        watch.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Measured(
            process.returncode,
            out.read().decode(),
            err.read().decode(),
            used.ru_utime + used.ru_stime,
            watch.peak_mib,
        )
