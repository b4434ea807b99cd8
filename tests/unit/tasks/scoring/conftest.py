"""What all tests of this room live under."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def no_network() -> Iterator[None]:
    """No judge may reach out as it loads or listens; an attempt counts even where it is forgiven."""
    attempts: list[object] = []

    def refuse(*wanted: object, **_: object) -> None:
        attempts.append(wanted)
        raise OSError("there is no network in this test")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        yield
    assert attempts == []
