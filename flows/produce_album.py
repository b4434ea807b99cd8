"""The flow that coordinates a submitted album: it has missing work done on the pools, and packs the release."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import quote

import httpx
from prefect import Flow, State, flow
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from catalog.catalog import Catalog
from catalog.common.errors import MachineError, ServerAway
from catalog.common.redaction import shareable
from catalog.ledger.submissions import Submission, claim_attempt, set_flow_run_id, submit, transition
from catalog.plan.plan import set_current_release
from catalog.plan.storage import stored_plan
from catalog.release.queries import release_by_key
from flows.artifacts.artifacts import AlbumArtifacts, ProgressArtifact
from flows.orchestration.coordinator import AlbumCoordinator, Verdict
from flows.orchestration.parameters import AlbumParameters
from flows.orchestration.run_launcher import PrefectRunLauncher
from flows.orchestration.stages import Stages
from flows.orchestration.submissions import cancel, get_submission
from flows.pipeline.pipeline import PipelineResult
from flows.pipeline.progress import Progress
from flows.pipeline.retry_failed import requeue_environment_failures
from flows.pipeline.run import open_run_catalog, raise_failures, raise_if_renders_missing, run_pipeline
from flows.planning.render_time import expected_render_seconds
from flows.runtime.cancelled_tasks import end_tasks
from flows.server.notifications import notify
from tasks.delivery.package.export import write_release
from tasks.steps.errors import as_songline_error

PATIENCE_S = 600.0
"""Seconds to wait for a Prefect server that is away; after that the next run of reconcile takes over."""

LONGEST_PAUSE_S = 30.0


def note_cancelled(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Cancel the album when its coordinating run is cancelled in the Prefect UI, so that no other run continues it."""
    with open_run_catalog() as catalog:
        album = AlbumParameters.model_validate(flow_run.parameters["work"]).album
        if get_submission(catalog.database, album).flow_run_id == str(flow_run.id):
            cancel(catalog.database, album, PrefectRunLauncher())


@flow(
    name="produce-album",
    flow_run_name="produce · {work.album}",
    persist_result=False,
    on_cancellation=[note_cancelled, end_tasks],
)
async def produce_album_on_farm(work: AlbumParameters) -> str:
    """Bring a submitted album to its release. Retrying it continues from the catalog."""
    with open_run_catalog() as catalog:
        submission = _claimed_submission(catalog, work)
        if submission is None:
            return "the album is not active, or another run coordinates it"
        await _activate_reconcile()
        try:
            while (outcome := await _produce(catalog, submission)) is None:
                get_run_logger().info("the plan of the album was changed meanwhile: it is read again")
            return outcome
        except (httpx.HTTPError, PrefectException):
            raise  # the Prefect server is away: the next coordinating run continues
        except Exception as cause:
            # An error of the album or of the code would recur: do not retry it for ever.
            error = as_songline_error(cause, activity="producing the album")
            if not error.transient and _end(catalog, submission, str(error)):
                await notify(catalog.settings, subject=f"{work.album} failed", body=str(error))
            raise


async def _activate_reconcile() -> None:
    """Switch on the schedule of reconcile, also for an album that this run has made active."""
    try:
        await asyncio.to_thread(PrefectRunLauncher().switch_reconcile, True)
    except MachineError as error:
        get_run_logger().warning("the schedule of reconcile could not be switched on: %s", error)


def _claimed_submission(catalog: Catalog, work: AlbumParameters) -> Submission | None:
    """The submission that this run coordinates; None where another run does, or the album is not active.

    A run that was started by hand, or retried after the album failed, takes over under a new attempt.
    """
    status, run_id = get_submission(catalog.database, work.album), str(flow_run.id)
    is_mine = status.flow_run_id == run_id or work.attempt == status.attempt
    is_inactive = status.state in ("paused", "cancelled", "done")
    if work.attempt and (not is_mine or is_inactive):
        return None
    if status.state != "active":
        requeue_environment_failures(catalog, lambda: stored_plan(catalog.database, work.album))
        new_attempt: int | None = submit(catalog.database, status.request).attempt
    elif is_mine:
        return status
    else:
        new_attempt = claim_attempt(catalog.database, work.album, after=status.attempt)
    if new_attempt is None:
        return None
    set_flow_run_id(catalog.database, work.album, run_id, attempt=new_attempt)
    return get_submission(catalog.database, work.album)


