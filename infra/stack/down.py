"""Taking the stack down: workers first, then the server, then the stores; data stay."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence

from infra.stack.files import Places
from infra.stack.processes import end, end_processes, marked
from infra.stack.records import Record, process_of, read_records, write_records

STOP_S = 20.0
"""How long a process has to end by itself."""


def down(places: Places, *, tell: Callable[[str], None]) -> None:
    """End every recorded process and the flow runs of its workers, and nothing else."""
    records = read_records(places.records)
    for group in _groups(tuple(records)):
        running = [records[name] for name in group if process_of(records[name])]
        end_in_order(running)
        for name in group:
            end_leftovers(places, name)
            tell(f"{name}: {'ended' if records[name] in running else 'was not running'}")
            del records[name]
        write_records(places.records, records.values())


def end_in_order(records: Sequence[Record]) -> None:
    """End these processes, each in the way it takes for closing its books."""
    # Told to terminate, PostgreSQL would wait for its clients to leave; interrupted, it sends them away.
    for how, chosen in ((signal.SIGTERM, False), (signal.SIGINT, True)):
        end([record for record in records if (record.service == "postgres") == chosen], bound_s=STOP_S, how=how)


def mark(places: Places, service: str) -> str:
    """What marks the processes of one service of one stack."""
    return f"{places.folder}/{service}"


def end_leftovers(places: Places, service: str) -> None:
    """End what a killed process left behind: a GPU must not serve an orphan beside its next worker."""
    end_processes(marked(mark(places, service)), bound_s=STOP_S)


def _groups(names: Sequence[str]) -> list[list[str]]:
    workers = [name for name in names if name.startswith("worker-")]
    return [
        group
        for group in (workers, ["prefect-server"], ["minio", "postgres"])
        for group in [_of(group, names)]
        if group
    ]


def _of(group: Sequence[str], names: Sequence[str]) -> list[str]:
    return [name for name in group if name in names]
