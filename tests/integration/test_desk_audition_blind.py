"""Blind listening in a real browser: nothing tells which candidate is which, votes are stored, and none after that."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.integration.auditioned_song import Audition, desk, with_ramps
from tests.integration.rendered_album import rendered
from tests.support.commands import Album

__all__ = ["rendered"]

pytestmark = pytest.mark.slow

ONE = "/albums/small/songs/one"


@pytest.fixture(scope="module")
def own(rendered: Album, tmp_path_factory: pytest.TempPathFactory) -> Album:
    """A copy of the album with two takes from elsewhere in its first song, which makes four."""
    folder = tmp_path_factory.mktemp("blind")
    shutil.copytree(rendered.home, folder / "home")
    album = replace(rendered, home=folder / "home")
    with_ramps(album, folder, 2)
    return album


@pytest.fixture(scope="module")
def link(own: Album) -> Iterator[str]:
    with desk(own.home) as address:
        yield address


@pytest.fixture
def visit(browser: Browser, link: str) -> Iterator[Audition]:
    audition = Audition(browser, link)
    yield audition
    audition.close()


def stored(album: Album) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(album.home / "catalog.sqlite3")) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM vote ORDER BY id")]
    parsed = ("shown", "preferred", "conditions")
    return [{**row, **{name: json.loads(row[name]) for name in parsed}} for row in rows]


def candidates(album: Album) -> set[str]:
    with closing(sqlite3.connect(album.home / "catalog.sqlite3")) as connection:
        query = "SELECT candidate.id FROM candidate JOIN song ON song.id = song_id WHERE slug = 'one'"
        return {str(row[0]) for row in connection.execute(query)}


def secrets(album: Album) -> set[str]:
    """Everything in the catalog that names a candidate: ids, digests of takes, masters and renders."""
    with closing(sqlite3.connect(album.home / "catalog.sqlite3")) as connection:
        digests = {str(row[0]) for row in connection.execute("SELECT digest FROM artifact")}
        keys = {str(row[0]) for row in connection.execute("SELECT render_key FROM candidate")}
    return candidates(album) | digests | keys


def test_nothing_that_the_page_loads_tells_a_candidate(visit: Audition, own: Album) -> None:
    loaded: list[tuple[str, bytes]] = []
    visit.page.on("response", lambda answer: loaded.append((answer.url, b"" if "pcm" in answer.url else answer.body())))
    visit.open(f"{ONE}?blind=all")
    visit.press("Space")
    visit.plays(1)
    visit.press("3", "4", "2")
    visit.plays(2)
    assert any("/pcm?" in url for url, _ in loaded)
    told = "\n".join(url + body.decode("utf-8", "replace") for url, body in loaded if "/static/" not in url)
    assert [secret for secret in secrets(own) if secret in told] == []
    shown = visit.page.inner_text("main")
    assert not any(word in shown for word in ("seed ", "import ", "score ", "#1", "Winner", "policy"))
    assert visit.page.is_hidden(".detail")
    assert visit.page.is_hidden(".stages")  # only the winner has a master, and would be known by it
    document = visit.script("return page.doc")
    keys = {"id", "label", "state", "sounds", "words", "words_timed"}
    assert all(set(take) == keys for take in document["takes"])
    assert all(set(take["sounds"]) == {"mix"} for take in document["takes"])


def test_the_order_is_drawn_anew_each_time(visit: Audition) -> None:
    orders = set()
    for _ in range(12):
        visit.open(f"{ONE}?blind=all")
        visit.script("await page.reveal()")
        labels = {take["label"]: take["candidate"] for take in visit.script("return page.doc.takes")}
        assert sorted(labels) == ["A", "B", "C", "D"]
        orders.add(tuple(labels[label] for label in "ABCD"))
    assert len(orders) > 3


def test_an_order_of_all_is_voted_stored_and_revealed(visit: Audition, own: Album) -> None:
    before = len(stored(own))
    visit.open(f"{ONE}?blind=all")
    visit.press("Space")
    visit.plays(1)
    assert visit.page.is_disabled(".send")
    visit.page.click(".ballot >> text=C")
    visit.page.click(".ballot >> text=A")
    visit.page.click(".send")
    visit.until("document.querySelector('.voted').textContent === 'One vote is stored.'")
    visit.page.click("[data-act=reveal]")
    visit.until("document.querySelector('.take .name').textContent.includes('seed')")
    assert visit.page.is_hidden(".voting")
    assert visit.script("return page.player.state.playing")  # the reveal does not stop it
    names = {take["label"]: take["candidate"] for take in visit.script("return page.doc.takes")}
    (vote,) = stored(own)[before:]
    assert vote["kind"] == "all"
    assert vote["shown"] == [names[label] for label in "ABCD"]
    assert vote["preferred"] == [names["C"], names["A"]]
    conditions = vote["conditions"]
    assert isinstance(conditions.pop("seed"), int)
    assert conditions == {"matched": True, "stage": "mix", "stem": None, "blind": True}
    assert vote["said_by"]
    assert vote["said_at"] > 1.7e9


def test_pairs_are_voted_by_keys_alone(visit: Audition, own: Album) -> None:
    before = len(stored(own))
    visit.open(f"{ONE}?blind=pairs")
    visit.press("m", "Space")
    asked = []
    for place in range(6):
        pair = visit.script("return page.listed().map(({ label }) => label)")
        asked.append(frozenset(pair))
        visit.press("2")
        visit.plays(2)
        visit.press("v")
        visit.until(f"document.querySelector('.voted').textContent.startsWith('{place + 1 if place else 'One'} vote')")
    assert len(set(asked)) == 6  # every pair of four once
    assert "All pairs are compared" in visit.page.inner_text(".question")
    votes = stored(own)[before:]
    assert [vote["kind"] for vote in votes] == ["pairwise"] * 6
    assert all(vote["preferred"] == [vote["shown"][1]] for vote in votes)
    assert not any(vote["conditions"]["matched"] for vote in votes)


def test_no_vote_counts_after_the_reveal_or_with_names_of_another_session(visit: Audition, own: Album) -> None:
    visit.open(f"{ONE}?blind=all")
    earlier = visit.script("return page.doc.takes.map(({ id }) => id)")
    visit.open(f"{ONE}?blind=all")
    send = """async (ids) => {
      const { page } = await import(document.querySelector('script[type=module]').src);
      const own = page.doc.takes.map(({ id }) => id);
      const body = { shown: ids ?? own, order: (ids ?? own).slice(0, 1), matched: true, stage: 'mix', stem: null };
      const answer = await fetch(`/api/audition/${page.doc.session}/votes`,
        { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
      return answer.status;
    }"""
    before = len(stored(own))
    assert visit.page.evaluate(send, earlier) == 404
    assert visit.page.evaluate(send, None) == 200
    visit.script("await page.reveal()")
    assert visit.page.evaluate(send, None) == 422
    assert len(stored(own)) == before + 1


def test_no_other_site_can_vote_or_reveal(visit: Audition) -> None:
    visit.open(f"{ONE}?blind=all")
    session = visit.script("return page.doc.session")
    for address in (f"/api/audition/{session}/reveal", f"/api/audition/{session}/votes"):
        headers = {"origin": "http://evil.example", "content-type": "application/json"}
        answer = visit.page.request.post(f"{visit.origin}{address}", headers=headers, data="{}")
        assert answer.status == 403
    assert visit.script("await page.refresh(); return page.doc.hidden")
