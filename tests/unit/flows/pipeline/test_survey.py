"""How an album really stands, and what of its failed work is planned again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.common.errors import MachineError, WorkError
from catalog.ledger.results import failed_work
from catalog.plan.plan import set_current_release
from catalog.plan.storage import stored_plan
from flows.cli.admin.disk import albums
from flows.cli.album.author import plan as plan_command
from flows.cli.album.retry import retry
from flows.cli.inspect.status import status
from flows.pipeline.retry_failed import requeue_environment_failures
from flows.pipeline.survey import survey
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.support.albums import album_document, write_album
from tests.support.inline_executor import HERE, produce

pytestmark = pytest.mark.slow


def plan(catalog, settings, folder, **changes):
    return declare_album(catalog, read_album(write_album(folder / "album", album_document(**changes)), settings))


@pytest.fixture
def told(settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """What a command says of the test's own catalog."""
    monkeypatch.setenv("SONGLINE_HOME", str(settings.home))
    monkeypatch.setenv("COLUMNS", "200")

    def run(command, *arguments, **options):
        command(*arguments, **options)
        return capsys.readouterr().out

    return run


UNMASTERABLE = {"mastering": {"profile": "custom", "target_lufs": -6.0, "max_limiting_db": 0.5}}


def test_a_song_whose_master_is_refused_is_failed_and_its_album_too(
    catalog: Catalog, settings, tmp_path: Path, told
) -> None:
    planned = plan(catalog, settings, tmp_path, **UNMASTERABLE)
    produced, _ = produce(catalog, planned)
    assert set(produced.failures) == {"one", "two"}
    document = json.loads(told(status, "small", as_json=True))
    assert document["state"] == "failed"
    for song in document["songs"]:
        assert song["state"] == "failed"
        assert song["winner"]
        assert (song["stage"], song["failed"]["at"]) == ("decided", "mastering")
        assert song["failed"]["error"].startswith(f"{song['title']}: ")
    [entry] = json.loads(told(albums, as_json=True))["albums"]
    assert entry["state"] == "failed"
    words = told(status, "small", as_json=False)
    assert words.count("failed in mastering") == 2
    assert "Small Album: no release of this plan, for Song One, Song Two failed." in words
    assert "Next: correct the cause" in words


def test_plan_and_retry_say_what_failed_and_that_it_repeats(catalog: Catalog, settings, tmp_path: Path, told) -> None:
    planned = plan(catalog, settings, tmp_path, **UNMASTERABLE)
    produce(catalog, planned)
    manifest = tmp_path / "album" / "album.yaml"
    document = json.loads(told(plan_command, manifest, explain=False, as_json=True))
    assert [(each["song"], each["stage"]) for each in document["failures"]] == [
        ("one", "mastering"),
        ("two", "mastering"),
    ]
    words = told(plan_command, manifest, explain=False, as_json=False)
    assert "Failed in mastering: Song One: the master fails its acceptance" in words
    assert "fail again in the same way" in words
    assert "About 0.0 min" not in words
    again = told(retry, "small", as_json=False)
    assert again.startswith("0 pieces of work are planned again.")
    assert "Failed in mastering: Song Two: " in again
    assert "fail again in the same way" in again
    assert json.loads(told(retry, "small", as_json=True))["failures"][0]["error"].startswith("Song One: ")


