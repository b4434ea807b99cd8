"""Starts ``songline`` in processes forked from one that has the libraries loaded, which take half of a start's time.

Each command still has a process of its own and loads all of Songline's modules in it. Shared by the commands of a test
process is what the interpreter does when it starts: its seed of hashes is one of them. What is said of a real start (a
command's speed, what it loads, its memory, how it is killed) is tested with one, by :mod:`subprocess`.

``python -m tests.support.command_server DESCRIPTOR`` serves requests from a socket until that is closed.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from tempfile import TemporaryFile

from tests.support.places import ROOT

MODULE = "flows.cli"
LIBRARIES = (
    *("sqlalchemy.orm", "sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql"),
    *("pydantic", "pydantic_settings", "typer", "rich.console", "rich.table", "yaml", "mutagen", "psutil", "rfc8785"),
)
"""What most commands load, and what no variable and no folder changes."""

OF_THE_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "TZ")
"""How the names of variables begin that count when an interpreter starts. PYTHONPATH alone is followed later."""

LARGEST_REQUEST = 1 << 17


class CommandServer:
    """The process that commands are forked from; the first command starts it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: socket.socket | None = None
        self._environment: dict[str, str] = {}

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """What ``subprocess.run`` gives for the command, in this folder. Raises TimeoutExpired."""
        command = [sys.executable, "-m", MODULE, *arguments]
        requests = self._started()
        if starts_otherwise(self._environment, environment):
            return subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False, timeout=timeout_s
            )
        request = json.dumps([arguments, dict(environment), os.getcwd(), _umask()]).encode()
        with TemporaryFile() as out, TemporaryFile() as error:
            ended, ends = os.pipe()
            with open(ended, "rb", buffering=0) as status:
                try:
                    socket.send_fds(requests, [request], [out.fileno(), error.fileno(), ends])
                finally:
                    os.close(ends)
                code = _status(status.fileno(), command, timeout_s)
            texts = []
            for written in (out, error):
                written.seek(0)
                texts.append(written.read().decode().replace("\r\n", "\n"))
        return subprocess.CompletedProcess(command, code, *texts)

    def _started(self) -> socket.socket:
        with self._lock:
            if self._requests is None:
                # A command that a test runs in its own process sets this, and with it the server would not be found.
                self._environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
                self._requests, served = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                with served:
                    process = subprocess.Popen(
                        [sys.executable, "-m", "tests.support.command_server", str(served.fileno())],
                        cwd=ROOT,
                        env=self._environment,
                        pass_fds=[served.fileno()],
                        stdout=subprocess.DEVNULL,
                    )
                atexit.register(_end, self._requests, process)
            return self._requests


def _end(requests: socket.socket, process: subprocess.Popen[bytes]) -> None:
    requests.close()
    process.wait()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def starts_otherwise(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether an interpreter starts otherwise in one environment than in the other."""
    differing = {name for name, _ in set(one.items()) ^ set(other.items())} - {"PYTHONPATH"}
    return any(name.startswith(OF_THE_START) for name in differing)


def _status(descriptor: int, command: Sequence[str], timeout_s: float) -> int:
    """The exit status of a command that was begun; its process is killed when the time is over."""
    process = int(_line(descriptor))
    if not select.select([descriptor], [], [], timeout_s)[0]:
        os.kill(process, signal.SIGKILL)
        raise subprocess.TimeoutExpired(command, timeout_s)
    return int(_line(descriptor))


def _line(descriptor: int) -> bytes:
    found = bytearray()
    while not found.endswith(b"\n"):
        if not (byte := os.read(descriptor, 1)):
            raise ChildProcessError("the command server ended")
        found += byte
    return bytes(found)


@dataclass(frozen=True, slots=True)
class Request:
    """A command that is asked for, and the open files of what it prints."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    umask: int
    out: int
    error: int


def serve(requests: socket.socket) -> Request | None:
    """Fork a process for each request; gives the request in the process that is to follow it, and None at the end."""
    while True:
        text, descriptors, _, _ = socket.recv_fds(requests, LARGEST_REQUEST, 3)
        if not text:
            return None
        if os.fork() == 0:
            requests.close()
            out, error, ends = descriptors
            _tell_end(ends)
            arguments, environment, folder, umask = json.loads(text)
            return Request(arguments, environment, folder, umask, out, error)
        for descriptor in descriptors:
            os.close(descriptor)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _tell_end(ends: int) -> None:
    """Go on in a process of its own; this one tells its number and its exit status, and ends."""
    if process := os.fork():
        os.write(ends, f"{process}\n".encode())
        _, status = os.waitpid(process, 0)
        os.write(ends, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)
    os.close(ends)


def follow(request: Request, own_folders: Sequence[str]) -> None:
    """Be the command, as if it was started here: its arguments, variables, folder, umask and output."""
    for descriptor, standard in ((request.out, 1), (request.error, 2)):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.chdir(request.folder)
    os.umask(request.umask)
    os.environ.clear()
    os.environ.update(request.environment)
    sys.path[:] = [request.folder, *_named(request.environment), *own_folders]
    sys.argv = [MODULE, *request.arguments]
    runpy.run_module(MODULE, run_name="__main__", alter_sys=True)


def _named(environment: Mapping[str, str]) -> list[str]:
    return [folder for folder in environment.get("PYTHONPATH", "").split(os.pathsep) if folder]


def main() -> None:
    """Load the libraries, and serve."""
    # What stands before the interpreter's own folders are this one and those of PYTHONPATH.
    own_folders = sys.path[1 + len(_named(os.environ)) :]
    for library in LIBRARIES:
        with suppress(ImportError):
            importlib.import_module(library)
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        request = serve(requests)
    if request is not None:
        follow(request, own_folders)


if __name__ == "__main__":
    main()
