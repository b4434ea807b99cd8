"""Which processes the stack runs, written down for a later command to find them and no others."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from catalog.common.errors import MachineError
from infra.stack.files import write_private

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Record:
    """One started process; ``birth`` tells it from a later one of the same pid, ``made_of`` what it was started as."""

    service: str
    pid: int
    port: int
    log: str
    birth: str
    made_of: str


def read_records(path: Path) -> dict[str, Record]:
    """What was started, by service."""
    if not path.exists():
        return {}
    try:
        return {entry["service"]: Record(**entry) for entry in json.loads(path.read_text())}
    except (ValueError, TypeError, KeyError) as error:
        raise MachineError(
            f"{path} is damaged", remedy="End the processes that belong to the stack by hand, then remove this file"
        ) from error


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write it down."""
    write_private(path, json.dumps([asdict(record) for record in records], indent=1) + "\n")


def birth_of(pid: int) -> str:
    """What tells this process from any other of the same pid, before or after it.

    The boot and the tick of its start where there is a ``/proc``: both stay as they are when the clock is set.
    Raises psutil.NoSuchProcess.
    """
    if BOOT_ID.exists():
        try:
            ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        except (FileNotFoundError, ProcessLookupError) as error:
            raise psutil.NoSuchProcess(pid) from error
        return f"{BOOT_ID.read_text().strip()}/{ticks}"
    return str(psutil.Process(pid).create_time())


def process_of(record: Record) -> psutil.Process | None:
    """The recorded process, or None where it ended, also when its pid went to somebody else."""
    try:
        process = psutil.Process(record.pid)
        if process.status() == psutil.STATUS_ZOMBIE or birth_of(record.pid) != record.birth:
            return None
    except psutil.NoSuchProcess:
        return None
    return process
