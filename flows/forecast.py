"""What an album would take: renders that are new, and the time and disk they need."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.albums import PlannedAlbum
from catalog.house import House
from flows.execution import NotYet, Peek
from flows.line import Line, Produced
from flows.progress import Progress
from tasks.engines.registry import get_engine

AFTER_RENDER_S = 4.0
"""Scoring a candidate takes about this long on one core (see `make bench`)."""
FINISH_S = 20.0
"""Mastering, encoding and stems of a winner on one core."""
FINISH_BYTES_PER_S = 1_200_000
"""Master and deliverables of one second of a winner, in the store and in the release."""
STEMS_BYTES_PER_S = 3_200_000
"""Float stems of one second of a winner, in the store and in the release, and the mix beside them."""


@dataclass(frozen=True, slots=True)
class SongForecast:
    """One song: how many of its candidates exist, are new, or failed for good."""

    id: str
    title: str
    exists: int
    new: int
    failed: int


@dataclass(frozen=True, slots=True)
class AlbumForecast:
    """What making the album would take on this machine, seconds and bytes; ``complete`` when nothing is missing."""

    songs: tuple[SongForecast, ...]
    seconds: float
    stored_bytes: int
    complete: bool


async def peek(
    house: House, planned: PlannedAlbum, progress: Progress, until: str, *, storing: bool = True
) -> Produced | None:
    """The finished production, or None while anything is missing. Does no work."""
    try:
        return await Line(house, planned, Peek(house), progress, storing=storing).run(until)
    except NotYet:
        return None


def forecast(house: House, planned: PlannedAlbum, *, complete: bool) -> AlbumForecast:
    """Time on this machine's workers and bytes for what is missing."""
    songs: list[SongForecast] = []
    seconds, on_device_s, stored = 0.0, 0.0, 0
    standings = house.ledger.standings("render", [c.render_key for song in planned.songs for c in song.candidates])
    names = {c.recipe.engine for song in planned.songs for c in song.candidates}
    engines = {name: get_engine(name, house.settings) for name in names}
    for planned_song in planned.songs:
        keys = [c.render_key for c in planned_song.candidates]
        done = [k for k in keys if k in standings and standings[k].finished]
        failed = [k for k in keys if k in standings and standings[k].state == "failed"]
        new = [c for c in planned_song.candidates if c.render_key not in {*done, *failed}]
        for candidate in new:
            engine = engines[candidate.recipe.engine]
            expected = engine.forecast(candidate.recipe)
            seconds += AFTER_RENDER_S if engine.batches else expected.seconds + AFTER_RENDER_S
            on_device_s += expected.seconds if engine.batches else 0.0
            stored += expected.stored_bytes
        if new:
            seconds += FINISH_S
            rate = FINISH_BYTES_PER_S + (STEMS_BYTES_PER_S if planned.album.stems != "none" else 0)
            stored += int(planned_song.song.length_s * rate)
        songs.append(SongForecast(planned_song.song.id, planned_song.song.title, len(done), len(new), len(failed)))
    return AlbumForecast(tuple(songs), on_device_s + seconds / house.settings.worker_count, stored, complete)
