"""The page of a training in the Prefect UI: its loss curve, updated while it goes on."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from catalog.common.text import counted
from flows.artifacts.artifacts import ArtifactWriter
from flows.artifacts.pages import literal, safe, table
from flows.training.progress import Curves, ProgressReporter, TrainingProgress, preview_sentence
from tasks.training.steps.document import TrainingDocument

EVERY_S = 10.0
ROWS = 30


class TrainingPage:
    """Follows a reporter for as long as the block runs."""

    def __init__(self, document: TrainingDocument, reporter: ProgressReporter) -> None:
        self._document = document
        self._reporter = reporter
        self._writer = ArtifactWriter(document.name)
        self._following: asyncio.Task[None] | None = None

    async def __aenter__(self) -> TrainingPage:
        await self._show()
        self._following = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._following:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following
        await self._show()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await self._show()

    async def _show(self) -> None:
        text = training_page(self._document, self._reporter.progress)
        await self._writer.show("training", text, description=f"The training of {safe(self._document.name)}")


def training_page(document: TrainingDocument, progress: TrainingProgress) -> str:
    """The page in markdown: the stage, the curve as bars and as a table, the previews."""
    held_out = sum(song.held_out for song in document.songs)
    songs = f"{counted(len(document.songs), 'song')}, {held_out} of them held out"
    lines = [
        f"# {safe(document.name)}",
        "",
        literal(progress.sentence()),
        "",
        f"{songs}, for {safe(document.base.name)}",
    ]
    points = list(progress.status.curve) if progress.status else []
    if rows := Curves.of(points).lines():
        lines += ["", "```", *rows, "```", ""]
        shown = [point for point in points if point.held_out is not None][-ROWS:] or points[-ROWS:]
        cells = (
            (str(point.step), *("" if value is None else f"{value:.4f}" for value in (point.loss, point.held_out)))
            for point in shown
        )
        lines += table(("step", "loss", "held-out loss"), cells)
    lines += [f"- {safe(preview_sentence(preview))}" for preview in progress.previews]
    return "\n".join(lines)
