"""Ends a command at once on Ctrl-C or SIGTERM."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from flows.cli.console.exit import STOPPED
from flows.console import print_text


@contextmanager
def stoppable(stop_display: Callable[[], None]) -> Iterator[None]:
    """Stop at once on Ctrl-C or SIGTERM, after ``stop_display``.

    Prefect needs over a minute to shut a flow down, without any benefit: the workers and the API end with their
    parent, and a killed run is continued like any other.
    """

    def stop(number: int, _frame: FrameType | None) -> None:
        stop_display()
        print_text(f"\n{STOPPED}\n", to="stderr")
        os._exit(128 + number)

    handlers = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
