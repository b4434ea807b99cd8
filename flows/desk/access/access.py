"""The secrets of one running app, and the checks of what a request presents."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

LOOPBACK = ("127.0.0.1", "localhost")
TOKEN_BYTES = 32


def _secret() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


@dataclass(frozen=True, slots=True)
class Access:
    """What admits a browser: the ``token`` of the link, which is exchanged for the ``session`` of a cookie. Both are
    random, and last as long as the process."""

    port: int
    token: str = field(default_factory=_secret, repr=False)
    session: str = field(default_factory=_secret, repr=False)

    @property
    def link(self) -> str:
        """The address that opens the app."""
        return f"http://{LOOPBACK[0]}:{self.port}/?token={self.token}"

    @property
    def hosts(self) -> frozenset[str]:
        """The values of Host that are answered; any other name led here by DNS rebinding."""
        return frozenset(f"{name}:{self.port}" for name in LOOPBACK)

    @property
    def cookie_name(self) -> str:
        """The cookie's name, with the port: cookies do not tell the ports of a host apart."""
        return f"songline_desk_{self.port}"

    @property
    def cookie(self) -> str:
        """The value of Set-Cookie: out of scripts' reach, and sent with no request from another site."""
        return f"{self.cookie_name}={self.session}; HttpOnly; SameSite=Strict; Path=/"

    def is_token(self, token: str) -> bool:
        """Whether this is the link's token, in constant time."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def has_session(self, headers: Mapping[str, str]) -> bool:
        """Whether the request's cookie is that of this app, in constant time."""
        expected = self.session.encode()
        values = _cookie_values(headers.get("cookie", ""), self.cookie_name)
        return any(hmac.compare_digest(value.encode(), expected) for value in values)

    def is_own_origin(self, headers: Mapping[str, str]) -> bool:
        """Whether a change comes from a page of this app: browsers send Origin with each, and cannot be made to send a
        false one."""
        return headers.get("origin", "") == f"http://{headers.get('host', '')}" and (
            headers.get("sec-fetch-site", "same-origin") == "same-origin"
        )


def _cookie_values(header: str, name: str) -> list[str]:
    """The values of a cookie in the Cookie header. Other apps of this machine set cookies there too, in any form, which
    must not hide this one: a parser that keeps to the standard stops at the first that does not."""
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return [value for key, _, value in pairs if key == name]


def is_led_from_elsewhere(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a page of another origin asks for something other than showing a page. Pages of other ports of this
    machine count as the same site to a browser, which sends them the cookie."""
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return False
    is_navigation = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return not (method == "GET" and is_navigation)
