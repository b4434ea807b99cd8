"""Decisions by buttons store what the command line would store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.plan.status import songs_of
from catalog.selection.stored_reviews import reviews_of_album
from db.session import DatabaseError, DatabaseReadOnly
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.steps.environment import user_name
from tests.bench.free_engine import free_line
from tests.bench.scale import manifest
from tests.support.app_client import TestClient
from tests.support.inline_executor import produce


@pytest.fixture
def takes(settings, catalog: Catalog, tmp_path: Path):
    """The winner of the one song, and its other take."""
    document = manifest(1, 2)
    path = tmp_path / "album.json"
    path.write_text(json.dumps(document))
    with free_line():
        produce(catalog, declare_album(catalog, read_album(path, settings)), "select")
        (song,) = songs_of(catalog.database, "scale")
        yield song.winner, next(take.id for take in song.candidates if take.id != song.winner)


def test_a_pick_is_decided_at_once_and_taken_back(browser: TestClient, catalog: Catalog, takes) -> None:
    winner, other = takes
    told = browser.post(f"/api/candidates/{other}/pick", json={"note": "warmer"}).json()
    assert (told["winner"], told["review"], told["fault"]) == (other, "pick", None)
    assert told["sentence"].startswith("Picked by a user")
    (review,) = reviews_of_album(catalog.database, "scale")["song-1"]
    assert (review.candidate, review.kind, review.by, review.note) == (other, "pick", user_name(), "warmer")
    assert browser.post(f"/api/candidates/{other}/unpick", json={}).json()["winner"] == winner


def test_a_rejected_winner_loses_and_a_note_changes_nothing(browser: TestClient, takes) -> None:
    winner, other = takes
    assert browser.post(f"/api/candidates/{winner}/note", json={"note": "hm"}).json()["winner"] == winner
    assert browser.post(f"/api/candidates/{winner}/reject", json={}).json()["winner"] == other


def test_without_any_take_left_the_reason_is_told(browser: TestClient, takes) -> None:
    for take in takes:
        told = browser.post(f"/api/candidates/{take}/reject", json={}).json()
    assert told["winner"] is None
    assert told["fault"]["what"]
    assert told["fault"]["remedy"]


@pytest.mark.parametrize(
    ("verb", "body", "status", "words"),
    [
        ("unpick", {}, 400, "neither picked nor rejected"),
        ("note", {"note": " "}, 400, "the note is empty"),
        ("note", {"note": "x" * 2001}, 400, "2001 characters"),
        ("note", {"note": "\x1b[2J"}, 400, "cannot be shown"),
        ("note", {"note": 7}, 400, "note"),
        ("pick", {"by": "somebody else"}, 400, "by"),
        ("delete", {}, 404, "no decision"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_one_error(
    browser: TestClient, catalog: Catalog, takes, verb, body, status, words
) -> None:
    answer = browser.post(f"/api/candidates/{takes[0]}/{verb}", json=body)
    assert answer.status_code == status
    assert words in answer.json()["error"]["what"]
    assert reviews_of_album(catalog.database, "scale") == {}


def test_the_beginning_of_an_id_is_not_enough_here(browser: TestClient, catalog: Catalog, takes) -> None:
    assert browser.post(f"/api/candidates/{takes[0][:-1]}/pick", json={}).status_code == 404
    assert reviews_of_album(catalog.database, "scale") == {}


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (DatabaseError("database is locked"), 500, "could not be read or written: database is locked"),
        (DatabaseReadOnly("disk I/O error"), 409, "nothing can be written"),
    ],
)
def test_a_catalog_that_fails_is_told_as_commands_tell_it(
    browser: TestClient, takes, monkeypatch, error, status, words
) -> None:
    def fails(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr("flows.desk.changes.decisions.say", fails)
    answer = browser.post(f"/api/candidates/{takes[1]}/pick", json={})
    assert answer.status_code == status
    assert words in answer.json()["error"]["what"]
    assert answer.json()["error"]["remedy"]
