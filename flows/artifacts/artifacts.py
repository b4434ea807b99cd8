"""Artifacts of an album's run in the Prefect UI: a progress bar, its songs, their scores, a report, a link."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

import httpx
from prefect.artifacts import acreate_markdown_artifact, acreate_progress_artifact, aupdate_progress_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.runtime import flow_run

from catalog.catalog import Catalog
from catalog.plan.plan import PlannedAlbum
from catalog.plan.status import SongRow, songs_of
from flows.artifacts.album_runs import runs_of_album, runs_page
from flows.artifacts.pages import SONGS_SHOWN, Failures, report, safe, scores_page, songs_page
from flows.pipeline.pipeline import PipelineResult
from flows.pipeline.progress import Progress

EVERY_S = 2.0
PAGES_EVERY_S = 10.0
PAGE = 200
NOT_IN_KEYS = re.compile(r"[^a-z0-9]+")


@contextmanager
def ignore_display_errors() -> Iterator[None]:
    """Ignore Prefect API errors: artifacts are display only, so a page that cannot be written never fails the album."""
    with suppress(httpx.HTTPError, PrefectException):
        yield


def page_key(name: str, album_id: str) -> str:
    """The key of an album's page, in the characters that Prefect allows in keys."""
    return NOT_IN_KEYS.sub("-", f"{name}-{album_id}".lower())


async def artifacts_of(artifact_filter: ArtifactFilter) -> list[Artifact]:
    """All artifacts that match the filter."""
    artifacts: list[Artifact] = []
    async with get_client() as client:
        while batch := await client.read_artifacts(artifact_filter=artifact_filter, limit=PAGE, offset=len(artifacts)):
            artifacts += batch
    return artifacts


class ProgressArtifact:
    """A progress bar in the UI that follows ``progress`` while the block runs.

    There is one per album: a later run replaces an earlier one's, so that it is found with the newest run and is
    removed with that run's records.
    """

    def __init__(self, progress: Progress, *, album_id: str, description: str) -> None:
        self._progress = progress
        self._key = page_key("progress", album_id)
        self._description = description
        self._id: UUID | None = None
        self._follow_task: asyncio.Task[None] | None = None
        self._sent_percent: float | None = None
        self.is_over = False
        """Whether the work has ended, even where songs have failed: the bar is full then."""

    async def __aenter__(self) -> ProgressArtifact:
        with ignore_display_errors():
            await self._begin()
        self._follow_task = asyncio.create_task(self._follow())
        return self

    async def _begin(self) -> None:
        pages = await artifacts_of(ArtifactFilter(key=ArtifactFilterKey(any_=[self._key])))
        own_pages = [page for page in pages if page.flow_run_id is not None and str(page.flow_run_id) == flow_run.id]
        if own_pages:
            self._id = own_pages[0].id
        else:
            artifact = await acreate_progress_artifact(0.0, key=self._key, description=safe(self._description))
            self._id = artifact if isinstance(artifact, UUID) else artifact.id
        async with get_client() as client:
            for page in pages:
                if page.id != self._id:
                    with suppress(ObjectNotFound):
                        await client.delete_artifact(page.id)

    async def __aexit__(self, *_: object) -> None:
        if self._follow_task:
            self._follow_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._follow_task
        await self._send()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await self._send()

    async def _send(self) -> None:
        percent = 100.0 if self.is_over else round(100 * self._progress.share, 1)
        if self._id is None or percent == self._sent_percent:
            return
        with ignore_display_errors():
            await aupdate_progress_artifact(self._id, percent)
            self._sent_percent = percent


class ArtifactWriter:
    """Pages of the current flow run by name.

    Each is created once and then updated in place, and only where its text has changed: a run leaves as many records
    as it has pages, however long it takes and however often it is retried. Their keys end in the album's id, as
    Prefect lists all artifacts of one key as versions of one.
    """

    def __init__(self, album_id: str) -> None:
        self._album_id = album_id
        self._pages: dict[str, tuple[UUID, str]] = {}
        self._earlier_pages: dict[str, UUID] | None = None

    async def show(self, name: str, text: str, *, description: str) -> None:
        """Set the text of the page."""
        page_id, shown_text = self._pages.get(name, (None, None))
        if shown_text == text:
            return
        with ignore_display_errors():
            key = page_key(name, self._album_id)
            page_id = page_id or (await self._pages_of_earlier_tries()).get(key)
            if page_id is None:
                page_id = await acreate_markdown_artifact(text, key=key, description=description)
            else:
                async with get_client() as client:
                    await client.update_artifact(page_id, ArtifactUpdate(data=text))
            self._pages[name] = (page_id, text)

    async def _pages_of_earlier_tries(self) -> dict[str, UUID]:
        """The pages of this flow run from before it was retried, by key."""
        if self._earlier_pages is None:
            run_ids = [UUID(flow_run.id)] if flow_run.id else []
            pages = (
                await artifacts_of(ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=run_ids))) if run_ids else []
            )
            self._earlier_pages = {page.key: page.id for page in pages if page.key}
        return self._earlier_pages


class AlbumArtifacts:
    """The pages of an album, updated while it is made: its songs by state, the scores of each song as soon as it is
    decided, and at the end a report."""

    def __init__(self, catalog: Catalog, planned: PlannedAlbum) -> None:
        self._catalog = catalog
        self._album = planned.album
        self._is_large = len(planned.songs) > SONGS_SHOWN
        self._writer = ArtifactWriter(planned.album.id)
        self._next_update_s = 0.0

    async def show(self, failures: Failures, *, now: bool = False, note: str = "") -> None:
        """Show what has changed. Updates are throttled, unless ``now`` is set."""
        if now or time.monotonic() >= self._next_update_s:
            await self._show(failures, note)

    async def finish(self, result: PipelineResult) -> None:
        """Show the final results."""
        songs = await self._show(result.failures)
        await self._show_scores(songs)
        export_command = f"songline export {self._album.id} --out DIR" if result.release_key else None
        text = report(self._album.title, songs, result.failures, fetch=export_command)
        await self._writer.show("report", text, description="The whole album in prose")

    async def link(self, address: str) -> None:
        """Link to the listening page. Browsers follow no link from the UI to a file, so a path is shown as text."""
        is_served = address.startswith(("http://", "https://"))
        text = f"[Open the listening page]({address})"
        if not is_served:
            text = f"The listening page is `{address}` on the machine of the worker.\n\n"
            text += "Serve that folder and set `SONGLINE_RELEASES_URL`: then a link is shown here."
        await self._writer.show("listen", text, description=f"Listen to {safe(self._album.title)}")

    async def _show(self, failures: Failures, note: str = "") -> list[SongRow]:
        self._next_update_s = time.monotonic() + PAGES_EVERY_S
        songs = songs_of(self._catalog.database, self._album.id, documents=not self._is_large)
        text = songs_page(self._album.title, songs, failures, album_id=self._album.id, note=note)
        await self._writer.show("songs", text, description="How far each song is, and why")
        await self._show_scores([song for song in songs if song.decision])
        await self._show_runs()
        return songs

    async def _show_runs(self) -> None:
        """Show the album's runs on the work pools, if there are any."""
        with ignore_display_errors():
            if runs := await runs_of_album(self._album.id):
                text = runs_page(self._album.title, runs, album_id=self._album.id)
                await self._writer.show("runs", text, description="Renders and finishes, each with a link to its run")

    async def _show_scores(self, songs: list[SongRow]) -> None:
        if not self._is_large:
            for song in songs:
                await self._writer.show(
                    f"scores-{song.id}", scores_page(song), description=f"Takes of {safe(song.title)}"
                )
