"""What a hostile server does to a download: it trickles, leads elsewhere, sends without end, and asks for secrets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from catalog.common.errors import InputError, MachineError
from catalog.models.download import Downloader, Patience, Remote
from catalog.models.pull import add
from catalog.models.store import ModelStore
from catalog.models.table import read_table
from catalog.network.proxies import past_proxies
from catalog.network.web import followed
from tests.support.models import AT, relaxed_table

APACHE = read_table().licences["Apache-2.0"]
QUICK = Patience(tries=0, base_s=0.01, timeout_s=1.0, answer_s=1.0, least_bytes_per_s=1000.0, least_over_s=0.3)
LONGEST_S = 60.0
"""Far more than the limits of one second that these servers meet, and far less than they would go on."""
Answer = Callable[[socket.socket, str], None]


class Server:
    """A server that answers each connection with ``answer`` (socket, head of the request), and keeps the heads."""

    def __init__(self, answer: Answer) -> None:
        self.heads: list[str] = []
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/x.pt"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with closing(connection), suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head and (more := connection.recv(4096)):
                head += more
            self.heads.append(head.decode("latin-1"))
            self._answer(connection, head.decode("latin-1"))

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@contextmanager
def answering(answer: Answer) -> Iterator[Server]:
    server = Server(answer)
    try:
        yield server
    finally:
        server.close()


def redirect(to: Callable[[], str]) -> Answer:
    def answer(connection: socket.socket, _head: str) -> None:
        connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {to()}\r\nContent-Length: 0\r\n\r\n".encode())

    return answer


def body(content: bytes) -> Answer:
    def answer(connection: socket.socket, _head: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)

    return answer


def fetch(url: str, place: Path, patience: Patience = QUICK) -> None:
    with Downloader(patience=patience) as fetcher:
        fetcher.fetch(Remote(url), place / "x.pt")


def test_a_trickling_body_is_given_up_and_kept_for_the_next_try(tmp_path: Path) -> None:
    def trickle(connection: socket.socket, _head: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n")
        while True:
            connection.sendall(b"\x80")
            time.sleep(0.02)

    began = time.monotonic()
    with (
        answering(trickle) as server,
        pytest.raises(MachineError, match=r"bytes a second, less than 1000\..*continues"),
    ):
        fetch(server.url, tmp_path, Patience(tries=50, timeout_s=1.0, least_bytes_per_s=1000.0, least_over_s=0.3))
    assert time.monotonic() - began < LONGEST_S
    assert (tmp_path / "x.pt.part").stat().st_size > 1
    assert len(server.heads) == 1, "a slow server is not asked again and again"


def test_a_trickling_head_is_given_up(tmp_path: Path) -> None:
    def trickle(connection: socket.socket, _head: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            connection.sendall(b"y")
            time.sleep(0.05)

    began = time.monotonic()
    with answering(trickle) as server, pytest.raises(MachineError, match="did not begin to answer in time"):
        fetch(server.url, tmp_path)
    assert time.monotonic() - began < LONGEST_S


def test_slow_redirects_share_one_time_limit(tmp_path: Path) -> None:
    def slow(connection: socket.socket, head: str) -> None:
        time.sleep(0.4)
        redirect(lambda: f"/{len(head)}")(connection, head)

    began = time.monotonic()
    with answering(slow) as server, pytest.raises(MachineError, match="did not begin to answer in time"):
        fetch(server.url, tmp_path)
    assert time.monotonic() - began < LONGEST_S


def test_redirects_in_a_circle_end(tmp_path: Path) -> None:
    with answering(redirect(lambda: "/again")) as server, pytest.raises(MachineError, match="redirects in a loop"):
        fetch(server.url, tmp_path)
    assert len(server.heads) == 11


@pytest.mark.parametrize("scheme", ["file:///etc/passwd", "ftp://example.org/x.pt", "data:,x", "gopher://x/1", "jar:x"])
def test_other_schemes_are_refused_at_once(tmp_path: Path, scheme: str) -> None:
    store = ModelStore(tmp_path / "models", relaxed_table(tmp_path / "table.toml"))
    with (
        Downloader(patience=QUICK) as fetcher,
        pytest.raises(InputError, match=r"no web address\. Give an http or https"),
    ):
        add(store, "mine", scheme, like="diffrhythm-1.2-base", licence=APACHE, at=AT, downloader=fetcher)
    with pytest.raises(InputError, match="no web address"):
        fetch(scheme, tmp_path)
    with (
        answering(redirect(lambda: scheme)) as server,
        pytest.raises(MachineError, match=r"which is not followed|an invalid address"),
    ):
        fetch(server.url, tmp_path)
    assert not list(tmp_path.glob("x.pt*"))


def test_a_redirect_from_tls_to_none_is_refused() -> None:
    with pytest.raises(MachineError, match="without TLS"):
        followed("https://example.org/x", httpx.URL("https://example.org/x"), "http://example.org/x")
    with pytest.raises(MachineError, match="of this machine"):
        followed("https://example.org/x", httpx.URL("https://example.org/x"), "https://127.0.0.1:8000/admin")
    assert followed("https://a/x", httpx.URL("https://a/x"), "//b/y?z=1") == httpx.URL("https://b/y?z=1")


def test_a_password_does_not_follow_to_another_host(tmp_path: Path) -> None:
    with answering(body(b"\x80" * 3000)) as thief:
        thief.url = thief.url.replace("127.0.0.1", "localhost")
        with answering(redirect(lambda: thief.url)) as server:
            fetch(server.url.replace("http://", "http://ada:geheim@") + "?token=toktok", tmp_path)
        (first,), (second,) = server.heads, thief.heads
    assert "authorization: basic" in first.lower()
    assert "authorization" not in second.lower()
    assert "toktok" not in second
    assert "geheim" not in second
    assert "referer" not in second.lower()


def test_more_than_the_stated_size_is_not_taken(tmp_path: Path) -> None:
    def endless(connection: socket.socket, _head: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            connection.sendall(b"\x80" * 65536)

    with (
        answering(endless) as server,
        Downloader(patience=QUICK) as fetcher,
        pytest.raises(MachineError, match="more bytes than it said"),
    ):
        fetcher.fetch(Remote(server.url, size_bytes=1_000_000), tmp_path / "x.pt")
    assert (tmp_path / "x.pt.part").stat().st_size <= 1_000_000


@pytest.mark.parametrize("size", [b"9" * 5000, b"-1", "\u0663".encode()], ids=["digits", "negative", "other digits"])
def test_a_size_that_is_no_number_of_bytes_ends_in_a_message(tmp_path: Path, size: bytes) -> None:
    def odd(connection: socket.socket, _head: str) -> None:
        head = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\nContent-Range: bytes 0-1/" + size
        connection.sendall(head + b"\r\n\r\n\x80\x80")

    with answering(odd) as server, pytest.raises(MachineError, match="another range than was asked for"):
        fetch(server.url, tmp_path)


def test_a_size_that_no_disk_holds_is_refused_before_it_comes(tmp_path: Path) -> None:
    def huge(connection: socket.socket, _head: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999\r\n\r\n\x80\x80")
        time.sleep(1)

    with answering(huge) as server, pytest.raises(MachineError, match=r"GB more and the disk has .*Free disk space"):
        fetch(server.url, tmp_path)


def test_a_socks_proxy_of_the_environment_is_used_and_not_for_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy, answering(body(b"\x80" * 3000)) as server:
        monkeypatch.setenv("ALL_PROXY", f"socks5h://127.0.0.1:{proxy.getsockname()[1]}")
        for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
            monkeypatch.delenv(name, raising=False)
        fetch(server.url, tmp_path)  # past the proxy
        assert (tmp_path / "x.pt").stat().st_size == 3000

        def greet() -> None:
            connection, _ = proxy.accept()
            with closing(connection):
                asked.append(connection.recv(16))
                connection.sendall(b"\x05\xff")

        greeting = threading.Thread(target=greet, daemon=True)
        greeting.start()
        with pytest.raises(MachineError, match="could not be fetched"):
            fetch("http://model-hub.example/x.pt", tmp_path)
        greeting.join(5)
    assert asked
    assert asked[0][:1] == b"\x05", "SOCKS 5 is spoken with it"


def test_a_proxy_that_cannot_be_used_is_told_where_the_net_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks4://ada:geheim@127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(MachineError, match=r"proxy of the environment cannot be used") as caught:
        fetch("http://model-hub.example/x.pt", tmp_path)
    assert "geheim" not in str(caught.value)
    store = ModelStore(tmp_path / "models", relaxed_table(tmp_path / "table.toml"))
    (tmp_path / "tuned.pt").write_bytes(b"\x80" * 3000)
    with Downloader(patience=QUICK) as fetcher:  # a file of this machine needs no proxy
        add(
            store,
            "m",
            str(tmp_path / "tuned.pt"),
            like="diffrhythm-1.2-base",
            licence=APACHE,
            at=AT,
            downloader=fetcher,
        )


@pytest.mark.parametrize(
    ("given", "hosts"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "corp.example, .internal"}, "corp.example,.internal,127.0.0.1,localhost,::1"),
        ({"no_proxy": "a", "NO_PROXY": "b,127.0.0.1"}, "b,127.0.0.1,a,localhost,::1"),
        ({"NO_PROXY": "*"}, "*,127.0.0.1,localhost,::1"),
    ],
)
def test_what_the_user_excludes_from_the_proxy_stays(given: Mapping[str, str], hosts: str) -> None:
    assert past_proxies(given) == {"NO_PROXY": hosts, "no_proxy": hosts}
