"""The process behind :mod:`flows.embedded.api`: serves Prefect's API on an inherited socket until its parent ends.

The password is passed in the environment, which other users cannot read, unlike the command line.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from typing import Any

import uvicorn

from flows.server.api_gate import App, LocalGate
from tasks.parent_process import end_with_parent

AUTH = "PREFECT_SERVER_API_AUTH_STRING"


def main(descriptor: int, parent_pipe: int, parent: int, of_main_thread: int) -> None:
    """Serve on the socket ``descriptor``; end when ``parent_pipe`` shows that ``parent`` has ended.

    ``of_main_thread`` is 1 where the parent's main thread started this process: the end of that thread is enough then.
    """
    end_with_parent(parent_pipe, parent, of_main_thread=bool(of_main_thread))
    os.umask(0o077)
    with socket.socket(fileno=os.dup(descriptor)) as listener:
        host = "{}:{}".format(*listener.getsockname())

    def gated() -> App:
        from prefect.server.api.server import create_app

        return LocalGate(create_app(), host=host, auth=os.environ[AUTH])

    # Set explicitly, as otherwise the environment's WEB_CONCURRENCY and FORWARDED_ALLOW_IPS apply.
    server_options: Mapping[str, Any] = {"workers": 1, "proxy_headers": False, "forwarded_allow_ips": ""}
    uvicorn.run(
        gated, factory=True, fd=descriptor, log_level="error", lifespan="on", server_header=False, **server_options
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:5]))
