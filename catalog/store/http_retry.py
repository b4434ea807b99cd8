"""HTTP requests that are retried while a server restarts, is overloaded or drops the connection."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import certifi
import urllib3
from urllib3.exceptions import NewConnectionError, ProtocolError, TimeoutError

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 8.0
CONNECT_S = 5.0
READ_S = 60.0

TRY_AGAIN = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
BROKEN = (NewConnectionError, ProtocolError, TimeoutError)


class RetryingPool(urllib3.PoolManager):
    """A connection pool that retries requests for ``patience_s`` seconds, with exponential backoff and jitter.

    Every S3 request may be sent twice: an object is replaced as a whole, and an upload begun twice is swept.
    Redirects are returned unchanged, since a request is signed for one host.
    """

    def __init__(
        self,
        *,
        patience_s: float,
        read_s: float = READ_S,
        ca_file: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(
            timeout=urllib3.Timeout(connect=CONNECT_S, read=read_s),
            maxsize=10,
            cert_reqs="CERT_REQUIRED",
            ca_certs=str(ca_file or certifi.where()),
        )
        self._patience_s = patience_s
        self._sleep = sleep

    def urlopen(  # type: ignore[override]
        self, method: str, url: str, redirect: bool = True, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        """Send the request until the response is final or the time is over; then return the last response or error."""
        started_at = time.monotonic()
        # An upload is aborted after errors that were waited for already; a sweep can remove it later.
        patience_s = 0.0 if method == "DELETE" and "uploadId=" in url else self._patience_s
        wait_s = FIRST_WAIT_S
        while True:
            pause_s = wait_s * random.uniform(0.5, 1.0)
            is_last = time.monotonic() + pause_s > started_at + patience_s
            try:
                response = super().urlopen(method, url, redirect=False, retries=False, **options)
                if is_last or response.status not in TRY_AGAIN:
                    return response
                response.drain_conn()
            except BROKEN:
                if is_last:
                    raise
            self._sleep(pause_s)
            wait_s = min(LONGEST_WAIT_S, wait_s * 2)


def short_message(error: Exception) -> str:
    """A connection error in a few words, without Python's object names."""
    cause = error.__cause__ or (error.args[-1] if error.args else error)
    message = getattr(cause, "strerror", None) or str(cause).rpartition(": ")[2]
    return message.rstrip(".") or type(error).__name__
