"""Stops the stack: workers first, then the server, then the stores; data are kept."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence

from infra.stack.files import StackPaths
from infra.stack.processes import end, end_processes, marked
from infra.stack.records import Record, process_of, read_records, write_records

STOP_S = 20.0
"""Seconds for a process to end by itself."""


def down(paths: StackPaths, *, print_line: Callable[[str], None]) -> None:
    """End every recorded process and the flow runs of its workers, and nothing else."""
    records = read_records(paths.records)
    for group in _groups(tuple(records)):
        running = [records[name] for name in group if process_of(records[name])]
        end_in_order(running)
        for name in group:
            end_leftovers(paths, name)
            print_line(f"{name}: {'ended' if records[name] in running else 'was not running'}")
            del records[name]
        write_records(paths.records, records.values())


def end_in_order(records: Sequence[Record]) -> None:
    """End these processes, each with the signal for its orderly shutdown."""
    # On SIGTERM PostgreSQL would wait for its clients to disconnect; on SIGINT it disconnects them.
    for stop_signal, is_postgres in ((signal.SIGTERM, False), (signal.SIGINT, True)):
        end(
            [record for record in records if (record.service == "postgres") == is_postgres],
            timeout_s=STOP_S,
            stop_signal=stop_signal,
        )


def mark(paths: StackPaths, service: str) -> str:
    """The value that marks the processes of one service of one stack."""
    return f"{paths.folder}/{service}"


def end_leftovers(paths: StackPaths, service: str) -> None:
    """End the remaining children of a killed process: a GPU must not serve an orphan and its next worker at once."""
    end_processes(marked(mark(paths, service)), timeout_s=STOP_S)


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
