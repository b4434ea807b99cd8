"""The attackers can do what the other tests say that they cannot: a harmless attacker would prove nothing."""

from __future__ import annotations

import json
from pathlib import Path

from tests.attacks.attackers import Answer, attacker_server, running_command
from tests.support.albums import tiny_document, write_album

ASK = """async address => {
    try { const answer = await fetch(address); return [answer.status, await answer.text()]; }
    catch (error) { return [0, String(error)]; }
}"""


def test_another_user_reads_what_is_open_to_all_and_no_more(other_user) -> None:
    (other_user.folder / "closed").mkdir(mode=0o700)
    (other_user.folder / "closed" / "words.txt").write_text("mine")
    (other_user.folder / "open.txt").write_text("everybody's")
    (other_user.folder / "open.txt").chmod(0o644)
    assert other_user.readable(other_user.folder) == ["open.txt"]
    who = other_user.python("import os, sys; print(os.getuid(), os.getgid(), os.getgroups(), sys.argv[1:])", "a b")
    assert who.stdout.strip() == "65534 65534 [] ['a b']", who.stderr
    assert other_user.run("id", "-u").stdout.strip() == "65534"


def test_another_user_reaches_loopback(other_user, attacker) -> None:
    attacker.answers["/door"] = Answer(b"open")
    source = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"
    assert other_user.python(source, f"{attacker.url}/door").stdout.strip() == "open"


def test_a_foreign_page_reads_a_server_that_allows_every_origin_and_no_other(foreign_page, attacker) -> None:
    with attacker_server() as victim:
        victim.answers["/open"] = Answer(b"secret", headers={"Access-Control-Allow-Origin": "*"})
        victim.answers["/closed"] = Answer(b"secret", headers={})
        assert foreign_page.evaluate(ASK, f"{victim.url}/open") == [200, "secret"]
        assert foreign_page.evaluate(ASK, f"{victim.url}/closed")[0] == 0
        assert victim.requests[0].headers["Origin"] == attacker.origin


def test_a_rebound_name_reads_a_server_that_answers_every_host(foreign_page) -> None:
    with attacker_server() as victim:
        victim.answers["/api"] = Answer(json.dumps({"name": "secret"}).encode(), headers={})
        page_at = f"http://rebound.test:{victim.port}/"
        foreign_page.route(page_at, lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
        foreign_page.goto(page_at)
        assert foreign_page.evaluate(ASK, f"{page_at}api") == [200, '{"name": "secret"}']
        assert victim.requests[-1].headers["Host"] == f"rebound.test:{victim.port}"


def test_the_finished_album_is_whole_and_a_copy_is_ones_own(finished_album, own_album) -> None:
    assert own_album.json("verify")["missing"] == []
    (own_album.home / "catalog.sqlite3").unlink()
    assert (finished_album.home / "catalog.sqlite3").is_file()
    assert Path(finished_album.release / "release.json").is_file()


def test_a_running_command_is_seen_with_all_that_it_started(tiny_home, tmp_path: Path) -> None:
    manifest = write_album(tmp_path / "album", tiny_document())
    with running_command(tiny_home, "render", manifest, "--out", tmp_path / "out") as victim:
        victim.await_children(1)
        family = victim.family()
        assert len(family) > 1
        assert "flows.cli" in victim.arguments()
    assert not [member for member in family if member.is_running()]