def test_each_stage_is_told_and_what_comes_next(catalog: Catalog, settings, tmp_path: Path, told) -> None:
    planned = plan(catalog, settings, tmp_path)

    def seen():
        document = json.loads(told(status, "small", as_json=True))
        [entry] = json.loads(told(albums, as_json=True))["albums"]
        assert entry["state"] == {"unfinished": document["songs"][0]["state"]}.get(document["state"], document["state"])
        return document["state"], document["songs"][0]["state"], document["songs"][0]["stage"], document["next"]

    assert seen()[:3] == ("unfinished", "planned", "planned")
    assert "Next: rendering of 2 songs" in seen()[3]
    produce(catalog, planned, "score")
    assert seen()[:3] == ("unfinished", "rendered", "rendered")
    produce(catalog, planned, "select")
    assert seen()[:3] == ("unfinished", "decided", "decided")
    assert "Next: mastering of 2 songs" in seen()[3]
    produce(catalog, planned, "master")
    assert seen()[:3] == ("unfinished", "decided", "mastered")
    produced, _ = produce(catalog, planned)
    assert seen()[:3] == ("finished", "decided", "finished")
    set_current_release(catalog.database, "small", produced.release_key)
    assert seen()[:3] == ("released", "decided", "finished")
    assert "released as build 1" in seen()[3]
    plan(catalog, settings, tmp_path, mastering={"profile": "apple"})
    assert seen()[:3] == ("unfinished", "decided", "decided")
    plan(catalog, settings, tmp_path, songs=[{**album_document()["songs"][0], "seeds": [1, 2, 3]}])
    assert seen()[0] == "unfinished"
    assert "Build 1 of an earlier plan is delivered" in seen()[3]


def fail(catalog, key, error):
    lease = catalog.ledger.claim("render", key)
    catalog.ledger.fail(lease, error, seconds=0.1, execution=HERE)


def test_retry_revives_what_plans_ask_for_and_says_whose_it_is(
    catalog: Catalog, settings, tmp_path: Path, told
) -> None:
    planned = plan(catalog, settings, tmp_path)
    other = plan(
        catalog,
        settings,
        tmp_path,
        album={"id": "other", "title": "Other", "artist": "B"},
        defaults={"engine": "guide", "length_s": 12},
    )
    song = planned.songs[0]
    mine, gone, others = song.candidates[0].render_key, song.candidates[1].render_key, other.songs[1].candidates[0]
    for key in (mine, gone, others.render_key):
        fail(catalog, key, WorkError("it cannot be sung", remedy="Change it"))
    plan(catalog, settings, tmp_path, songs=[{**album_document()["songs"][0], "seeds": [1]}])

    told_of_one = json.loads(told(retry, "small", as_json=True))
    assert (told_of_one["retried"], told_of_one["left"]) == (1, 2)
    (work,) = told_of_one["work"]
    assert (work["key"], work["album"], work["doing"]) == (mine, "small", "render · Song One · seed 1")
    assert {key for _, key, _ in failed_work(catalog.database)} == {gone, others.render_key}

    words = told(retry, None, as_json=False)
    assert "Other: render · Song Two · seed 1: it cannot be sung" in words
    assert "1 piece of work is planned again" in words
    assert "1 more failed, which no album's present plan asks for" in words
    assert [key for _, key, _ in failed_work(catalog.database)] == [gone]


def test_rendering_forgives_only_what_its_own_plan_asks_for(catalog: Catalog, settings, tmp_path: Path) -> None:
    planned = plan(catalog, settings, tmp_path)
    other = plan(
        catalog,
        settings,
        tmp_path,
        album={"id": "other", "title": "Other", "artist": "B"},
        defaults={"engine": "guide", "length_s": 12},
    )
    mine, others = (each.songs[0].candidates[0].render_key for each in (planned, other))
    for key in (mine, others):
        fail(catalog, key, MachineError("the disk is full", remedy="Free some"))
    requeue_environment_failures(catalog, lambda: planned)
    assert [key for _, key, _ in failed_work(catalog.database)] == [others]


def test_a_failed_step_is_found_and_revived_with_its_song(
    catalog: Catalog, settings, tmp_path: Path, told, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = plan(catalog, settings, tmp_path)
    produce(catalog, planned, "select")

    def broken(*_arguments, **_options):
        raise MachineError("the disk is full", remedy="Free some")

    with monkeypatch.context() as patch:
        patch.setattr("tasks.mastering.step.master", broken)
        assert set(produce(catalog, planned, "master")[0].failures) == {"one", "two"}
    standing = survey(catalog, stored_plan(catalog.database, "small"))
    assert "master · Song One" in {work.run_name for work in standing.failed}
    assert standing.songs[0].error.what == "Song One: the disk is full"
    assert json.loads(told(retry, "small", as_json=True))["retried"] == len(standing.failed)
    assert produce(catalog, planned)[0].release_key
