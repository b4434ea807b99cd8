"""A large album asks the catalog as few questions as a small one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.plan.status import songs_of
from flows.pipeline.forecast import finished_result, forecast
from flows.pipeline.progress import Progress
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.bench.free_engine import free_line
from tests.bench.scale import manifest, rendered
from tests.support.inline_executor import produce
from tests.support.statements import counted

SMALL, LARGE, SEEDS = 2, 9, 3


@pytest.fixture(autouse=True)
def free():
    with free_line():
        yield


@pytest.fixture
def album_of(settings, tmp_path: Path):
    def read(songs, seeds=SEEDS, *, listed=lambda songs: songs):
        document = manifest(songs, seeds)
        document["album"]["id"] = f"scale-{songs}"
        document["songs"] = listed(document["songs"])
        path = tmp_path / "album.json"
        path.write_text(json.dumps(document))
        return read_album(path, settings)

    return read


def look(catalog, planned, until="select"):
    return asyncio.run(finished_result(catalog, planned, Progress(planned.songs), until))


def statements(catalog, work):
    with counted(catalog.database) as sent:
        work()
    return len(sent)


@pytest.mark.both_databases
def test_planning_and_looking_take_as_many_statements_for_any_number_of_songs(catalog: Catalog, album_of) -> None:
    albums = {songs: album_of(songs) for songs in (SMALL, LARGE)}

    def plan():
        return {
            songs: statements(catalog, lambda a=album: declare_album(catalog, a)) for songs, album in albums.items()
        }

    first = plan()
    assert first[SMALL] == first[LARGE] <= 30
    again = plan()
    assert again[SMALL] == again[LARGE] < first[SMALL]
    for work in (
        lambda planned: look(catalog, planned),
        lambda planned: forecast(catalog, planned, complete=False),
        lambda planned: songs_of(catalog.database, planned.album.id),
    ):
        planned = [declare_album(catalog, album) for album in albums.values()]
        few, many = (statements(catalog, lambda w=work, p=p: w(p)) for p in planned)
        assert few == many <= 8


@pytest.mark.both_databases
def test_a_finished_album_is_seen_to_be_finished_in_as_many_statements_for_any_number_of_songs(
    catalog: Catalog, album_of
) -> None:
    counts = []
    for songs in (1, 5):
        planned = declare_album(catalog, album_of(songs, seeds=2))
        assert produce(catalog, planned, "select")[0].failures == {}
        counts.append(statements(catalog, lambda p=planned: look(catalog, p)))
        assert look(catalog, planned) is not None
    assert counts[0] == counts[1] <= 20


@pytest.mark.both_databases
def test_a_plan_that_changes_keeps_drops_and_brings_back_songs_and_candidates(catalog: Catalog, album_of) -> None:
    def standing(album):
        declare_album(catalog, album)
        return [
            (song.id, song.title, [c.seed for c in song.candidates]) for song in songs_of(catalog.database, album.id)
        ]

    whole = album_of(3)
    before = standing(whole)
    assert [seeds for _, _, seeds in before] == [[1, 2, 3]] * 3
    changed = album_of(3, 2, listed=lambda songs: [{**songs[2], "title": "Renamed"}, songs[0]])
    assert standing(changed) == [("song-3", "Renamed", [1, 2]), ("song-1", "Song 1", [1, 2])]
    assert standing(whole) == before


@pytest.mark.both_databases
def test_a_candidate_and_a_song_cost_few_statements(catalog: Catalog, album_of) -> None:
    songs, seeds = 4, 10
    planned = declare_album(catalog, album_of(songs, seeds))
    keys = [candidate.render_key for song in planned.songs for candidate in song.candidates]
    render = statements(catalog, lambda: rendered(catalog, keys)) / len(keys)
    score = statements(catalog, lambda: produce(catalog, planned, "score")) / len(keys)
    select = statements(catalog, lambda: produce(catalog, planned, "select")) / songs
    assert (render <= 4, score <= 6, select <= 20) == (True, True, True), (render, score, select)
