"""What an album's run shows in the Prefect UI: a progress bar, tables of scores and selection, a report."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from uuid import UUID

import httpx
from prefect.artifacts import (
    acreate_link_artifact,
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
)
from prefect.exceptions import PrefectException

from catalog.errors import SonglineError
from catalog.house import House
from catalog.songs import SongRow, songs_of
from flows.line import Produced
from flows.progress import Progress

EVERY_S = 2.0
WALL_EVERY_S = 10.0
TABLES_AT_MOST = 100
"""Songs with a score table of their own: of a larger album the catalog tells (`songline scores`)."""
CELL_UNSAFE = re.compile(r"([\\`*_{}\[\]<>|#])")


@contextmanager
def only_shown() -> Iterator[None]:
    """Prefect shows, the catalog counts: a page that cannot be written never fails the album."""
    with suppress(httpx.HTTPError, PrefectException):
        yield


class ProgressArtifact:
    """A progress bar in the UI that follows ``progress`` while the block runs."""

    def __init__(self, progress: Progress, *, description: str) -> None:
        self._progress = progress
        self._description = description
        self._id: UUID | None = None
        self._following: asyncio.Task[None] | None = None

    async def __aenter__(self) -> ProgressArtifact:
        with only_shown():
            created = await acreate_progress_artifact(0.0, key="progress", description=_safe(self._description))
            self._id = created if isinstance(created, UUID) else created.id
        self._following = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._following:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following
        await self._send()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await self._send()

    async def _send(self) -> None:
        if self._id is None:
            return
        with only_shown():
            await aupdate_progress_artifact(self._id, round(100 * self._progress.share, 1))


class Wall:
    """Tables of an album in Prefect's pages, kept up to date while it is made: its songs by state, and the scores of
    each song as soon as it is decided."""

    def __init__(self, house: House, album_id: str) -> None:
        self._house = house
        self._album_id = album_id
        self._shown: list[dict[str, str]] = []
        self._scored: dict[str, str] = {}
        self._due = 0.0

    async def show(self, failures: Mapping[str, SonglineError], *, now: bool = False) -> None:
        """Publish what has changed. Between two looks there is some time, unless it is to be ``now``."""
        if not now and time.monotonic() < self._due:
            return
        self._due = time.monotonic() + WALL_EVERY_S
        songs = songs_of(self._house.database, self._album_id, documents=False)
        rows = [_song_row(song, failures.get(song.id)) for song in songs]
        if rows != self._shown:
            self._shown = rows
            with only_shown():
                await acreate_table_artifact(rows, key="songs", description="How far each song is")
        decided = {song.id: song.winner for song in songs if song.winner and not song.waiting}
        if len(songs) <= TABLES_AT_MOST and decided != self._scored:
            await self._show_scores({song_id for song_id in decided if decided[song_id] != self._scored.get(song_id)})
            self._scored = decided

    async def _show_scores(self, song_ids: Collection[str]) -> None:
        with only_shown():
            for song in songs_of(self._house.database, self._album_id):
                if song.id in song_ids:
                    await _publish_scores(song)


def _song_row(song: SongRow, failure: SonglineError | None) -> dict[str, str]:
    states = Counter(candidate.state for candidate in song.candidates)
    errors = [c.error for c in song.candidates if c.error and c.state == "failed"]
    trouble = str(failure) if failure else "; ".join(f"{e.get('error')}. {e.get('remedy')}." for e in errors)
    return {
        "song": song.title,
        "state": song.state,
        "rendered": f"{states['rendered']} of {len(song.candidates)}",
        "failed": str(states["failed"]),
        "winner": song.winner or "-",
        "trouble and remedy": trouble or "-",
    }


async def _publish_scores(song: SongRow) -> None:
    await acreate_table_artifact(_score_table(song), key=_key("scores", song), description=_safe(song.title))


async def publish_link(address: str, *, title: str) -> None:
    """A link to the album's listening page."""
    with only_shown():
        await acreate_link_artifact(address, link_text=f"Listen to {title}", key="listen", description=_safe(title))


async def publish_album(house: House, album_id: str, produced: Produced) -> None:
    """Tables of scores and selection for each song, and one report, as artifacts of the current flow run."""
    songs = songs_of(house.database, album_id)
    with only_shown():
        for song in songs[:TABLES_AT_MOST]:
            await _publish_scores(song)
        await acreate_table_artifact(_selection_table(songs), key="selection", description="Who was picked, and why")
        await acreate_markdown_artifact(report(album_id, songs, produced), key="report", description="Report")


def report(album_id: str, songs: Sequence[SongRow], produced: Produced) -> str:
    """The album's run as markdown; titles cannot break out of it."""
    lines = [f"# {_safe(album_id)}", ""]
    for song in songs:
        sentence = song.decision["sentence"] if song.decision else "Not decided yet."
        lines += [f"## {_safe(song.title)}", "", _safe(str(sentence)), ""]
        if song.id in produced.failures:
            lines += [f"**Failed:** {_safe(str(produced.failures[song.id]))}", ""]
    return "\n".join(lines)


def _score_table(song: SongRow) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for candidate in song.decision["candidates"] if song.decision else ():
        failed = [gate["name"] for gate in candidate["gates"] if not gate["passed"]]
        rows.append(
            {
                "candidate": candidate["id"],
                "seed": str(candidate["seed"]),
                "rank": str(candidate["rank"] or "-"),
                "gates": f"failed: {', '.join(failed)}" if failed else "passed",
                "why": candidate["sentence"],
            }
        )
    return rows or [{"candidate": c.id, "seed": str(c.seed), "state": c.state} for c in song.candidates]


def _selection_table(songs: Sequence[SongRow]) -> list[dict[str, str]]:
    return [
        {
            "song": song.title,
            "winner": song.winner or "-",
            "why": str(song.decision["sentence"]) if song.decision else "not decided",
        }
        for song in songs
    ]


def _key(prefix: str, song: SongRow) -> str:
    return f"{prefix}-{re.sub(r'[^a-z0-9]+', '-', song.id.lower()).strip('-')}"


def _safe(text: str) -> str:
    return CELL_UNSAFE.sub(r"\\\1", " ".join(text.split()))
