"""Prefect's API at home while an album is rendered: another user, a web page and a false server try to get in."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.attacks.attackers import Victim, running_command
from tests.support.albums import tiny_document, write_album

ASK = """async address => {
    try { const answer = await fetch(address); return [answer.status, await answer.text()]; }
    catch (error) { return [0, String(error)]; }
}"""
FORCE = """async address => {
    try {
        const answer = await fetch(address, {method: 'POST', headers: {'Content-Type': 'application/json'},
            body: JSON.stringify({flow_runs: {}})});
        return answer.status;
    } catch (error) { return 0; }
}"""
TRY_IN = """
import base64, json, sys, urllib.error, urllib.request
found = []
for path in ("/api/health", "/api/ready", "/docs", "/openapi.json", "/api/flow_runs/filter"):
    for secret in (None, "songline:songline", ":", "admin:pass"):
        request = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}{path}",
            data=b"{}" if "filter" in path else None, headers={"Content-Type": "application/json"})
        if secret:
            request.add_header("Authorization", "Basic " + base64.b64encode(secret.encode()).decode())
        try:
            found.append(urllib.request.urlopen(request, timeout=10).status)
        except urllib.error.HTTPError as error:
            found.append(error.code)
print(json.dumps(sorted(set(found))))
"""


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory, begin_home: Callable[[Path], Path]) -> Iterator[Victim]:
    """A command that renders enough for all attacks, once its API answers."""
    folder = tmp_path_factory.mktemp("victim")
    document = tiny_document()
    document["songs"][0] |= {"seeds": {"start": 1, "count": 200}}  # type: ignore[index]
    manifest = write_album(folder / "album", document)
    with running_command(begin_home(folder / "home"), "render", manifest, "--out", folder / "out") as running:
        deadline_s = time.monotonic() + 60
        while not running.tcp_ports():
            assert running.process.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
        running.await_children(2)
        for worker in running.family():
            if "spawn_main" in " ".join(worker.cmdline()):
                worker.suspend()  # attacked is the API: what renders would only take the tests' time
        yield running


@pytest.fixture(scope="module")
def port(victim: Victim) -> int:
    """The only port that anything of it listens on."""
    (only,) = victim.tcp_ports()
    return only


def test_another_user_finds_one_port_and_is_not_let_in(victim, port, other_user) -> None:
    done = other_user.python(TRY_IN, str(port))
    assert json.loads(done.stdout) == [401], done.stderr


def test_the_password_stands_in_no_command_line_and_in_no_file_of_others(victim, other_user) -> None:
    secrets = {
        value
        for process in victim.family()
        for name, value in process.environ().items()
        if name in ("PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING")
    }
    (secret,) = secrets
    assert len(secret) > 40
    assert not [word for word in victim.arguments() if secret in word or secret.partition(":")[2] in word]
    assert other_user.readable(victim.home / "prefect") == []
    for process in victim.family():
        assert other_user.run("cat", f"/proc/{process.pid}/environ").returncode != 0


def test_a_foreign_page_is_refused_and_reads_nothing(victim, port, foreign_page) -> None:
    assert foreign_page.evaluate(ASK, f"http://127.0.0.1:{port}/api/health")[0] == 0
    assert foreign_page.evaluate(FORCE, f"http://127.0.0.1:{port}/api/flow_runs/filter") == 0


def test_a_page_whose_name_was_turned_to_this_machine_is_refused(victim, port, foreign_page) -> None:
    page_at = f"http://rebound.test:{port}/"
    foreign_page.route(page_at, lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    foreign_page.goto(page_at)
    assert foreign_page.evaluate(ASK, f"{page_at}api/health") == [421, ""]
    assert foreign_page.evaluate(FORCE, f"{page_at}api/flow_runs/filter") in (403, 421)


def test_nothing_but_the_api_listens(victim, port) -> None:
    assert victim.tcp_ports() == {port}
    assert not {name for name in victim.unix_sockets() if name.startswith("/")}
