"""A server that behaves like the model hub: commits, ETags, redirects to a CDN on another host, ranges, and faults."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

COMMIT = "c0ffee" + "0" * 34


@dataclass
class Hub:
    """Its contents, its faults, and the requests it received.

    ``files`` are contents by ``repo/file`` for the hub (served under any revision in ``commits``), and by full path
    for raw addresses; ``large`` ones are on the CDN. ``statuses`` and ``cuts`` are consumed one by one by the requests
    to paths that end with their key: a status to answer with, or the number of bytes after which the connection ends.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=lambda: {"main": COMMIT})
    large: set[str] = field(default_factory=set)
    corrupt: set[str] = field(default_factory=set)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    cuts: dict[str, list[int]] = field(default_factory=dict)
    pause_s: float = 0.0
    chunk: int = 1 << 16
    answers_ranges: bool = True
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    cdn: str = ""

    def gets(self, name: str) -> list[Asked]:
        """The GET requests that returned bytes of a file."""
        return [a for a in self.asked if a.method == "GET" and a.path.endswith(name) and a.status in (200, 206)]

    def served(self, name: str) -> int:
        """Bytes of a file that were sent."""
        return sum(asked.sent for asked in self.gets(name))


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    status: int = 0
    sent: int = 0


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve the hub, on 127.0.0.1 as the hub itself and on localhost as the CDN."""

    class Handler(_Handler):
        served = hub

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        # A client that is killed during a download is part of the tests.
        handle_error = lambda *_: None  # noqa: E731

    server = Server(("127.0.0.1", 0), Handler)
    hub.url, hub.cdn = (f"http://{host}:{server.server_port}" for host in ("127.0.0.1", "localhost"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        hub, path = self.served, unquote(self.path)
        self.asked = Asked(self.command, path, {k.lower(): v for k, v in self.headers.items()})
        hub.asked.append(self.asked)
        if status := _next(hub.statuses, path):
            return self.send(status, b"", {})
        resolve = re.fullmatch(r"/([^/]+(?:/[^/]+)?)/resolve/([^/]+)/(.+)", path)
        if resolve is None:
            content = hub.files.get(path.removeprefix("/cdn").strip("/"))
            return self.send(404, b"", {}) if content is None else self.content(path, content)
        return self.resolve(resolve[1], resolve[2], resolve[3])

    def resolve(self, repo: str, revision: str, file: str) -> None:
        hub, name = self.served, f"{repo}/{file}"
        commit = hub.commits.get(revision, revision if revision in hub.commits.values() else "")
        if not commit or name not in hub.files:
            return self.send(404, b"", {"X-Error-Code": "EntryNotFound" if commit else "RevisionNotFound"})
        content = hub.files[name]
        headers = {"X-Repo-Commit": commit}
        if name in hub.large:
            etag = hashlib.sha256(content).hexdigest()
            headers |= {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(content)), "ETag": '"redirect"'}
            return self.send(302, b"", headers | {"Location": f"{hub.cdn}/cdn/{name}"})
        blob = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
        return self.content(name, content, {**headers, "ETag": f'"{blob}"'})

    def content(self, path: str, content: bytes, headers: dict[str, str] | None = None) -> None:
        headers = {"ETag": f'"{hashlib.md5(content).hexdigest()}"', "Accept-Ranges": "bytes"} | (headers or {})
        if any(path.endswith(name) for name in self.served.corrupt):
            content = content[:-1] + bytes([content[-1] ^ 1])
        start, status = 0, 200
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and self.served.answers_ranges and self.headers.get("If-Range", headers["ETag"]) == headers["ETag"]:
            start, status = int(asked[1]), 206
            if start >= len(content):
                return self.send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = _next(self.served.cuts, path) if self.command == "GET" else None
        return self.send(status, content[start:], headers, cut=cut)

    def send(self, status: int, body: bytes, headers: dict[str, str], cut: int | None = None) -> None:
        self.asked.status = status
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        for start in range(0, len(body), self.served.chunk):
            piece = body[start : start + self.served.chunk]
            if cut is not None and start + len(piece) > cut:
                piece = piece[: max(0, cut - start)]
                self.write(piece)
                self.close_connection = True
                self.connection.shutdown(2)
                return
            self.write(piece)
            time.sleep(self.served.pause_s)

    def write(self, piece: bytes) -> None:
        self.wfile.write(piece)
        self.asked.sent += len(piece)


def _next(queues: dict[str, list[int]], path: str) -> int | None:
    return next((queue.pop(0) for name, queue in queues.items() if queue and path.endswith(name)), None)
