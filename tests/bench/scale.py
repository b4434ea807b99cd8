"""A thousand songs through the house with an engine that costs nothing: seconds by stage, candidates a second, memory.

``python -m tests.bench.scale --songs 1000 --seeds 10 --database sqlite|postgres``; ``--profile STAGE`` tells where the
time of one stage goes.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from catalog.album.album import Album
from catalog.catalog import Catalog, open_catalog
from catalog.common.settings import Settings
from catalog.plan.plan import PlannedAlbum
from catalog.plan.status import songs_of
from flows.pipeline.forecast import finished_result, forecast
from flows.pipeline.progress import Progress
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from flows.planning.shards import render_shards
from tasks.rendering.render_shard import render_shard
from tests.bench.free_engine import FORECAST_S, free_line
from tests.support.inline_executor import HERE, produce
from tests.support.services.postgres_server import postgres_server
from tests.support.statements import counted

AT_ONCE = 180
"""Renders of one flow run: 12 minutes of a GPU at the free engine's forecast."""
LINES = 24
Found = TypeVar("Found")


def manifest(songs: int, seeds: int) -> dict[str, object]:
    """An album of songs whose words are as long as real ones."""
    return {
        "schema_version": 1,
        "album": {"id": "scale", "title": "Scale", "artist": "Ada Vale"},
        "defaults": {"engine": "free", "seeds": {"start": 1, "count": seeds}},
        "songs": [
            {
                "id": f"song-{number}",
                "title": f"Song {number}",
                "lyrics": "".join(
                    f"[{line * 3 // 60:02}:{line * 3 % 60:02}.00]Line {line} of the song with number {number}\n"
                    for line in range(1, LINES + 1)
                ),
                "prompt": f"indie pop, {80 + number % 80} BPM, A minor, warm synths, female vocal, number {number}",
            }
            for number in range(1, songs + 1)
        ],
        "stems": "none",
    }


class Stages:
    """Runs the stages one after the other and prints what each took."""

    def __init__(self, profiled: str | None) -> None:
        self._profiled = profiled

    def run(self, name: str, work: Callable[[], Found], *, catalog: Catalog | None = None, count: int = 0) -> Found:
        """Do ``work``; ``count`` is how many candidates it was about."""
        profile = cProfile.Profile() if name == self._profiled else None
        started = time.perf_counter()
        with counted(catalog.database if catalog else None) as statements:
            found = profile.runcall(work) if profile else work()
        seconds = time.perf_counter() - started
        rate = f"{count / seconds:9.0f} /s" if count else " " * 12
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{name:10} {seconds:8.2f} s {rate} {len(statements):8} statements {peak_mib:7.0f} MiB peak", flush=True)
        if profile:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(30)
        return found


def measure_planning(stages: Stages, catalog: Catalog, path: Path) -> PlannedAlbum:
    """From the manifest to the shards that would be dispatched."""
    album: Album = stages.run("read", lambda: read_album(path, catalog.settings))
    count = sum(len(song.seeds) for song in album.songs)
    planned = stages.run("plan", lambda: declare_album(catalog, album), catalog=catalog, count=count)
    stages.run("plan again", lambda: declare_album(catalog, album), catalog=catalog, count=count)
    stages.run("forecast", lambda: forecast(catalog, planned, complete=False), catalog=catalog, count=count)
    assert stages.run("peek", lambda: looked(catalog, planned), catalog=catalog, count=count) is None
    stages.run("status", lambda: songs_of(catalog.database, album.id, documents=False), catalog=catalog, count=count)
    keys = [c.render_key for song in planned.songs for c in song.candidates]
    cut = list(render_shards(planned, set(keys), shard_s=720.0, expected_s=dict.fromkeys(keys, FORECAST_S)))
    print(f"           {len(cut)} GPU flow runs for {len(keys)} candidates")
    return planned


def measure_making(stages: Stages, catalog: Catalog, planned: PlannedAlbum) -> None:
    """From the plan to the selections."""
    keys = [c.render_key for song in planned.songs for c in song.candidates]
    count = len(keys)
    stages.run("render", lambda: rendered(catalog, keys), catalog=catalog, count=count)
    stages.run("score", lambda: produce(catalog, planned, "score"), catalog=catalog, count=count)
    produced, _ = stages.run("select", lambda: produce(catalog, planned, "select"), catalog=catalog, count=count)
    assert not produced.failures
    assert stages.run("peek done", lambda: looked(catalog, planned), catalog=catalog, count=count) is not None
    songs = stages.run(
        "status", lambda: songs_of(catalog.database, planned.album.id, documents=False), catalog=catalog, count=count
    )
    assert all(song.winner for song in songs)


def looked(catalog: Catalog, planned: PlannedAlbum) -> object:
    """Whether anything is missing up to the selections."""
    return asyncio.run(finished_result(catalog, planned, Progress(planned.songs), "select"))


def rendered(catalog: Catalog, keys: Sequence[str]) -> None:
    """Every render, as many at once as a flow run makes."""
    for start in range(0, len(keys), AT_ONCE):
        statuses = render_shard(catalog, keys[start : start + AT_ONCE], HERE)
        assert all(standing.finished for standing in statuses.values())


@contextmanager
def house_of(database: str, folder: Path) -> Iterator[Catalog]:
    """An empty catalog on the database that was asked for; artifacts in a folder."""
    with ExitStack() as stack:
        url = ""
        if database == "postgres":
            url = stack.enter_context(stack.enter_context(postgres_server()).catalog())
        yield stack.enter_context(open_catalog(Settings(home=folder / "home", database_url=url, workers=2)))


def main() -> None:
    """Measure, in a folder that is removed afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--plan-only", action="store_true", help="stop before anything is rendered")
    parser.add_argument("--profile", metavar="STAGE", help="tell where the time of one stage goes")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="songline-scale-") as name, free_line():
        folder = Path(name)
        path = folder / "album.json"
        path.write_text(json.dumps(manifest(given.songs, given.seeds)))
        size = path.stat().st_size
        print(f"{given.songs} songs x {given.seeds} seeds on {given.database}, a manifest of {size} bytes")
        with house_of(given.database, folder) as catalog:
            stages = Stages(given.profile)
            planned = measure_planning(stages, catalog, path)
            if not given.plan_only:
                measure_making(stages, catalog, planned)


if __name__ == "__main__":
    main()
