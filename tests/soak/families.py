"""A command with all that it started: what it uses, how parts of it are killed, and how long children live on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import psutil

from tests.soak.place import PATIENCE_S, Lease, Place

SAMPLE_EVERY_S = 0.2
LIVING_ON_S = 60.0
"""How long children of a dead command are waited for at most."""


class Victim(StrEnum):
    """Whom a fault meets, and how."""

    COMMAND = "kill command"
    WORKER = "kill worker"
    API = "kill api"
    GROUP = "kill all"
    TERM = "term command"
    INT = "int command"


ALONE = (Victim.COMMAND, Victim.TERM, Victim.INT)
"""Those that a command without children can meet."""


@dataclass(frozen=True, slots=True)
class Hit:
    """What a kill took: the renders that were known to be in flight, and how many more may have been begun."""

    in_flight: frozenset[Lease] = frozenset()
    unseen: int = 0


@dataclass(slots=True)
class Peak:
    """The most that was seen at one moment of all processes of a command together."""

    rss_bytes: int = 0
    descriptors: int = 0
    processes: int = 0

    def note(self, family: list[psutil.Process]) -> None:
        """Look at every process of ``family``."""
        rss_bytes = descriptors = processes = 0
        for process in family:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
                rss_bytes += process.memory_info().rss
                descriptors += process.num_fds()
                processes += 1
        self.rss_bytes = max(self.rss_bytes, rss_bytes)
        self.descriptors = max(self.descriptors, descriptors)
        self.processes = max(self.processes, processes)


@dataclass(slots=True)
class Family:
    """A running command, watched."""

    process: subprocess.Popen[bytes]
    place: Place
    peak: Peak
    _next_sample: float = field(default=0.0)

    def members(self) -> list[psutil.Process]:
        """The command and all its children that live."""
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        return []

    def runs(self) -> bool:
        """Whether the command itself still runs; now and then its use is sampled."""
        if self.process.poll() is not None:
            return False
        if time.monotonic() >= self._next_sample:
            self.peak.note(self.members())
            self._next_sample = time.monotonic() + SAMPLE_EVERY_S
        return True

    def wait(self, most_s: float = PATIENCE_S) -> int | None:
        """Wait for the command's end; gives its code, None if it had to be killed as it did not end."""
        deadline_s = time.monotonic() + most_s
        while self.runs():
            if time.monotonic() > deadline_s:
                self.process.kill()
                self.process.wait()
                return None
            time.sleep(0.02)
        return self.process.returncode

    def workers(self) -> list[psutil.Process]:
        """The processes that do the work."""
        return self._named("multiprocessing.spawn")

    def hit(self, victim: Victim, chance: random.Random) -> Hit | None:
        """Kill; None where there was nothing left to kill."""
        if victim is Victim.WORKER:
            return self._hit_worker(chance)
        if victim is Victim.API:
            found = self._named("flows.embedded.process")
            if not found or not _kill(found[0]):
                return None
            return Hit()
        if self.process.poll() is not None:
            return None
        if victim is Victim.GROUP:
            for member in self.members():
                _kill(member)
        else:
            sent = {Victim.COMMAND: signal.SIGKILL, Victim.TERM: signal.SIGTERM, Victim.INT: signal.SIGINT}[victim]
            os.kill(self.process.pid, sent)
        return Hit()

    def _hit_worker(self, chance: random.Random) -> Hit | None:
        """Kill one worker. The pool ends its fellows with it, so they are held while the leases are counted, and each
        of them may have begun one more before it ends."""
        workers = self.workers()
        if not workers:
            return None
        for worker in workers:
            with suppress(psutil.NoSuchProcess):
                worker.suspend()
        in_flight = self.place.in_flight()
        hit = _kill(chance.choice(workers))
        for worker in workers:
            with suppress(psutil.NoSuchProcess):
                worker.resume()
        return Hit(frozenset(in_flight), len(workers) - 1) if hit else None

    def _named(self, word: str) -> list[psutil.Process]:
        found = []
        for member in self.members():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if word in " ".join(member.cmdline()):
                    found.append(member)
        return found


def begin(place: Place, peak: Peak, *arguments: str | Path, **settings: str) -> Family:
    """Start a command."""
    return Family(place.begin(*arguments, **settings), place, peak)


@dataclass(frozen=True, slots=True)
class Survival:
    """How long the last child lived after its command's end, which it was, and whether it had to be killed."""

    seconds: float
    command_line: str = ""
    endless: bool = False


def await_children(place: Place) -> Survival:
    """Wait until no process works with this home any more; what lives longer than LIVING_ON_S is killed."""
    began = time.monotonic()
    last = Survival(0.0)
    known = living(place)
    while known:
        seconds = time.monotonic() - began
        last = Survival(seconds, _words(known[-1]) or last.command_line)
        if seconds > LIVING_ON_S:
            for process in known:
                _kill(process)
            return Survival(seconds, last.command_line, endless=True)
        time.sleep(0.02)
        known = [process for process in known if _lives(process)] or living(place)
    return last


def living(place: Place) -> list[psutil.Process]:
    """Every process of this machine that was started with this home."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get("SONGLINE_HOME") == str(place.home) and _lives(process):
                found.append(process)
    return found


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _words(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return " ".join(process.cmdline()[1:6])[:120]
    return ""


def _kill(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        process.kill()
        return True
    return False
