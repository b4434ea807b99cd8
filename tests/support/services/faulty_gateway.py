"""A gateway in front of an S3 service that injects faults of networks and overloaded servers."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Fault = Literal["", "cut_upload", "cut_download", "lose_answer", "not_s3"] | tuple[int, str]
"""The fault of a request: none, a cut connection, a lost response, a web page, or (status, S3 error code)."""


class FaultyGateway:
    """Forwards every request to ``target`` unless ``choose(method, path)`` names a fault; counts the faults."""

    def __init__(self, target: str, choose: Callable[[str, str], Fault]) -> None:
        self.target = target.removeprefix("http://")
        self.choose = choose
        self.faults = 0
        self.requests: list[tuple[str, str]] = []

        class Handler(_Handler):
            gateway = self

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gateway: FaultyGateway

    def log_message(self, *_: object) -> None:
        """Log nothing; tests read the counts."""

    def _handle(self) -> None:
        fault = self.gateway.choose(self.command, self.path)
        self.gateway.requests.append((self.command, self.path))
        self.gateway.faults += bool(fault)
        size = int(self.headers.get("Content-Length", 0))
        if fault == "cut_upload":
            self.rfile.read(size // 2)
            self.close_connection = True
            return
        body = self.rfile.read(size)
        if isinstance(fault, tuple):
            self._answer(fault[0], _document(fault[1]), "application/xml")
        elif fault == "not_s3":
            self._answer(200, b"<!doctype html><p>hello", "text/html")
        else:
            self._forward(body, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815

    def _forward(self, body: bytes, fault: str) -> None:
        connection = http.client.HTTPConnection(self.gateway.target, timeout=30)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        if fault == "lose_answer":
            self.close_connection = True
            return
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                self.send_header(name, value)
        told = response.headers.get("Content-Length") if self.command == "HEAD" else str(len(data))
        self.send_header("Content-Length", told or "0")
        self.end_headers()
        if fault == "cut_download":
            self.close_connection = True
            data = data[: len(data) // 2]
        self.wfile.write(data)

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _document(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>said by the gateway</Message></Error>".encode()


@contextmanager
def faulty_gateway(target: str, choose: Callable[[str, str], Fault]) -> Iterator[FaultyGateway]:
    """Run the gateway for the duration of the block."""
    gateway = FaultyGateway(target, choose)
    thread = threading.Thread(target=gateway.serve, daemon=True)
    thread.start()
    try:
        yield gateway
    finally:
        gateway.close()
        thread.join()
