"""Prefect's own API on this machine, for as long as one command runs.

Prefect would start such a server by itself, but leaves it behind when its parent is killed, and two fresh
ones race each other's first migrations. This one is set up under a file lock and dies with its parent.
"""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.errors import MachineError

START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 5.0
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
    "PREFECT_CLI_PROMPT": "false",
}
SERVER_ONLY = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}


@contextmanager
def local_api(home: Path) -> Iterator[None]:
    """Run Prefect's API with its home in ``home`` and point this process's Prefect at it.

    To be entered before Prefect is imported. Raises MachineError where the server does not come up.
    """
    home.mkdir(parents=True, exist_ok=True)
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]  # settings of another Prefect must not reach this one
    os.environ.update(QUIET, PREFECT_HOME=str(home.absolute()), NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")
    log = home / "server.log"
    with (home / "setup.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Ours is closed once the server has its copy: connections to a dead server must fail, not wait.
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/api"
            server = _start(listening, log)
        try:
            # The import takes as long as the server's start; let them overlap.
            os.environ["PREFECT_API_URL"] = url
            import prefect.main  # noqa: F401

            _await_healthy(server, url, log)
        except BaseException:
            _stop(server)
            raise
    closing = threading.Event()
    threading.Thread(target=_guard, args=(server, closing, log), name="api-guard", daemon=True).start()
    try:
        yield
    finally:
        closing.set()
        _stop(server)


def _guard(server: subprocess.Popen[bytes], closing: threading.Event, log: Path) -> None:
    """End this process when the API dies under it: Prefect's client would wait for it without end."""
    server.wait()
    if not closing.is_set():
        sys.stderr.write(f"error: Prefect's local API died. Read {log}, then run the same command again.\n")
        sys.stderr.flush()
        os._exit(MachineError.exit_code)


def _start(listening: socket.socket, log: Path) -> subprocess.Popen[bytes]:
    environment = {k: v for k, v in os.environ.items() if k != "PREFECT_API_URL"} | SERVER_ONLY
    with log.open("w") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.local_api_server", str(listening.fileno()), str(os.getpid())],
            env=environment,
            pass_fds=[listening.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _await_healthy(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    give_up = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < give_up and server.poll() is None:
        try:
            with direct.open(f"{url}/health", timeout=5.0) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.05)
    raise MachineError(
        "Prefect's local API did not start", remedy=f"Look for a full disk, and read {log} for the reason"
    )


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