async def _produce(catalog: Catalog, submission: Submission) -> str | None:
    """Bring the album to its end by its current plan; None where the plan changed in the meantime."""
    planned = stored_plan(catalog.database, submission.request.album_id)
    progress = Progress(planned.songs)
    artifacts = AlbumArtifacts(catalog, planned)
    coordinator = AlbumCoordinator(
        catalog,
        submission,
        planned,
        dispatcher=PrefectRunLauncher(),
        progress=progress,
        expected_s=expected_render_seconds(catalog),
    )
    stages = Stages(progress, get_run_logger().info)
    stages.begin(submission.request.until, submission.attempt)
    async with ProgressArtifact(progress, album_id=planned.album.id, description=planned.album.title) as bar:
        verdict = await _run(coordinator, artifacts, stages, catalog.settings.poll_s)
        await artifacts.show(coordinator.failures, now=True)
        if verdict == "paused":
            reason = get_submission(catalog.database, planned.album.id).reason
            note = f"Paused: {reason}. `songline resume {planned.album.id}` goes on."
            stages.log(note)
            await artifacts.show(coordinator.failures, now=True, note=note)
            await notify(catalog.settings, subject=f"{planned.album.title} is paused", body=f"{reason}")
            return f"the album is paused: {reason}"
        if verdict == "not in charge":
            return "the album was cancelled, or another run coordinates it"
        raise_if_renders_missing(catalog, planned)
        if submission.request.until == "release":
            stages.log("Packing the release.")
        result = await run_pipeline(catalog, planned, submission.request.until)
        if stored_plan(catalog.database, planned.album.id) != planned:
            return None
        await artifacts.finish(result)
        outcome = await _close(catalog, submission, result, artifacts, title=planned.album.title)
        stages.log(f"The album came to its end: {outcome}.")
        bar.is_over = True
    return outcome


async def _run(coordinator: AlbumCoordinator, artifacts: AlbumArtifacts, stages: Stages, pause_s: float) -> Verdict:
    """Run rounds until the verdict; a Prefect server that is away is waited for."""
    away_since_s: float | None = None
    while True:
        start_s = time.monotonic()
        try:
            verdict = await asyncio.to_thread(coordinator.round)
            stages.log_changes()
            await artifacts.show(coordinator.failures)
            away_since_s = None
        except ServerAway as error:
            away_since_s = away_since_s or start_s
            if start_s - away_since_s > PATIENCE_S:
                raise
            get_run_logger().warning("%s", error)
            verdict = None
        if verdict is not None:
            return verdict
        # A round of a large album takes long: spend most of the time waiting, so that others can use the database.
        await asyncio.sleep(max(pause_s, min(LONGEST_PAUSE_S, 4 * (time.monotonic() - start_s))))


async def _close(
    catalog: Catalog, submission: Submission, result: PipelineResult, artifacts: AlbumArtifacts, *, title: str
) -> str:
    """Record the end of the album, and export the release where a folder for releases is set."""
    album_id = submission.request.album_id
    if get_submission(catalog.database, album_id).attempt != submission.attempt:
        return "another run coordinates the album"
    if result.release_key:
        set_current_release(catalog.database, album_id, result.release_key)
        await _export_release(catalog, result.release_key, artifacts)
    elif result.failures:
        message = "; ".join(str(error) for error in result.failures.values())
        if _end(catalog, submission, message):
            await notify(catalog.settings, subject=f"{title} failed", body=message)
        raise_failures(result)
    warnings = "".join(f" Without {error}" for error in result.failures.values())
    if _end(catalog, submission, None):
        await notify(catalog.settings, subject=f"{title} is done", body=f"{title} is done.{warnings}")
    return f"release {result.release_key[:12]}" if result.release_key else f"done up to {submission.request.until}"


async def _export_release(catalog: Catalog, release_key: str, artifacts: AlbumArtifacts) -> None:
    release, settings = release_by_key(catalog.database, release_key), catalog.settings
    if release is None or settings.releases is None:
        return
    folder = write_release(catalog, release, settings.releases).folder
    page = (folder / "index.html").absolute().as_uri()
    if settings.releases_url:
        page = f"{shareable(settings.releases_url).rstrip('/')}/{quote(folder.name)}/index.html"
    await artifacts.link(page)


def _end(catalog: Catalog, submission: Submission, error: str | None) -> bool:
    """Record that the album is done or failed; returns whether this run was the one to record it."""
    return transition(
        catalog.database,
        submission.request.album_id,
        "failed" if error else "done",
        from_states=["active", "paused"],
        attempt=submission.attempt,
        reason=error,
    )
