"""What the audition gives to the browser: the state of every candidate, samples, and in a blind session no identity."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from markupsafe import escape

from catalog.catalog import Catalog
from catalog.selection.stored_reviews import say
from catalog.selection.votes import votes_of
from db.tables.album import Candidate, Render
from db.tables.provenance import Artifact
from tests.support.app_client import TestClient
from tests.support.inline_executor import produce
from tests.support.statements import counted
from tests.unit.flows.desk.audition.conftest import Planned

HOSTILE = "\"><script>alert(1)</script><!--<script><img src=x onerror=alert(2)>{{ 7*7 }} &amp; '"
ADDRESS = "/albums/made/songs/song-1"


def opened(browser: TestClient, query: str = "") -> dict[str, Any]:
    """The document in the page."""
    page = browser.get(f"{ADDRESS}{query}")
    assert page.status_code == 200
    found = re.search(r'<script type="application/json" id="document">(.*?)</script>', page.text, re.DOTALL)
    assert found is not None
    document: dict[str, Any] = json.loads(found[1])
    return document


def ids(catalog: Catalog) -> list[str]:
    with catalog.database.read() as session:
        return list(session.scalars(sa.select(Candidate.id)))


def test_candidates_that_are_not_rendered_are_shown_with_their_state(
    browser: TestClient, catalog: Catalog, planned: Planned
) -> None:
    planned()
    with catalog.database.write() as session:
        first = session.scalars(sa.select(Render)).first()
        assert first is not None
        first.state, first.error = "failed", {"kind": "work", "error": "the voice broke", "remedy": "Rest"}
    takes = opened(browser)["takes"]
    assert sorted(take["state"] for take in takes) == ["failed", "planned", "planned"]
    assert [take["failure"] for take in takes if "failure" in take] == ["the voice broke"]
    assert all(take["sounds"] == {} for take in takes)


def test_a_song_as_decided_and_as_said(browser: TestClient, catalog: Catalog, planned: Planned) -> None:
    produce(catalog, planned(), "select")
    document = opened(browser)
    first, second, third = document["takes"]
    assert [take["rank"] for take in (first, second, third)] == [1, 2, 3]
    assert [take["chosen"] for take in (first, second, third)] == [True, False, False]
    assert all(set(take["sounds"]) == {"mix"} for take in document["takes"])
    assert all(gate["passed"] for gate in first["gates"])
    say(catalog.database, second["candidate"], "pick", by="ada", note=HOSTILE)
    say(catalog.database, third["candidate"], "reject", by="bob")
    now = browser.get(f"/api/audition/{document['session']}").json()["takes"]
    by_id = {take["candidate"]: take for take in now}
    assert by_id[second["candidate"]]["picked"]
    assert by_id[second["candidate"]]["reviews"][0] | {"at": ""} == {
        "kind": "pick",
        "by": "ada",
        "at": "",
        "note": HOSTILE,
    }
    assert by_id[third["candidate"]]["rejected"]
    assert not by_id[first["candidate"]]["rejected"]
    assert by_id[first["candidate"]]["id"] == first["id"]  # a name lasts as long as its session


def test_hostile_titles_are_inert(browser: TestClient, planned: Planned) -> None:
    planned(title=HOSTILE)
    text = browser.get(ADDRESS).text
    assert opened(browser)["title"] == HOSTILE
    assert f"<h1><bdi>{escape(HOSTILE)}</bdi></h1>" in text
    assert text.count("<script") == 2  # the document and the page's module
    assert "<img" not in text
    assert "49" not in text.split("</h1>")[0].split("<h1>")[1]


def test_samples_shapes_and_words_are_those_of_the_take(
    browser: TestClient, catalog: Catalog, planned: Planned
) -> None:
    produce(catalog, planned(), "select")
    document = opened(browser)
    take = document["takes"][0]
    base = f"/api/audition/{document['session']}"
    shape = browser.get(f"{base}/sounds/{take['sounds']['mix']['id']}").json()
    answer = browser.get(
        f"{base}/sounds/{take['sounds']['mix']['id']}/pcm", params={"rate": shape["rate_hz"], "block": 0}
    )
    samples = np.frombuffer(answer.content, "<f4").reshape(2, -1)
    assert samples.shape[1] == round(shape["duration_s"] * shape["rate_hz"])
    assert np.abs(samples).max() > 0
    assert int(answer.headers["x-frames"]) == round(shape["duration_s"] * shape["rate_hz"])
    assert shape["waveform"].startswith("M")
    words = browser.get(f"{base}/words/{take['words']}").json()
    assert 'class="lyrics' in words["html"]


@pytest.mark.parametrize(
    "place", ["sounds/../../../x", "sounds/none", "sounds/none/pcm?rate=44100&block=0", "words/none"]
)
def test_what_a_session_did_not_name_is_not_there(browser: TestClient, planned: Planned, place: str) -> None:
    planned()
    session = opened(browser)["session"]
    assert browser.get(f"/api/audition/{session}/{place}").status_code == 404
    assert browser.get(f"/api/audition/other/{place}").status_code == 404


@pytest.mark.parametrize("query", ["rate=7&block=0", "rate=44100&block=-1", "rate=x&block=0", "rate=44100&block=1e9"])
def test_blocks_that_no_player_asks_for_are_refused(
    browser: TestClient, catalog: Catalog, planned: Planned, query: str
) -> None:
    produce(catalog, planned(), "select")
    document = opened(browser)
    sound = document["takes"][0]["sounds"]["mix"]["id"]
    assert browser.get(f"/api/audition/{document['session']}/sounds/{sound}/pcm?{query}").status_code == 400


def test_pruned_audio_is_not_offered(browser: TestClient, catalog: Catalog, planned: Planned) -> None:
    produce(catalog, planned(), "select")
    with catalog.database.write() as session:
        (render,) = session.scalars(
            sa.select(Render).where(Render.seed == session.scalar(sa.select(sa.func.min(Render.seed))))
        )
        session.get_one(Artifact, render.audio_digest).pruned_at = 1.0
    takes = opened(browser)["takes"]
    assert sorted(len(take["sounds"]) for take in takes) == [0, 1, 1]
    assert len(opened(browser, "?blind=all")["takes"]) == 2


def test_a_blind_session_tells_nothing_and_votes_until_it_is_revealed(
    browser: TestClient, catalog: Catalog, planned: Planned
) -> None:
    produce(catalog, planned(), "select")
    document = opened(browser, "?blind=all")
    text = json.dumps(document)
    assert not any(candidate in text for candidate in ids(catalog))
    assert not any(word in text for word in ("rank", "score", "seed", "chosen", "master"))
    names = [take["id"] for take in document["takes"]]
    vote = {"shown": names, "order": names[1:2], "matched": True, "stage": "mix", "stem": None}
    base = f"/api/audition/{document['session']}"
    assert browser.post(f"{base}/votes", json=vote).json() == {"stored": True}
    assert browser.post(f"{base}/votes", json={**vote, "order": []}).status_code == 400
    assert browser.post(f"{base}/votes", json={**vote, "candidate": "x"}).status_code == 400
    revealed = {take["id"]: take["candidate"] for take in browser.post(f"{base}/reveal", json={}).json()["takes"]}
    assert browser.post(f"{base}/votes", json=vote).status_code == 422
    (stored,) = votes_of(catalog.database)
    assert stored.shown == tuple(revealed[name] for name in names)
    assert stored.preferred == (revealed[names[1]],)
    assert stored.conditions.blind


def test_an_open_session_takes_no_votes(browser: TestClient, catalog: Catalog, planned: Planned) -> None:
    produce(catalog, planned(), "select")
    document = opened(browser)
    names = [take["id"] for take in document["takes"]]
    vote = {"shown": names, "order": names[:1], "matched": True, "stage": "mix", "stem": None}
    assert browser.post(f"/api/audition/{document['session']}/votes", json=vote).status_code == 422
    assert votes_of(catalog.database) == []


def test_a_candidate_added_meanwhile_stays_out_of_a_blind_session(
    browser: TestClient, catalog: Catalog, planned: Planned
) -> None:
    produce(catalog, planned(seeds=2), "select")
    document = opened(browser, "?blind=pairs")
    produce(catalog, planned(seeds=4), "select")
    now = browser.get(f"/api/audition/{document['session']}").json()
    assert (now["takes"], now["pairs"]) == (document["takes"], document["pairs"])
    assert len(opened(browser, "?blind=pairs")["takes"]) == 4


def test_more_songs_and_candidates_take_no_more_statements(
    browser: TestClient, catalog: Catalog, planned: Planned
) -> None:
    produce(catalog, planned(1, 2), "select")
    with counted(catalog.database) as few:
        opened(browser)
    planned(40, 10)
    with counted(catalog.database) as many:
        opened(browser)
    assert len(many) <= len(few)
