"""Runs the app until it is ended: a free port of loopback, the link, and the browser."""

from __future__ import annotations

import logging
import signal
import socket
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

import uvicorn

from catalog.catalog import open_catalog
from catalog.common.errors import InputError, MachineError
from catalog.common.settings import load_settings
from flows.console import print_text
from flows.desk.access.access import LOOPBACK, Access
from flows.desk.app import create_app
from flows.desk.manifests import Manifests

END_S = 2
"""How long open connections, such as those of live pages, may keep an ended app."""


def serve(paths: Sequence[Path], out: Path, *, port: int, show: bool) -> None:
    """Serve the catalog on ``port`` of loopback, 0 for any free one, until ended; prints the link, and opens it with
    ``show``. The albums of the manifests ``paths`` can be rendered from their pages, into ``out``. Raises InputError
    or MachineError where the port cannot be used."""
    settings = load_settings()
    manifests = Manifests.named(paths, out, settings)
    with open_catalog(settings) as catalog, closing(_listening(port)) as listener:
        access = Access(listener.getsockname()[1])
        app = create_app(catalog, access, manifests)
        config = uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=END_S,
        )
        print_text(f"{access.link}\n")
        if show:
            webbrowser.open(access.link)
        server = uvicorn.Server(config)
        # What an ended app interrupts, such as a file that is being sent, is no error to be reported.
        logging.getLogger("uvicorn.error").addFilter(lambda _record: not server.should_exit)
        try:
            with _ended_by_signals(server):
                server.run(sockets=[listener])
        finally:
            app.state.context.jobs.close()


@contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the server, and nothing else: what follows must still run. The server hands the signals
    that it got on to these handlers when it has ended."""

    def end(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listening(port: int) -> socket.socket:
    """A socket that listens before the link is shown, so that the link works at once."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK[0], port))
        listener.listen(128)
    except PermissionError as error:
        listener.close()
        raise InputError(f"port {port} may not be used by this user", remedy="Choose one above 1023") from error
    except OSError as error:
        listener.close()
        what = f"port {port} cannot be used: {error.strerror}"
        raise MachineError(what, remedy="Leave --port out, or choose another") from error
    return listener
