"""A `songline desk` that is left or ended while a page sends it a file."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.desk_visit import Desk, running_desk
from tests.support.commands import Album

pytestmark = pytest.mark.slow
PLACE = "/api/uploads/albums/small/songs/one?name=take.wav&origin=studio&licence=CC0"


def half_sent(desk: Desk) -> socket.socket:
    """A connection that has sent half of a file."""
    with httpx.Client() as client:
        client.get(desk.link)
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    host = urlsplit(desk.origin).netloc
    connection = socket.create_connection(("127.0.0.1", int(host.split(":")[1])))
    head = f"POST {PLACE} HTTP/1.1\r\nHost: {host}\r\nOrigin: {desk.origin}\r\nCookie: {cookie}\r\n"
    connection.sendall(f"{head}Content-Length: 2000\r\n\r\n".encode() + bytes(1000))
    return connection


def received(desk: Desk) -> list[Path]:
    return list((desk.album.home / "scratch").glob("*/take.wav"))


def await_count(desk: Desk, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(received(desk)) != count:
        assert time.monotonic() < deadline, received(desk)
        time.sleep(0.05)


@pytest.mark.parametrize("is_left", [True, False])
def test_a_file_that_is_not_sent_whole_leaves_nothing_and_is_no_error(
    tmp_path: Path, begin_home: Callable[[Path], Path], is_left: bool
) -> None:
    album = Album(begin_home(tmp_path / "home"), tmp_path / "album.yaml", tmp_path / "out" / "small")
    with running_desk(album) as desk, half_sent(desk) as connection:
        await_count(desk, 1)
        if is_left:
            connection.close()
        else:
            desk.process.send_signal(signal.SIGINT)
            desk.process.wait(20)
        await_count(desk, 0)
