"""The gate before the app: refuses requests that its own pages did not send, and sets the headers of every answer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from flows.desk.access.access import Access, is_led_from_elsewhere
from flows.server.api_gate import App, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The content security policy: no inline script or style, nothing from elsewhere, no frame around a page."""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
SAFE_METHODS = frozenset({"GET", "HEAD"})
MAX_JSON_BYTES = 64 * 1024
MAX_UPLOAD_BYTES = 2 * 1024**3
UPLOADS = "/api/uploads/"


class Gate:
    """Admits what a browser with the cookie asks for from this app's own pages. A link with the token gets the
    cookie, and is sent on without the token, so that it is not in the address bar, the history or a screenshot."""

    def __init__(self, app: App, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = _headers(scope)
        if headers is None:
            await _answer(send, 400, "The request has a header twice.")
        elif "\0" in scope["path"] or b"%00" in scope["query_string"]:
            await _answer(send, 400, "The address has a character that no name has.")
        elif refusal := self._refusal(scope["method"], headers):
            await _answer(send, *refusal)
        elif (token := _token(scope)) is not None:
            await self._exchange(scope, send, token)
        elif not self._access.has_session(headers):
            await _answer(send, 401, "Open the link that `songline desk` printed.")
        else:
            await self._serve(scope, receive, send, headers)

    def _refusal(self, method: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        if headers.get("host") not in self._access.hosts:
            return 421, "This address does not lead here."
        if is_led_from_elsewhere(method, headers):
            return 403, "Another site asked for this."
        if method not in SAFE_METHODS and not self._access.is_own_origin(headers):
            return 403, "Only a page of the app can change something."
        return None

    async def _exchange(self, scope: Scope, send: Send, token: str) -> None:
        if scope["method"] != "GET" or not self._access.is_token(token):
            await _answer(send, 401, "The link is not that of the running `songline desk`.")
            return
        others = [pair for pair in parse_qsl(scope["query_string"].decode("latin-1")) if pair[0] != "token"]
        place = f"/{scope['path'].lstrip('/')}"  # two slashes would be the address of another host
        location = f"{_quoted(place)}?{urlencode(others)}" if others else _quoted(place)
        await _answer(send, 303, "", {"location": location, "set-cookie": self._access.cookie})

    async def _serve(self, scope: Scope, receive: Receive, send: Send, headers: Mapping[str, str]) -> None:
        most_bytes = MAX_UPLOAD_BYTES if scope["path"].startswith(UPLOADS) else MAX_JSON_BYTES
        stated = headers.get("content-length", "0")
        if not stated.isdecimal() or int(stated) > most_bytes:
            await _answer(send, 413, "The request is too large.")
            return
        with suppress(ClientDisconnect):  # the page was left while it sent something: there is nobody to answer
            await self._app(scope, _limited(receive, most_bytes), _with_headers(send))


class BodyTooLarge(HTTPException):
    """More came than a request may hold, which its length did not state."""

    def __init__(self) -> None:
        super().__init__(413, "the request is too large")


def _limited(receive: Receive, most_bytes: int) -> Receive:
    """The same messages; raises BodyTooLarge once a body without a stated length exceeds the limit."""
    seen = 0

    async def limited() -> Any:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most_bytes:
            raise BodyTooLarge
        return message

    return limited


def _with_headers(send: Send) -> Send:
    """Adds the headers that an answer does not set itself."""

    async def with_headers(message: Any) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            added = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in there]
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return with_headers


def _headers(scope: Scope) -> dict[str, str] | None:
    """The headers by name in small letters; None where one that is checked stands there twice."""
    pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    names = [name for name, _ in pairs]
    if any(names.count(name) > 1 for name in ("host", "origin", "content-length", "sec-fetch-site", "cookie")):
        return None
    return dict(pairs)


def _token(scope: Scope) -> str | None:
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    return query.get("token")


def _quoted(path: str) -> str:
    return quote(path, safe="/")


async def _answer(send: Send, status: int, text: str, more: Mapping[str, str] | None = None) -> None:
    """A short answer of plain text with the headers of every answer."""
    body = text.encode()
    headers = {**HEADERS, "content-type": "text/plain; charset=utf-8", "content-length": str(len(body)), **(more or {})}
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
