"""Longer work that a page starts: a ``songline`` command in a process of its own, with what it prints as progress."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Literal

from catalog.common.digests import Json
from catalog.common.errors import RefusedError

MOST_AT_ONCE = 4
MOST_KEPT = 50
MOST_LINES = 200
END_S = 10.0
JobState = Literal["running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of work to start: the command's arguments, what it is called (``title``), and the album and song that it
    is for. No two with one ``lock`` run at once."""

    kind: Literal["retake", "import", "render"]
    title: str
    album: str
    song: str | None
    arguments: tuple[str, ...]
    lock: str


@dataclass(slots=True)
class Job:
    """Started work: its state, the last lines that it printed, and in the end its result or its error."""

    id: int
    work: Work
    started_at: float
    state: JobState = "running"
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    result: Json = None
    error: Mapping[str, str] | None = None

    def document(self) -> dict[str, Json]:
        """As JSON."""
        work = self.work
        return {
            "id": self.id,
            "kind": work.kind,
            "title": work.title,
            "album": work.album,
            "song": work.song,
            "state": self.state,
            "started_at": self.started_at,
            "lines": list(self.lines),
            "result": self.result,
            "error": dict(self.error) if self.error else None,
        }


class Jobs:
    """The work that this app started. ``tell`` hears of each change of a job."""

    def __init__(self, tell: Callable[[str, Mapping[str, Json]], None]) -> None:
        self._tell = tell
        self._lock = Lock()
        self._numbers = itertools.count(1)
        self._jobs: dict[int, Job] = {}
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._is_closed = False

    def all(self) -> list[Job]:
        """The jobs, newest first."""
        with self._lock:
            return list(reversed(self._jobs.values()))

    def start(self, work: Work, belongings: ExitStack | None = None) -> Job:
        """Start work in a process of its own; ``belongings`` are closed when it has ended, or is refused. Raises
        RefusedError where too much runs already, the same work does, or the app was ended."""
        with ExitStack() as on_refusal:
            if belongings is not None:
                on_refusal.push(belongings)
            with self._lock:
                self._refuse(work)
                job = Job(next(self._numbers), work, time.time())
                process = _process(work.arguments)
                self._jobs[job.id] = job
                self._processes[job.id] = process
                self._forget_old()
            on_refusal.pop_all()
        self._tell("job", job.document())
        Thread(target=self._follow, args=(job, process, belongings), name=f"job {job.id}", daemon=True).start()
        return job

    def close(self) -> None:
        """End the work that still runs, and begin no more. Songline's commands continue another time where they
        stopped."""
        with self._lock:
            self._is_closed = True
            processes = list(self._processes.values())
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()

    def _refuse(self, work: Work) -> None:
        if self._is_closed:
            raise RefusedError("`songline desk` has ended", remedy="Start it again")
        running = [job for job in self._jobs.values() if job.state == "running"]
        if any(job.work.lock == work.lock for job in running):
            raise RefusedError("this work is running already", remedy="Wait until it has ended")
        if len(running) >= MOST_AT_ONCE:
            raise RefusedError(f"{len(running)} pieces of work are running", remedy="Wait until one of them has ended")

    def _forget_old(self) -> None:
        ended = [job.id for job in self._jobs.values() if job.state != "running"]
        for number in ended[: max(0, len(self._jobs) - MOST_KEPT)]:
            del self._jobs[number]

    def _follow(self, job: Job, process: subprocess.Popen[str], belongings: ExitStack | None) -> None:
        with belongings or ExitStack(), process:
            errors: deque[str] = deque(maxlen=MOST_LINES)
            reader = Thread(target=self._read_errors, args=(job, process, errors), daemon=True)
            reader.start()
            printed = self._read_output(job, process)
            code = process.wait()
            reader.join()
        with self._lock:
            del self._processes[job.id]
        job.result = _document(printed)
        job.error = None if code == 0 else _error("\n".join(errors), job.result, code)
        job.state = "done" if code == 0 else "failed"
        self._tell("job", job.document())

    def _read_output(self, job: Job, process: subprocess.Popen[str]) -> str:
        """What the command prints: one document with ``--json``, else lines, which are progress."""
        assert process.stdout is not None
        if "--json" in job.work.arguments:
            return process.stdout.read()
        for line in process.stdout:
            self._add_line(job, line)
        return ""

    def _read_errors(self, job: Job, process: subprocess.Popen[str], errors: deque[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            errors.append(line.rstrip("\n"))
            if _document(line) is None:
                self._add_line(job, line)

    def _add_line(self, job: Job, line: str) -> None:
        if text := line.strip():
            job.lines.append(text[:1000])
            self._tell("job", {**job.document(), "lines": [text[:1000]], "is_more": True})


def _process(arguments: Sequence[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "flows.cli", *arguments]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    )


def _document(text: str) -> Json:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _error(errors: str, result: Json, code: int) -> dict[str, str]:
    """The error of a failed command: its JSON object, or the failure of its one take, or its last line."""
    for line in reversed(errors.splitlines()):
        document = _document(line)
        if isinstance(document, dict) and "error" in document:
            return _told(document.get("kind"), document["error"], document.get("remedy"))
    takes = result.get("candidates", ()) if isinstance(result, dict) else ()
    for failure in (take["failure"] for take in takes if take.get("failure")):
        return _told(failure.get("kind"), failure.get("message") or failure.get("what"), failure.get("remedy"))
    last = errors.strip().splitlines()[-1:] or [f"the command ended with code {code}"]
    return _told("work", last[0].removeprefix("error: "), "")


def _told(kind: Json, what: Json, remedy: Json) -> dict[str, str]:
    return {"kind": str(kind or "work"), "what": str(what or "it failed").rstrip("."), "remedy": str(remedy or "")}
