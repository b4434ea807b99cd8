"""The process behind :mod:`flows.local_api`: serves Prefect's API on an inherited socket until its parent is gone."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import uvicorn

WATCH_S = 0.5


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    os.kill(os.getpid(), signal.SIGKILL)


def main(descriptor: int, parent: int) -> None:
    """Serve on the socket ``descriptor``, watching ``parent``."""
    threading.Thread(target=_watch, args=(parent,), name="parent-watch", daemon=True).start()
    uvicorn.run("prefect.server.api.server:create_app", factory=True, fd=descriptor, log_level="error", lifespan="on")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
