"""Who attacks: another user of the machine, a server of the attacker's, and the victim's command while it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.support.commands import environment

NOBODY = 65534
PATIENCE_S = 60.0
# The interpreter may lie where the other user may not read, so what an attack imports is imported before the change of
# user. The list is what the standard library itself imports late.
_BECOME_NOBODY = f"""
import ast, importlib, os, sys
import encodings.idna, encodings.latin_1, stringprep, http.client, urllib.request, json, socket, sqlite3, traceback
source = sys.stdin.read()
for node in ast.walk(ast.parse(source)):
    for name in [a.name for a in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", None)]:
        if name:
            importlib.import_module(name)
os.setgroups([])
os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
os.chdir("/")
exec(compile(source, "attack", "exec"), {{"__name__": "__main__"}})
"""


@dataclass(frozen=True, slots=True)
class OtherUser:
    """User 65534 of this machine, with a folder of its own that everybody may enter."""

    folder: Path

    def python(self, source: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run Python as this user with the standard library alone, ``arguments`` in ``sys.argv[1:]``."""
        return subprocess.run(
            [sys.executable, "-I", "-c", _BECOME_NOBODY, *map(str, arguments)],
            input=source,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "NO_PROXY": "*"},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the system as this user."""
        return subprocess.run(
            [*map(str, command)],
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder)},
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    def readable(self, folder: Path) -> list[str]:
        """The files below ``folder`` that this user can open, as paths from it; empty where it may not even enter."""
        source = (
            "import os, sys, json\n"
            "found = []\n"
            "for top, _, names in os.walk(sys.argv[1]):\n"
            "    for name in names:\n"
            "        path = os.path.join(top, name)\n"
            "        if os.path.isfile(path) and os.access(path, os.R_OK):\n"
            "            found.append(os.path.relpath(path, sys.argv[1]))\n"
            "print(json.dumps(sorted(found)))"
        )
        done = self.python(source, folder)
        assert done.returncode == 0, done.stderr
        return [str(name) for name in json.loads(done.stdout)]


@contextmanager
def another_user() -> Iterator[OtherUser]:
    """User 65534 while the block lasts. Only root may become it."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="other-user-") as folder:
        os.chown(folder, NOBODY, NOBODY)
        Path(folder).chmod(0o755)
        yield OtherUser(Path(folder))


class Answer(NamedTuple):
    """What the attacker's server says at one path."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = {"Content-Type": "text/html; charset=utf-8"}
    wait_s: float = 0.0


class Request(NamedTuple):
    """What was sent to the attacker's server."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class AttackerServer:
    """An HTTP server on loopback that answers what ``answers`` holds by path, and keeps what was sent to it."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address by number; ``http://attacker.test:PORT`` is the same in the tests' browser."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        """Its address by name, as the tests' browser knows it."""
        return f"http://attacker.test:{self.port}"


@contextmanager
def attacker_server() -> Iterator[AttackerServer]:
    """The server while the block lasts."""
    known = AttackerServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            known.requests.append(Request(self.command, self.path, dict(self.headers), body))
            said = known.answers.get(self.path.partition("?")[0], Answer(b"nothing here", 404))
            time.sleep(said.wait_s)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            if self.command != "HEAD":
                with suppress(ConnectionError):
                    self.wfile.write(said.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = answer  # noqa: N815

        def log_message(self, format: str, *values: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        known.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield known
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True, slots=True)
class Victim:
    """A command of Songline that runs now, with all its children."""

    process: subprocess.Popen[str]
    home: Path

    def family(self) -> list[psutil.Process]:
        """The command and all that it started and that lives."""
        try:
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def tcp_ports(self) -> set[int]:
        """The TCP ports that any of them listens on."""
        found = set()
        for process in self.family():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                listening = (c for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN)
                found |= {connection.laddr.port for connection in listening}
        return found

    def unix_sockets(self) -> set[str]:
        """The paths of the UNIX sockets that any of them has open."""
        found = set()
        for process in self.family():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                found |= {str(c.laddr) for c in process.net_connections("unix") if c.laddr}
        return found

    def arguments(self) -> list[str]:
        """What every user reads in the list of processes: all words of all command lines."""
        found: list[str] = []
        for process in self.family():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                found += process.cmdline()
        return found

    def await_children(self, count: int = 2) -> None:
        """Wait until it has started as many processes of its own."""
        deadline_s = time.monotonic() + PATIENCE_S
        while len(self.family()) <= count:
            assert self.process.poll() is None, "the command ended before it could be attacked"
            assert time.monotonic() < deadline_s, "the command started no children"
            time.sleep(0.02)


@contextmanager
def running_command(home: Path, *arguments: str | Path, **settings: str) -> Iterator[Victim]:
    """A command of Songline with its home in ``home`` while the block lasts; what still runs then is killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *map(str, arguments)],
        env=environment(home, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    victim = Victim(process, home)
    try:
        yield victim
    finally:
        family = victim.family()
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=10)
        process.communicate()
