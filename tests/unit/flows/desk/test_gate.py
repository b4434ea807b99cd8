"""Requests that no page of the app sent are refused, whoever sends them."""

from __future__ import annotations

import pytest

from flows.desk.access.access import Access
from flows.desk.access.gate import MAX_JSON_BYTES, MAX_UPLOAD_BYTES
from tests.support.app_client import TestClient
from tests.unit.flows.desk.conftest import OWN, PORT

CHANGE = "/api/candidates/nobody/pick"


def test_the_link_sets_a_cookie_and_leaves_the_address_bar(stranger: TestClient, access: Access) -> None:
    answer = stranger.get("/albums/night-bus", params={"token": access.token, "song": "last bus"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/albums/night-bus?song=last+bus"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"songline_desk_{PORT}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert access.token not in cookie
    assert stranger.get("/").status_code == 200


def test_the_exchange_never_leads_to_another_host(stranger: TestClient, access: Access) -> None:
    answer = stranger.get(f"{OWN}//elsewhere.example/x?token={access.token}")
    assert answer.headers["location"] == "/elsewhere.example/x"
    answer = stranger.get(f"{OWN}/%5C%5Celsewhere.example?token={access.token}")
    assert answer.headers["location"] == "/%5C%5Celsewhere.example"


def test_nothing_is_served_without_the_cookie(stranger: TestClient) -> None:
    for place in ("/", "/static/x/desk/desk.css", "/artifacts/" + "0" * 64, "/nowhere"):
        assert stranger.get(place).status_code == 401
    assert stranger.post(CHANGE, json={}, headers={"origin": OWN}).status_code == 401


@pytest.mark.parametrize("token", ["", "wrong", "ä", "x" * 5000])
def test_a_wrong_token_gets_no_cookie(stranger: TestClient, token: str) -> None:
    answer = stranger.get("/", params={"token": token})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_a_cookie_of_another_run_is_refused(stranger: TestClient) -> None:
    stranger.cookies.set(f"songline_desk_{PORT}", Access(PORT).session)
    assert stranger.get("/").status_code == 401


@pytest.mark.parametrize("cookie", ['a="', f"songline_desk_{PORT}=", "songline_desk_1=x", "\xff\xfe"])
def test_a_malformed_cookie_is_refused(stranger: TestClient, cookie: str) -> None:
    assert stranger.get("/", headers=[(b"cookie", cookie.encode("latin-1"))]).status_code == 401


@pytest.mark.parametrize(
    "other", ["a b=1", 'theme={"a":1}', 's=a"b', "n=\xe9", "a,b=1", "foo@bar=1", "=x", ";;", "novalue"]
)
def test_cookies_of_other_apps_of_this_machine_do_not_hide_that_of_the_app(
    stranger: TestClient, access: Access, other: str
) -> None:
    own = f"{access.cookie_name}={access.session}"
    for cookie in (f"{other}; {own}", f"{own}; {other}"):
        assert stranger.get("/", headers=[(b"cookie", cookie.encode("latin-1"))]).status_code == 200


@pytest.mark.parametrize("place", ["/albums/a%00b", "/?page=%00", "/api/uploads/albums/a%00/songs/b?name=x&origin=o"])
def test_an_address_with_a_null_character_is_refused(browser: TestClient, place: str) -> None:
    assert browser.post(f"{OWN}{place}", content=b"abc").status_code == 400


@pytest.mark.parametrize("host", ["evil.example:8300", "127.0.0.1", "127.0.0.1:8301", "localhost", "[::1]:8300", ""])
def test_another_host_name_is_refused_even_with_the_cookie(browser: TestClient, host: str) -> None:
    assert browser.get("/", headers={"host": host}).status_code == 421


def test_localhost_is_the_same_machine(stranger: TestClient, access: Access) -> None:
    host = {"host": f"localhost:{PORT}"}
    assert stranger.get("/", params={"token": access.token}, headers=host).status_code == 303


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", f"http://127.0.0.1:{PORT + 1}", f"https://127.0.0.1:{PORT}"]
)
def test_a_change_from_another_origin_is_refused(browser: TestClient, origin: str) -> None:
    assert browser.post(CHANGE, json={}, headers={"origin": origin}).status_code == 403


def test_a_change_without_an_origin_is_refused(browser: TestClient) -> None:
    del browser.headers["origin"]
    assert browser.post(CHANGE, json={}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_cross_site_request_is_refused_but_a_link_works(browser: TestClient, site: str) -> None:
    assert browser.post(CHANGE, json={}, headers={"sec-fetch-site": site}).status_code == 403
    assert browser.get("/", headers={"sec-fetch-site": site, "sec-fetch-mode": "no-cors"}).status_code == 403
    framed = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}
    assert browser.get("/", headers=framed).status_code == 403
    shown = {**framed, "sec-fetch-dest": "document"}
    assert browser.get("/", headers=shown).status_code == 200


def test_a_form_of_another_site_cannot_pass_for_json(browser: TestClient) -> None:
    answer = browser.post(CHANGE, content='{"note": "x"}', headers={"content-type": "text/plain"})
    assert answer.status_code in (400, 415)


def test_a_header_that_is_checked_may_stand_once_only(browser: TestClient) -> None:
    twice = [("host", f"127.0.0.1:{PORT}"), ("host", "evil.example")]
    assert browser.get("/", headers=twice).status_code in (400, 421)


def test_too_large_a_body_is_refused(browser: TestClient) -> None:
    assert browser.post(CHANGE, content=b"x" * (MAX_JSON_BYTES + 1)).status_code == 413
    unstated = (b"x" * 1024 for _ in range(MAX_JSON_BYTES // 1024 + 2))
    assert browser.post(CHANGE, content=unstated, headers={"content-type": "application/json"}).status_code == 413
    assert MAX_UPLOAD_BYTES > MAX_JSON_BYTES


def test_every_answer_is_hardened(browser: TestClient, stranger: TestClient) -> None:
    for answer in (browser.get("/"), browser.get("/nowhere"), stranger.get("/"), browser.post(CHANGE, json={})):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers


def test_no_page_has_an_inline_script_or_style(browser: TestClient) -> None:
    page = browser.get("/").text
    assert "style=" not in page
    assert "<style" not in page
    assert "<script>" not in page
    assert " on" not in page.replace(" on ", "") or "onclick" not in page


def test_the_app_describes_itself_to_nobody(browser: TestClient) -> None:
    assert [browser.get(place).status_code for place in ("/docs", "/redoc", "/openapi.json")] == [404] * 3
