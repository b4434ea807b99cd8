"""Web requests for files: bounded in time, over http and https only, and no secret is sent to a redirect.

The environment's proxies are used, including SOCKS; this machine's own addresses are reached without one.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from catalog.common.errors import InputError, MachineError
from catalog.common.redaction import redacted
from catalog.network.certificates import require_certificates

WEB = frozenset({"http", "https"})
MAX_REDIRECTS = 10
CONNECT_S = 10.0
_DIRECT: Mapping[str, httpx.BaseTransport | None] = dict.fromkeys(
    ("all://localhost", "all://*.localhost", "all://127.0.0.1", "all://[::1]")
)
"""This machine's own addresses, reached without a proxy whatever ``NO_PROXY`` says."""
_BASICS = {"User-Agent": "songline", "Accept-Encoding": "identity"}


_R = TypeVar("_R")


class TooSlow(httpx.TransportError):
    """The response headers, including all redirects, did not arrive in time."""


class Web:
    """A client for files. ``silent_s`` bounds the wait for any byte, ``answer_s`` that for the response headers,
    including connecting and all redirects. A context manager."""

    def __init__(self, *, silent_s: float, answer_s: float) -> None:
        self._answer_s = answer_s
        timeout = httpx.Timeout(silent_s, connect=min(CONNECT_S, silent_s))
        # A new connection for each request: the trace reports the socket only of a new one, and closing that ends a
        # wait.
        limits = httpx.Limits(max_keepalive_connections=0)
        require_certificates()
        try:
            self._client = httpx.Client(
                follow_redirects=False, timeout=timeout, limits=limits, headers=_BASICS, mounts=_DIRECT
            )
        except (ImportError, ValueError) as error:
            raise proxy_unusable(error) from error

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    @contextmanager
    def get(self, address: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """The response to a GET after redirects, its body not read yet.

        Raises InputError for an invalid web address; MachineError for a redirect that is not followed;
        httpx.TransportError for connection errors, including TooSlow.
        """
        deadline_s = time.monotonic() + self._answer_s
        url, login = _split(address)
        first_url = url
        for _ in range(MAX_REDIRECTS + 1):
            auth = login if _origin(url) == _origin(first_url) else None
            response = self._send(url, headers, auth, deadline_s)
            try:
                if not response.has_redirect_location:
                    yield response
                    return
                url = followed(address, url, response.headers["Location"])
            finally:
                response.close()
        raise MachineError(f"{address} redirects in a loop", remedy="Check the address")

    def _send(
        self, url: httpx.URL, headers: Mapping[str, str], auth: tuple[str, str] | None, deadline_s: float
    ) -> httpx.Response:
        with _watchdog(deadline_s) as trace:
            request = self._client.build_request("GET", url, headers=dict(headers), extensions={"trace": trace})
            try:
                return self._client.send(request, stream=True, auth=auth, follow_redirects=False)
            except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:  # of a redirect; its message repeats it
                problem = f"{url} redirects to an invalid address"
                raise MachineError(problem, remedy="Check the address, or use another mirror") from error


def proxy_unusable(error: Exception) -> MachineError:
    """The error for an unusable proxy in the environment."""
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
    return MachineError(
        f"the proxy of the environment cannot be used: {reason}",
        remedy="Correct HTTP_PROXY, HTTPS_PROXY and ALL_PROXY; for SOCKS run `pip install 'httpx[socks]'`",
    )


def within(limit_s: float, function: Callable[[], _R]) -> _R:
    """Run a library's ``function``, which has no timeout. Raises TooSlow after ``limit_s``, and abandons it."""
    results: list[_R] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:
            errors.append(error)

    worker = threading.Thread(target=run, name="hub", daemon=True)
    worker.start()
    worker.join(limit_s)
    if errors:
        raise errors[0]
    if not results:
        raise TooSlow("it did not begin to answer in time")
    return results[0]


def require_web(address: str, name: str = "") -> None:
    """Raise InputError where ``address`` is not a web address; sends no request. ``name`` is its purpose, for the
    message."""
    try:
        parts = urlsplit(address)
        if parts.scheme.lower() in WEB and parts.hostname and (parts.port or 1) > 0:
            return
    except ValueError:
        pass
    shown_address = repr(redacted(address[:200]))
    raise InputError(
        f"{name}{': ' if name else ''}{shown_address} is no web address", remedy="Give an http or https address"
    )


def scheme_of(address: str) -> str:
    """The scheme of a URL, in lower case; empty for a path (a single letter is a drive)."""
    scheme, colon, _ = address.partition(":")
    letters = scheme.replace("+", "").replace("-", "").replace(".", "")
    return scheme.lower() if colon and len(scheme) > 1 and letters.isascii() and letters.isalnum() else ""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host.lower().rstrip(".") == "localhost" or host.lower().endswith(".localhost"):
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return False


def _split(address: str) -> tuple[httpx.URL, tuple[str, str] | None]:
    """The address without user and password, and these two."""
    require_web(address)
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, UnicodeError) as error:  # its message repeats the address
        raise InputError(f"{redacted(address[:200])!r} is no web address", remedy="Correct it") from error
    login = (url.username, url.password) if url.userinfo else None
    return url.copy_with(userinfo=b"", fragment=None), login


def followed(address: str, url: httpx.URL, location: str) -> httpx.URL:
    """The target of a redirect from ``url``. Raises MachineError, naming ``address``, where it is not followed."""
    try:
        target = url.join(location).copy_with(fragment=None)
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise MachineError(f"{address} redirects to an invalid address", remedy="Check the address") from error
    if target.scheme not in WEB or not target.host:
        problem = f"{address} redirects to an address of the kind {target.scheme[:20]}:, which is not followed"
        raise MachineError(problem, remedy="Check the address, or use another mirror")
    if url.scheme == "https" and target.scheme != "https":
        raise MachineError(f"{address} redirects to an address without TLS", remedy="Check the address")
    if is_loopback(target.host) and not is_loopback(url.host):
        problem = f"{address} redirects to an address of this machine, which is not followed"
        raise MachineError(problem, remedy="Check the address, or use another mirror")
    return target.copy_with(userinfo=b"") if target.userinfo else target


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


@contextmanager
def _watchdog(deadline_s: float) -> Iterator[Any]:
    """A trace for one request; at ``deadline_s`` (monotonic clock) its sockets are shut down, which ends any wait for
    them."""
    sockets: list[socket.socket] = []
    is_late = threading.Event()

    def told(event: str, details: dict[str, Any]) -> None:
        stream = details.get("return_value")
        if event.endswith(("connect_tcp.complete", "start_tls.complete")) and stream is not None:
            sockets.append(stream.get_extra_info("socket"))

    def shut() -> None:
        is_late.set()
        for open_socket in sockets:
            with suppress(OSError, AttributeError):
                open_socket.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.01, deadline_s - time.monotonic()), shut)
    timer.daemon = True
    timer.start()
    try:
        yield told
    except httpx.TransportError as error:
        for open_socket in sockets:  # the client leaves some proxies' connections open
            open_socket.close()
        if is_late.is_set():
            raise TooSlow("it did not begin to answer in time") from error
        raise
    finally:
        timer.cancel()
