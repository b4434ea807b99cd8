"""Records of the processes that the stack runs, so that a later command finds exactly those."""

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
    """One started process; ``birth`` distinguishes it from a later one with the same pid, ``made_of`` identifies its
    command and settings."""

    service: str
    pid: int
    port: int
    log: str
    birth: str
    made_of: str


def read_records(path: Path) -> dict[str, Record]:
    """The recorded processes, by service."""
    if not path.exists():
        return {}
    try:
        return {entry["service"]: Record(**entry) for entry in json.loads(path.read_text())}
    except (ValueError, TypeError, KeyError) as error:
        raise MachineError(
            f"{path} is damaged", remedy="End the processes that belong to the stack by hand, then remove this file"
        ) from error


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write the records to the file."""
    write_private(path, json.dumps([asdict(record) for record in records], indent=1) + "\n")


def birth_of(pid: int) -> str:
    """An identifier of this process that no other process with the same pid has, earlier or later.

    It is the boot id and the start tick where there is a ``/proc``: both are independent of clock changes. Raises
    psutil.NoSuchProcess.
    """
    if BOOT_ID.exists():
        try:
            ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        except (FileNotFoundError, ProcessLookupError) as error:
            raise psutil.NoSuchProcess(pid) from error
        return f"{BOOT_ID.read_text().strip()}/{ticks}"
    return str(psutil.Process(pid).create_time())


def process_of(record: Record) -> psutil.Process | None:
    """The recorded process; None where it has ended, even if another process now has its pid."""
    try:
        process = psutil.Process(record.pid)
        if process.status() == psutil.STATUS_ZOMBIE or birth_of(record.pid) != record.birth:
            return None
    except psutil.NoSuchProcess:
        return None
    return process
