"""Artifacts by parts: the right bytes, and nothing but artifacts."""

from __future__ import annotations

import hashlib

import pytest

from catalog.catalog import Catalog
from flows.desk.files.ranges import NotSatisfiable, range_of
from tests.support.app_client import TestClient

DATA = bytes(range(256)) * 5


@pytest.fixture
def sound(catalog: Catalog) -> str:
    return f"/artifacts/{catalog.add_bytes(DATA, media_type='audio/wav')}"


def test_the_whole_file(browser: TestClient, sound: str) -> None:
    answer = browser.get(sound)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["etag"] == f'"{hashlib.sha256(DATA).hexdigest()}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert "immutable" in answer.headers["cache-control"]
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=1270-", 1270, 1279),
        ("bytes=1270-99999999", 1270, 1279),
        ("bytes=-5", 1275, 1279),
        ("bytes=-99999", 0, 1279),
    ],
)
def test_a_part(browser: TestClient, sound: str, asked: str, first: int, last: int) -> None:
    answer = browser.get(sound, headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, DATA[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(DATA)}"
    assert answer.headers["content-length"] == str(last - first + 1)


@pytest.mark.parametrize("asked", ["bytes=1280-", "bytes=5000-6000", "bytes=-0"])
def test_a_part_that_is_not_there(browser: TestClient, sound: str, asked: str) -> None:
    answer = browser.get(sound, headers={"range": asked})
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,3-4", "items=0-1", "bytes=5-2", "bytes=-", "bytes=a-b", "bytes=٣-٤"])
def test_what_is_not_one_range_gets_the_whole(browser: TestClient, sound: str, asked: str) -> None:
    answer = browser.get(sound, headers=[(b"range", asked.encode())])
    assert (answer.status_code, len(answer.content)) == (200, len(DATA))


def test_a_range_of_endless_digits_is_harmless() -> None:
    assert range_of(f"bytes={'9' * 5000}-", 10) is None
    with pytest.raises(NotSatisfiable):
        range_of("bytes=0-", 0)


def test_head_tells_the_size_and_sends_nothing(browser: TestClient, sound: str) -> None:
    answer = browser.head(sound)
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", str(len(DATA)))


def test_a_known_file_is_not_sent_again(browser: TestClient, sound: str) -> None:
    tag = browser.head(sound).headers["etag"]
    assert browser.get(sound, headers={"if-none-match": tag}).status_code == 304
    changed = browser.get(sound, headers={"range": "bytes=0-3", "if-range": '"another"'})
    assert (changed.status_code, len(changed.content)) == (200, len(DATA))


@pytest.mark.parametrize(
    "place",
    [
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/etc/passwd",
        "objects/ab/cd",
        "0" * 64,
        "A" * 64,
        "0" * 63 + "%00",
        "/etc/passwd",
        "0" * 62 + "..",
    ],
)
def test_a_path_in_place_of_a_digest_leads_nowhere(browser: TestClient, place: str) -> None:
    answer = browser.get(f"/artifacts/{place}", headers={"range": "bytes=0-10"})
    assert answer.status_code == (400 if "%00" in place else 404)
    assert b"root:" not in answer.content


@pytest.mark.parametrize(
    "media_type", ["application/x-npy", "application/x-pytorch", "text/html", "application/octet-stream"]
)
def test_other_kinds_of_artifacts_are_not_shown(browser: TestClient, catalog: Catalog, media_type: str) -> None:
    digest = catalog.add_bytes(b"<script>alert(1)</script>", media_type=media_type)
    assert browser.get(f"/artifacts/{digest}").status_code == 404


def test_a_drawing_with_a_script_is_inert(browser: TestClient, catalog: Catalog) -> None:
    digest = catalog.add_bytes(b"<svg><script>alert(1)</script></svg>", media_type="image/svg+xml")
    policy = browser.get(f"/artifacts/{digest}").headers["content-security-policy"]
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert "default-src 'none'" in policy


def test_bytes_that_are_damaged_are_not_sent(browser: TestClient, catalog: Catalog, sound: str) -> None:
    path = catalog.store.local(sound.rpartition("/")[2])
    path.chmod(0o600)
    path.write_bytes(b"x" * len(DATA))
    answer = browser.get(sound)
    assert answer.status_code == 500
    assert "corrupt in the store" in answer.text


def test_a_file_that_is_damaged_after_it_was_sent_is_checked_again(
    browser: TestClient, catalog: Catalog, sound: str
) -> None:
    assert browser.get(sound).status_code == 200
    path = catalog.store.local(sound.rpartition("/")[2])
    path.chmod(0o600)
    path.write_bytes(b"x" * len(DATA))
    assert browser.get(sound).status_code == 500
