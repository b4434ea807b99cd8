"""The farm's Prefect server with its pages, behind a gate that tells its operator from its workers.

``PREFECT_SERVER_API_AUTH_STRING`` is the operator's credential, ``SONGLINE_WORKER_AUTH_STRING`` the workers' one.
"""

from __future__ import annotations

import argparse
import os

import uvicorn

from flows.api_gate import App
from flows.worker_access import RoleGate

OPERATOR = "PREFECT_SERVER_API_AUTH_STRING"
WORKER = "SONGLINE_WORKER_AUTH_STRING"


def gated_app() -> App:
    """Prefect's app behind the gate. Raises KeyError where a credential is not set."""
    from prefect.server.api.server import create_app

    return RoleGate(create_app(), operator=os.environ[OPERATOR], worker=os.environ[WORKER])


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4200)
    where = parser.parse_args()
    for name in (OPERATOR, WORKER):
        if ":" not in os.environ.get(name, ""):
            parser.error(f"{name} is not set to USER:PASSWORD")
    os.umask(0o077)
    os.environ["PREFECT__SERVER_FINAL"] = "1"  # as Prefect's own command has it: some memory is given back
    from prefect.settings import get_current_settings

    settings = get_current_settings().server.api
    uvicorn.run(
        gated_app,
        factory=True,
        host=where.host,
        port=where.port,
        timeout_keep_alive=settings.keepalive_timeout,
        log_level="warning",
        server_header=False,
    )


if __name__ == "__main__":
    main()
