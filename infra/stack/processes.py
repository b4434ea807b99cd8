"""Starts processes that outlive this command, and ends exactly those."""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from catalog.common.errors import MachineError
from infra.stack.files import ROOT, private_folder
from infra.stack.records import Record, birth_of, process_of

MARK = "SONGLINE_STACK_SERVICE"
"""The environment variable that marks every process of the stack, including the flow runs of workers."""


@dataclass(frozen=True, slots=True)
class Service:
    """How one service is started, how it is checked, and the user it runs as."""

    name: str
    command: tuple[str, ...]
    port: int
    log: Path
    mark: str
    answers: Callable[[], bool]
    settings: Mapping[str, str] = field(repr=False)
    inherited: Mapping[str, str] = field(repr=False)
    user: str = ""
    start_s: float = 60.0

    @property
    def made_of(self) -> str:
        """A digest of command and settings: if it differs, a running process is out of date."""
        parts = [*self.command, *(f"{name}={value}" for name, value in sorted(self.settings.items())), self.user]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def start(service: Service) -> Record:
    """Start the service in its own session, unaffected by the end of this command and its terminal."""
    private_folder(service.log.parent)
    with service.log.open("ab") as output:
        try:
            process = subprocess.Popen(
                service.command,
                env={**service.inherited, **service.settings, MARK: service.mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=ROOT,  # the folder from which Python imports infra
                user=service.user or None,
                group=group_of(service.user),
                extra_groups=[] if service.user else None,
            )
        except OSError as error:
            raise MachineError(f"{service.name} cannot be started: {error}", remedy="Run `make stack` again") from error
    process.returncode = 0  # detached on purpose; otherwise Python would warn that the process was not waited for
    return Record(service.name, process.pid, service.port, str(service.log), birth_of(process.pid), service.made_of)


def group_of(user: str) -> int | None:
    """The group of the other user that a program runs as; None for the current user."""
    return pwd.getpwnam(user).pw_gid if user else None


def await_answer(service: Service, record: Record) -> None:
    """Wait until the service answers. Raises MachineError with the end of its log where it ends or takes too long."""
    deadline_s = time.monotonic() + service.start_s
    while not service.answers():
        has_ended = process_of(record) is None
        if has_ended or time.monotonic() > deadline_s:
            problem = "ended at its start" if has_ended else f"did not answer within {service.start_s:.0f} s"
            raise MachineError(
                f"{service.name} {problem}: {last_line(service.log)}",
                remedy=f"Read {service.log}, then run `make stack` again",
            )
        time.sleep(0.1)


def end(records: Sequence[Record], *, timeout_s: float, stop_signal: signal.Signals = signal.SIGTERM) -> None:
    """Signal these processes, wait for all of them, then kill the remaining ones and their children."""
    processes = [process for record in records if (process := process_of(record))]
    children = [child for process in processes for child in _children(process)]
    end_processes(processes, children=children, timeout_s=timeout_s, stop_signal=stop_signal)


def end_processes(
    processes: Sequence[psutil.Process],
    *,
    timeout_s: float,
    children: Sequence[psutil.Process] = (),
    stop_signal: signal.Signals = signal.SIGTERM,
) -> None:
    """The same for processes found otherwise; ``children`` get no signal first, but are killed at the end."""
    for process in processes:
        _send(process, stop_signal)
    psutil.wait_procs(processes, timeout=timeout_s)
    # Processes started in the meantime and remaining known ones; psutil compares their start times.
    leftovers = {*children, *processes, *(child for process in processes for child in _children(process))}
    for process in leftovers:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(leftovers, timeout=5)


def marked(mark: str) -> list[psutil.Process]:
    """Every process with this mark: the remaining processes of a killed service."""
    processes = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                processes.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess, OSError):
            continue
    return processes


def last_line(log: Path) -> str:
    """The last line of a log that contains an error, or else the last that is not blank."""
    try:
        lines = [line.strip() for line in log.read_text(errors="replace")[-4000:].splitlines() if line.strip()]
    except OSError:
        lines = []
    candidates = (
        [line for line in lines if re.search("fatal|error", line, re.IGNORECASE)] or lines or ["it said nothing"]
    )
    return candidates[-1].rstrip(".")


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _send(process: psutil.Process, stop_signal: signal.Signals) -> None:
    try:
        process.send_signal(stop_signal)
    except psutil.NoSuchProcess:
        return
