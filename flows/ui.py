"""What an album's run shows in the Prefect UI: a progress bar, tables of scores and selection, a report."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from uuid import UUID

import httpx
from prefect.artifacts import (
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
)
from prefect.exceptions import PrefectException

from catalog.house import House
from catalog.queries import SongRow, songs_of
from flows.line import Produced
from flows.progress import Progress

EVERY_S = 2.0
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


async def publish_album(house: House, album_id: str, produced: Produced) -> None:
    """Tables of scores and selection for each song, and one report, as artifacts of the current flow run."""
    songs = songs_of(house.database, album_id)
    with only_shown():
        for song in songs:
            await acreate_table_artifact(_score_table(song), key=_key("scores", song), description=_safe(song.title))
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
