"""Access control in front of Prefect's local API: only the command that started it may use it.

Prefect's own password leaves its health and documentation pages open, and any Host header is accepted. Requests from a
page of another origin, or for another host name that resolves to this machine (DNS rebinding), are refused here before
they reach Prefect.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def basic(auth: str) -> str:
    """The Authorization header of ``USER:PASSWORD``."""
    return f"Basic {b64encode(auth.encode()).decode()}"


async def refuse(scope: Scope, send: Send, status: int) -> None:
    """Answer a request, or a websocket's first message, with a status only."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


class LocalGate:
    """Admits requests with the credential ``auth`` (``USER:PASSWORD``) to ``host`` (``ADDRESS:PORT``), without an
    Origin."""

    def __init__(self, app: App, *, host: str, auth: str) -> None:
        self._app = app
        self._host = host.encode()
        self._authorization = basic(auth).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request."""
        if scope["type"] != "lifespan" and (status := self._refusal(scope["headers"])):
            await refuse(scope, send, status)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, headers: list[tuple[bytes, bytes]]) -> int | None:
        hosts = [value for name, value in headers if name == b"host"]
        if hosts != [self._host]:
            return 421
        if any(name == b"origin" for name, _ in headers):
            return 403
        credentials = [value for name, value in headers if name == b"authorization"]
        if len(credentials) != 1 or not hmac.compare_digest(credentials[0], self._authorization):
            return 401
        return None
