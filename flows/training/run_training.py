"""Runs the steps of a training on this machine's workers, within a flow run: latents and styles, then the training.

Latents and styles are made in worker processes that end before the training begins, so that their models take no memory
from it; previews have a process of their own beside it.
"""

from __future__ import annotations

import asyncio
from contextlib import closing

from catalog.catalog import Catalog
from catalog.common.errors import SonglineError
from catalog.ledger.checkpoints import checkpoints_of
from catalog.ledger.results import StepResult
from catalog.ledger.work import StepRequest
from flows.pipeline.progress import Progress
from flows.pipeline.task_executor import PrefectExecutor
from flows.training.finished import Materials, Trained, preview_made
from flows.training.progress import PreviewMade, ProgressReporter
from tasks.prefect_tasks import PrefectTasks
from tasks.training.steps.document import TrainingDocument
from tasks.training.steps.progress import status_of
from tasks.worker_pool import WorkerPool

WATCH_S = 1.0


async def run_training(catalog: Catalog, document: TrainingDocument, reporter: ProgressReporter) -> Trained:
    """Bring a training to its end; ``reporter`` is told how it goes. Raises the error of a step that failed.

    A preview that fails is reported in the result and stops nothing.
    """
    prepared = await _prepare(catalog, document, reporter)
    request = document.train_request(prepared.moments, prepared.styles)
    with closing(WorkerPool(catalog.settings)) as pool, closing(WorkerPool(catalog.settings)) as preview_pool:
        previews = _Previews(catalog, document, prepared, _executor(catalog, preview_pool), reporter)
        watching = asyncio.create_task(_watch(catalog, request.key, reporter, previews))
        try:
            result = await _executor(catalog, pool).step(request, f"Train {document.name}")
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        reporter.set(is_trained=True)
        await previews.finish(result)
    return Trained(request.key, result, prepared.moments, tuple(previews.of_result), previews.failures)


async def _prepare(catalog: Catalog, document: TrainingDocument, reporter: ProgressReporter) -> Materials:
    """Encode every song and make every style, each at most once ever."""
    with closing(WorkerPool(catalog.settings)) as pool:
        executor = _executor(catalog, pool)

        async def encode(index: int) -> str:
            song = document.songs[index]
            result = await executor.step(document.encode_request(song), f"Encode {song.name}")
            reporter.set(encoded=reporter.progress.encoded + 1)
            return result.made["moments"]

        async def style(index: int) -> str:
            song = document.songs[index]
            request = document.style_request(song)
            made = (await executor.step(request, f"Style of {song.name}")).made["style"] if request else None
            reporter.set(styled=reporter.progress.styled + 1)
            return made or str(song.style["vector"])

        async def preview_style(prompt: str, request: StepRequest) -> tuple[str, str]:
            return prompt, (await executor.step(request, "Style of a preview")).made["style"]

        everyone = range(len(document.songs))
        moments = await asyncio.gather(*map(encode, everyone))
        styles = await asyncio.gather(*map(style, everyone))
        previews = [await preview_style(prompt, request) for prompt, request in document.preview_styles().items()]
    names = [song.name for song in document.songs]
    return Materials(dict(zip(names, moments, strict=True)), dict(zip(names, styles, strict=True)), dict(previews))


async def _watch(catalog: Catalog, key: str, reporter: ProgressReporter, previews: _Previews) -> None:
    """Tell how far the training is, and have previews made, until cancelled."""
    while True:
        await asyncio.sleep(WATCH_S)
        if status := status_of(catalog.settings.home, key):
            reporter.set(status=status)
        previews.start_due(key)


class _Previews:
    """The previews of a training: one for each prompt every so many steps, and those of the result."""

    def __init__(
        self,
        catalog: Catalog,
        document: TrainingDocument,
        prepared: Materials,
        executor: PrefectExecutor,
        reporter: ProgressReporter,
    ) -> None:
        self._catalog = catalog
        self._document = document
        self._prepared = prepared
        self._executor = executor
        self._reporter = reporter
        self._done_for = 0
        self._running: list[asyncio.Task[PreviewMade | None]] = []
        self.of_result: list[PreviewMade] = []
        self.failures: dict[str, SonglineError] = {}

    def start_due(self, key: str) -> None:
        """Start the previews of the newest checkpoint where enough steps have been made since the last."""
        every = self._document.previews.every
        if not every or not all(task.done() for task in self._running):
            return
        newest = next(iter(checkpoints_of(self._catalog.database, key)), None)
        if newest is None or newest.number // every <= self._done_for // every:
            return
        self._done_for = newest.number
        self._running = self._started(newest.number, newest.adapter_digest)

    async def finish(self, result: StepResult) -> None:
        """Wait for the previews under way, and make those of the result."""
        await asyncio.gather(*self._running)
        made = await asyncio.gather(*self._started(int(result.result["best_step"]), result.made["adapter"]))
        self.of_result = [preview for preview in made if preview is not None]

    def _started(self, step: int, adapter: str) -> list[asyncio.Task[PreviewMade | None]]:
        styles = self._prepared.preview_styles.items()
        return [asyncio.create_task(self._make(step, adapter, prompt, style)) for prompt, style in styles]

    async def _make(self, step: int, adapter: str, prompt: str, style: str) -> PreviewMade | None:
        request = self._document.preview_request(adapter, style, self._prepared.moments)
        try:
            result = await self._executor.step(request, f"Preview of step {step}")
        except SonglineError as error:
            self.failures[prompt] = error
            return None
        preview = preview_made(step, prompt, result)
        self._reporter.set(previews=(*self._reporter.progress.previews, preview))
        return preview


def _executor(catalog: Catalog, pool: WorkerPool) -> PrefectExecutor:
    return PrefectExecutor(catalog, PrefectTasks(pool), Progress(()), (), limits={})
