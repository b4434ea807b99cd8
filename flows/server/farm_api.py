"""The farm's Prefect server with its pages, behind a gate that tells its operator from its workers.

``PREFECT_SERVER_API_AUTH_STRING`` is the operator's credential, ``SONGLINE_WORKER_AUTH_STRING`` the workers' one.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection
from functools import partial
from urllib.parse import urlsplit

import uvicorn

from flows.server.api_gate import App
from flows.server.worker_access import RoleGate

OPERATOR = "PREFECT_SERVER_API_AUTH_STRING"
WORKER = "SONGLINE_WORKER_AUTH_STRING"
PAGES = "PREFECT_SERVER_UI_API_URL"
LOOPBACK = ("127.0.0.1", "localhost")


def gated_app(hosts: Collection[str]) -> App:
    """Prefect's app behind the gate, for the host names ``hosts``. Raises KeyError where a credential is not set."""
    from prefect.server.api.server import create_app

    return RoleGate(create_app(), operator=os.environ[OPERATOR], worker=os.environ[WORKER], hosts=hosts)


def hosts_of(address: str, port: int, public_url: str) -> set[str]:
    """The host names of a server on this machine only: loopback's, and the one of its pages. Empty for a server that
    other machines reach, whose names are not known."""
    if address not in LOOPBACK:
        return set()
    return {f"{name}:{port}" for name in LOOPBACK} | ({urlsplit(public_url).netloc} if public_url else set())


def main() -> None:
    """Serve until terminated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4200)
    options = parser.parse_args()
    for name in (OPERATOR, WORKER):
        if ":" not in os.environ.get(name, ""):
            parser.error(f"{name} is not set to USER:PASSWORD")
    os.umask(0o077)
    os.environ["PREFECT__SERVER_FINAL"] = "1"  # as Prefect's own command does: saves some memory
    from prefect.settings import get_current_settings

    settings = get_current_settings().server.api
    uvicorn.run(
        partial(gated_app, hosts_of(options.host, options.port, os.environ.get(PAGES, ""))),
        factory=True,
        host=options.host,
        port=options.port,
        workers=1,  # regardless of WEB_CONCURRENCY
        timeout_keep_alive=settings.keepalive_timeout,
        log_level="warning",
        server_header=False,
    )


if __name__ == "__main__":
    main()
