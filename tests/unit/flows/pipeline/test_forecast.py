"""A forecast counts every stage, by what such work took here, and says when there is nothing to do."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.plan.plan import set_current_release
from flows.cli.album.author import plan as plan_command
from flows.pipeline.estimate import OF_ALBUM, missing_steps
from flows.pipeline.forecast import forecast
from flows.planning.plan_album import declare_album, reused_id_warning
from flows.planning.read_manifest import read_album
from tests.support.albums import album_document, write_album
from tests.support.inline_executor import produce

pytestmark = pytest.mark.slow


def plan(catalog, settings, folder, **changes):
    return declare_album(catalog, read_album(write_album(folder / "album", album_document(**changes)), settings))


def counts(expected):
    return {stage.stage: stage.count for stage in expected.stages}


def done_kinds(settings):
    with closing(sqlite3.connect(settings.home / "catalog.sqlite3")) as connection:
        query = "SELECT kind FROM activity WHERE outcome = 'done'"
        return Counter(kind for (kind,) in connection.execute(query))


ALL = {"stems": "native", "deliverables": ["wav24", "mp3_320", "instrumental"]}


@pytest.mark.both_databases
def test_every_stage_is_counted_before_anything_is_made_and_nothing_after(
    catalog: Catalog, settings, tmp_path: Path
) -> None:
    planned = plan(catalog, settings, tmp_path, **ALL)
    before = forecast(catalog, planned, complete=False)
    assert counts(before) == {
        "render": 4,
        "score": 4,
        "select": 2,
        "master": 8,
        "stems": 2,
        "encode": 8,
        "pack": 1,
    }
    assert all(stage.seconds > 0 for stage in before.stages)
    assert before.seconds == sum(stage.seconds for stage in before.stages)
    _, executor = produce(catalog, planned)
    assert len(executor.rendered) + len(executor.steps) == sum(counts(before).values())
    assert forecast(catalog, planned, complete=False).stages == ()


@pytest.mark.parametrize("mode", ["tracks", "album"])
def test_songs_without_words_and_with_files_of_their_own_are_counted_as_they_are_made(
    catalog: Catalog, settings, tmp_path: Path, mode
) -> None:
    """Before and after the renders: first what follows is counted by the plan, then the line itself is walked."""
    one, two = album_document()["songs"]
    songs = [
        one | {"title": "Small · Album", "deliverables": ["wav24"], "length_s": 12},  # a title as sentences have dots
        {name: value for name, value in two.items() if name != "lyrics"} | {"title": "Small Album"},  # as its album
    ]
    changes = {"songs": songs, "mastering": {"profile": "streaming", "mode": mode}, **ALL}
    planned = plan(catalog, settings, tmp_path, **changes)
    before = counts(forecast(catalog, planned, complete=False))
    _, scoring = produce(catalog, planned, "score")
    settled = {candidate.render_key for song in planned.songs for candidate in song.candidates}
    left = missing_steps(catalog, planned, settled).steps
    lengths = {(step.kind, step.length_s) for step in left}
    assert {length for kind, length in lengths if kind == "encode"} == {12, 10}
    assert {length for kind, length in lengths if kind in OF_ALBUM} == {22}
    _, finishing = produce(catalog, planned)
    assert len(left) == len(finishing.steps)
    assert sum(before.values()) == len(scoring.rendered) + len(scoring.steps) + len(finishing.steps)


def test_a_new_mastering_profile_takes_time_and_disk(
    catalog: Catalog, settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    produce(catalog, plan(catalog, settings, tmp_path, **ALL))
    quieter = plan(catalog, settings, tmp_path, mastering={"profile": "apple"}, **ALL)
    expected = forecast(catalog, quieter, complete=False)
    assert counts(expected) == {"master": 8, "encode": 8, "pack": 1}
    assert all(song.new == 0 for song in expected.songs)
    assert expected.stored_bytes > 2 * 10 * 44100 * 6
    done = done_kinds(settings)
    _, executor = produce(catalog, quieter)
    assert len(executor.steps) == sum(counts(expected).values())
    assert (done_kinds(settings) - done)["master"] == 2

    monkeypatch.setenv("SONGLINE_HOME", str(settings.home))
    path = tmp_path / "album" / "album.yaml"
    plan_command(path, explain=False, as_json=False)
    assert "Nothing is missing:" in capsys.readouterr().out
    again = write_album(tmp_path / "album", album_document(mastering={"profile": "broadcast"}, **ALL))
    plan_command(again, explain=False, as_json=False)
    words = capsys.readouterr().out
    assert [line.split()[:2] for line in words.splitlines() if line.strip().startswith(("master", "encode"))] == [
        ["master", "8"],
        ["encode", "8"],
    ]
    assert "About 0.0 min and 0 MB" not in words


@pytest.mark.parametrize("mode", ["tracks", "album"])
def test_one_more_take_counts_what_follows_from_it(catalog: Catalog, settings, tmp_path: Path, mode) -> None:
    changes = {"mastering": {"profile": "streaming", "mode": mode}}
    produced, _ = produce(catalog, plan(catalog, settings, tmp_path, **changes))
    set_current_release(catalog.database, "small", produced.release_key)
    songs = album_document()["songs"]
    songs[0]["seeds"] = [1, 2, 3]
    planned = plan(catalog, settings, tmp_path, songs=songs, **changes)
    finished = 2 if mode == "album" else 1
    expected = counts(forecast(catalog, planned, complete=False))
    assert expected["render"] == expected["score"] == expected["select"] == 1
    assert expected["encode"] == 2 * finished
    assert expected["pack"] == 1


def test_the_seconds_are_those_that_were_measured_here(catalog: Catalog, settings, tmp_path: Path) -> None:
    produce(catalog, plan(catalog, settings, tmp_path, **ALL))
    with closing(sqlite3.connect(settings.home / "catalog.sqlite3")) as connection:
        connection.execute("UPDATE activity SET seconds = 50 WHERE kind = 'score'")
        connection.commit()
    songs = album_document()["songs"]
    songs[0]["seeds"] = [7, 8]
    changed = plan(catalog, settings, tmp_path, songs=songs, **ALL)
    stages = {stage.stage: stage for stage in forecast(catalog, changed, complete=False).stages}
    assert stages["score"].seconds == pytest.approx(2 * 50 / settings.worker_count)


def test_the_plan_tells_stages_as_json(
    catalog: Catalog, settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SONGLINE_HOME", str(settings.home))
    path = write_album(tmp_path / "album")
    plan_command(path, explain=False, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert [stage["stage"] for stage in document["stages"]] == ["render", "score", "select", "master", "encode", "pack"]
    assert set(document["stages"][0]) == {"stage", "count", "seconds", "stored_bytes"}


def wordless(song):
    return {name: value for name, value in song.items() if name != "lyrics"} | {"instrumental": True}


SHAPES = {
    "one gain": {"mastering": {"profile": "streaming", "mode": "album"}},
    "enhanced": {"enhance": "basic"},
    "a song without words": {"songs": [album_document()["songs"][0], wordless(album_document()["songs"][1])], **ALL},
    "deliverables of a song": {"songs": [album_document()["songs"][0] | {"deliverables": ["wav24", "wav16"]}]},
    "one song": {"songs": album_document()["songs"][:1]},
    "titles with dots": {
        "album": {"id": "small", "title": "A · B", "artist": "Ada Vale"},
        "songs": [song | {"title": "One · Two · One"} for song in album_document()["songs"]],  # type: ignore[attr-defined]
    },
}


@pytest.mark.parametrize("changes", SHAPES.values(), ids=SHAPES)
def test_what_is_counted_is_what_is_done_for_albums_of_every_shape(
    catalog: Catalog, settings, tmp_path: Path, changes
) -> None:
    planned = plan(catalog, settings, tmp_path, **changes)
    before = counts(forecast(catalog, planned, complete=False))
    _, executor = produce(catalog, planned)
    assert len(executor.rendered) + len(executor.steps) == sum(before.values())
    assert forecast(catalog, planned, complete=False).stages == ()


def test_songs_of_one_title_are_counted_with_their_own_lengths(catalog: Catalog, settings, tmp_path: Path) -> None:
    songs = album_document()["songs"]
    alike = [songs[0] | {"title": "A · B", "length_s": length_s, "seeds": [1]} for length_s in (10, 20)]
    songs = [song | {"id": f"song-{number}"} for number, song in enumerate(alike)]
    changes = {"songs": songs, "mastering": {"profile": "streaming"}}
    produce(catalog, plan(catalog, settings, tmp_path, **changes), "select")
    both = {
        stage.stage: stage
        for stage in forecast(catalog, plan(catalog, settings, tmp_path, **changes), complete=False).stages
    }
    own = []
    for song in songs:
        alone = plan(catalog, settings, tmp_path, **changes | {"songs": [song]})
        own.append({stage.stage: stage.seconds for stage in forecast(catalog, alone, complete=False).stages})
    for stage in ("master", "encode"):
        assert own[1][stage] == pytest.approx(2 * own[0][stage])
        assert both[stage].seconds == pytest.approx(own[0][stage] + own[1][stage])


def test_what_failed_for_good_is_told_and_not_counted(
    catalog: Catalog, settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gates = {"gates": {"integrated_lufs": {"min": -1}}}
    planned = plan(catalog, settings, tmp_path, selection=gates)
    produce(catalog, planned)
    expected = forecast(catalog, planned, complete=False)
    assert expected.stages == ()

    monkeypatch.setenv("SONGLINE_HOME", str(settings.home))
    plan_command(tmp_path / "album" / "album.yaml", explain=False, as_json=False)
    words = capsys.readouterr().out
    assert "Song One: No winner" in words
    assert "Nothing else is to be done. They would fail again in the same way" in words
    assert "to do" not in words


def test_a_manifest_that_takes_the_place_of_another_album_is_warned_of(
    catalog: Catalog, settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = plan(catalog, settings, tmp_path)
    songs = [song | {"id": f"other-{song['id']}"} for song in album_document()["songs"]]  # type: ignore[attr-defined]
    path = write_album(tmp_path / "second", album_document(songs=songs))
    second = read_album(path, settings)
    assert reused_id_warning(catalog, first.album) is None
    assert "had other songs (one, two)" in reused_id_warning(catalog, second)
    monkeypatch.setenv("SONGLINE_HOME", str(settings.home))
    plan_command(path, explain=False, as_json=True)
    assert "give it another `id`" in json.loads(capsys.readouterr().out)["warnings"][-1]
