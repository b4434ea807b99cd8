"""A command run as a user runs it, with the time and the memory that it took."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support import environment

MOST_MIB = 300
MOST_CPU_S = 5.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a command said and took; ``peak_mib`` is the memory it held at most, of which some 60 are Python's own."""

    code: int
    stdout: str
    stderr: str
    cpu_s: float
    peak_mib: float

    def within(self, *, mib: float = MOST_MIB, cpu_s: float = MOST_CPU_S) -> bool:
        """Whether it stayed within the bounds that hold for looking at any input."""
        return self.peak_mib <= mib and self.cpu_s <= cpu_s


def measured(*arguments: str | Path, home: Path, **settings: str) -> Measured:
    """Run ``songline`` with these arguments; it is ended after two minutes."""
    command = [sys.executable, "-W", "error::RuntimeWarning", "-m", "flows.cli", *map(str, arguments)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, env=environment(home, **settings), stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Measured(
            process.returncode,
            out.read().decode(),
            err.read().decode(),
            used.ru_utime + used.ru_stime,
            used.ru_maxrss / 1024,
        )
