"""Servers for tests: on a free loopback port, ended with the tests even where those are killed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

START_S = 30.0
STOP_S = 10.0


def free_port() -> int:
    """A loopback port on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def not_tested(reason: str) -> None:
    """Skip the test, or fail it where continuous integration should have provided the service."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(f"NOT TESTED: {reason}")


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    health_url: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
    start_s: float = START_S,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the server during the block, which starts once ``health_url`` answers 200; its output goes to ``log``."""
    # setpriv has the kernel kill the server even where the tests are killed.
    tie = ["setpriv", "--pdeathsig", "SIGKILL", "--"] if shutil.which("setpriv") else []
    with log.open("ab") as output:
        server = subprocess.Popen(
            [*tie, *map(str, command)],
            env=os.environ | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _await(server, health_url, log, start_s)
        yield server
    finally:
        stop(server)


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the server, by SIGKILL if necessary."""
    server.terminate()
    try:
        server.wait(STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _await(server: subprocess.Popen[bytes], health_url: str, log: Path, start_s: float) -> None:
    end = time.monotonic() + start_s
    while not _is_healthy(health_url):
        if server.poll() is not None or time.monotonic() > end:
            pytest.fail(f"the server did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
