"""A real Prefect server for tests, with its UI, on SQLite in a folder of the test run."""

from __future__ import annotations

import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.services.processes import free_port, running

SLOW_START_S = 120.0


@dataclass(frozen=True, slots=True)
class PrefectServer:
    """The address and credentials of a server; ``auth`` is Prefect's ``USER:PASSWORD``, empty if none is required."""

    root: str
    home: Path
    auth: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """URL of the API."""
        return f"{self.root}/api"

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables with which another process (a command, a worker) reaches the server."""
        return {
            "PREFECT_API_URL": self.url,
            "PREFECT_UI_URL": self.root,
            "PREFECT_HOME": str(self.home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_CLI_PROMPT": "false",
            "DO_NOT_TRACK": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            **({"PREFECT_API_AUTH_STRING": self.auth} if self.auth else {}),
        }

    @contextmanager
    def here(self, **changes: object) -> Iterator[None]:
        """Point this process's Prefect at the server during the block, with any ``changes`` (url, auth)."""
        from prefect.settings import temporary_settings

        reached = {"url": self.url, "auth": self.auth or None} | changes
        with temporary_settings({"api.url": reached["url"], "api.auth_string": reached["auth"]}):
            yield


def begin_database(folder: Path, empty: Path) -> None:
    """Let the server of a folder begin with a copy of an empty database, whose tables it need not create."""
    (folder / "prefect").mkdir()
    shutil.copy(empty, folder / "prefect" / "prefect.db")


@contextmanager
def prefect_server(folder: Path, *, port: int = 0, with_auth: bool = True) -> Iterator[PrefectServer]:
    """A server with all its data in ``folder``; started there again on the same port, it continues with them."""
    port = port or free_port()
    home = folder / "prefect"
    home.mkdir(parents=True, exist_ok=True)
    secret = home / "auth"
    if with_auth and not secret.exists():
        secret.write_text(f"songline:{secrets.token_hex(10)}")
    server = PrefectServer(f"http://127.0.0.1:{port}", home, secret.read_text() if with_auth else "")
    environment = {
        **server.environment,
        **({"PREFECT_SERVER_API_AUTH_STRING": server.auth} if server.auth else {}),
        "PREFECT_SERVER_UI_API_URL": server.url,
        # Missing heartbeats are checked for every second instead of every five.
        "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT1S",
    }
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    log = folder / "prefect-server.log"
    health_url = f"{server.url}/health"
    with running(command, health_url=health_url, log=log, environment=environment, start_s=SLOW_START_S):
        yield server
