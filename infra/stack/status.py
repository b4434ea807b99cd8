"""Shows which services of the stack run and answer."""

from __future__ import annotations

from collections.abc import Callable

from infra.stack import postgres
from infra.stack.choices import choose
from infra.stack.files import StackPaths
from infra.stack.records import Record, process_of, read_records
from infra.stack.services import is_well

PATHS = {"minio": "/minio/health/ready", "prefect-server": "/api/ready"}


def status(paths: StackPaths, *, print_line: Callable[[str], None]) -> int:
    """Print one line per service; returns 0 where all are well, else 1."""
    records = read_records(paths.records)
    if not records:
        print_line("nothing runs; start it with `make stack`")
        return 1
    states = {name: _state(paths, record) for name, record in records.items()}
    for name, state in states.items():
        print_line(f"{name:<16} {records[name].pid:>8} {records[name].port:>6}  {state}")
    return 0 if set(states.values()) == {"well"} else 1


def _state(paths: StackPaths, record: Record) -> str:
    if process_of(record) is None:
        return "ended; run `make stack`"
    if record.service == "postgres":
        password = choose(paths.choices, None).database_admin_password
        is_healthy = postgres.answers(record.port, password)
    else:
        is_healthy = is_well(f"http://127.0.0.1:{record.port}{PATHS.get(record.service, '/health')}")
    return "well" if is_healthy else "does not answer; run `make stack`"
