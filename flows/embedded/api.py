"""Prefect's API on this machine for the duration of one command, and for that command only.

Prefect would start such a server by itself, but leaves it running when its parent is killed, accepts requests from
anyone, and two fresh ones race each other's first migrations. This one is set up under a file lock, requires a
password generated for this run, and ends with its parent.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from catalog.common.errors import MachineError
from catalog.network.certificates import drop_unusable
from catalog.network.proxies import past_proxies
from flows.console import warn
from flows.embedded.database import DATABASE, LocalDatabase
from flows.embedded.files import last_line, own_file, own_folder
from flows.server.api_gate import basic
from tasks.parent_process import is_main_thread, lifeline

START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 5.0
ADDRESS = "127.0.0.1"
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
    "PREFECT_CLI_PROMPT": "false",
}
SERVER_ONLY = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
    # Relative to the server's working folder: an absolute path in a URL would be cut at the first `?`.
    "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{DATABASE}",
    "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": "",
}


@contextmanager
def local_api(home: Path) -> Iterator[None]:
    """Run Prefect's API with its home in ``home`` and point this process's Prefect at it.

    To be entered before Prefect is imported. Raises MachineError where the server does not start.
    """
    own_folder(home)
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]  # settings for another Prefect server must not apply to this one
    drop_unusable()
    auth = f"songline:{secrets.token_urlsafe(32)}"
    own_settings = {"PREFECT_HOME": str(home.absolute()), "PREFECT_PROFILES_PATH": os.devnull}
    os.environ.update(QUIET | own_settings | past_proxies(os.environ))
    log = home / "server.log"
    with LocalDatabase(home) as database:
        with os.fdopen(own_file(home / "setup.lock", os.O_WRONLY), "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            server = _start_server(home, database, auth, log)
        closing = threading.Event()
        threading.Thread(target=_guard, args=(server, closing, log), name="api-guard", daemon=True).start()
        try:
            yield
        finally:
            closing.set()
            _stop(server)


def _start_server(home: Path, database: LocalDatabase, auth: str, log: Path) -> subprocess.Popen[bytes]:
    """Start a server and wait until it answers. If it does not start with its old database, it gets a new one."""
    message = database.prepare()
    try:
        server = _begin(home, database, auth, log)
    except MachineError:
        message = database.set_aside()
        if message is None:
            raise
        server = _begin(home, database, auth, log)
    if message:
        warn(message)
    database.keep_empty()
    return server


def _begin(home: Path, database: LocalDatabase, auth: str, log: Path) -> subprocess.Popen[bytes]:
    # Close this process's socket once the server has its copy: connections to a dead server must fail, not wait.
    with socket.create_server((ADDRESS, 0)) as listener:
        url = f"http://{ADDRESS}:{listener.getsockname()[1]}/api"
        server = _start(listener, home, log, auth, database.lock)
    try:
        # The import takes as long as the server's start: let them overlap.
        os.environ.update(PREFECT_API_URL=url, PREFECT_API_AUTH_STRING=auth)
        import prefect.main  # noqa: F401

        _await_healthy(server, url, auth, log)
    except BaseException:
        _stop(server)
        raise
    return server


def _guard(server: subprocess.Popen[bytes], closing: threading.Event, log: Path) -> None:
    """End this process when the API process dies: Prefect's client would wait for it for ever."""
    server.wait()
    if not closing.is_set():
        sys.stderr.write(f"error: Prefect's local API died. Read {log}, then run the same command again.\n")
        sys.stderr.flush()
        os._exit(MachineError.exit_code)


def _start(listener: socket.socket, home: Path, log: Path, auth: str, lock: int) -> subprocess.Popen[bytes]:
    environment: Mapping[str, str] = {**os.environ, **SERVER_ONLY, "PREFECT_SERVER_API_AUTH_STRING": auth}
    line = lifeline().fileno()
    with os.fdopen(own_file(log, os.O_WRONLY | os.O_TRUNC), "wb") as output:
        return subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "flows.embedded.process",
                str(listener.fileno()),
                str(line),
                str(os.getpid()),
                str(int(is_main_thread())),
            ],
            env=environment,
            cwd=home,
            pass_fds=[listener.fileno(), line, lock],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _await_healthy(server: subprocess.Popen[bytes], url: str, auth: str, log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(f"{url}/health", headers={"Authorization": basic(auth)})
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s and server.poll() is None:
        try:
            with opener.open(request, timeout=5.0) as response:
                if response.status == 200:
                    return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.05)
    last_message = last_line(log)
    raise MachineError(
        f"Prefect's local API did not start{f' ({last_message})' if last_message else ''}",
        remedy=f"Read {log} for the reason, and see that {log.parent} is writable and its disk is not full",
    )


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
