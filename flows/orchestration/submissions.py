"""Submits albums to work pools, and keeps one coordinating run for each active album."""

from __future__ import annotations

from typing import Literal

from catalog.catalog import Catalog
from catalog.common.errors import InputError, RefusedError, WorkError
from catalog.ledger.submissions import (
    Priority,
    Submission,
    SubmissionRequest,
    SubmissionState,
    claim_attempt,
    set_flow_run_id,
    submission_of,
    submit,
    transition,
)
from catalog.plan.plan import PlannedAlbum
from catalog.plan.queries import digest_of_plan
from db.session import Database
from flows.orchestration.parameters import AlbumParameters
from flows.orchestration.run_launcher import PrefectRunLauncher, RunLauncher
from flows.planning.plan_album import declare_plan


def submit_album(
    catalog: Catalog,
    planned: PlannedAlbum,
    *,
    priority: Priority = "normal",
    until: str = "release",
    max_gpu_minutes: float | None = None,
    dispatcher: RunLauncher | None = None,
) -> Submission:
    """Store the plan of an album and start a run that coordinates it.

    The same submission again changes nothing while a run coordinates the album, and continues it where none does.
    Raises MachineError where no Prefect server is reachable.
    """
    dispatcher = dispatcher or PrefectRunLauncher()
    dispatcher.statuses(["00000000-0000-0000-0000-000000000000"])  # nothing is stored where no server is reachable
    planned = declare_plan(catalog, planned)
    dispatcher.switch_reconcile(True)  # before the album is active, so that reconcile notices any crash from here on
    submission = submit(
        catalog.database, SubmissionRequest(planned.album.id, planned.digest, until, priority, max_gpu_minutes)
    )
    if digest_of_plan(catalog.database, planned.album.id) != planned.digest:
        raise WorkError(
            "another manifest of this album was submitted in the same moment", remedy="Submit the one again"
        )
    return ensure_coordinated(catalog, submission, dispatcher)


def ensure_coordinated(catalog: Catalog, submission: Submission, dispatcher: RunLauncher) -> Submission:
    """Start a coordinating run for an active album that has none; returns the submission as it is then."""
    database, starting_s = catalog.database, catalog.settings.starting_s
    album_id, attempt = submission.request.album_id, submission.attempt
    if submission.flow_run_id:
        run_status = dispatcher.statuses([submission.flow_run_id]).get(submission.flow_run_id)
        if run_status is not None and run_status.state == "starting" and run_status.for_s > starting_s:
            dispatcher.mark_crashed(submission.flow_run_id, "its worker took it and never started it")
        elif run_status is not None and run_status.state != "ended":
            return submission
        new_attempt = claim_attempt(database, album_id, after=attempt)
        if new_attempt is None:
            return get_submission(database, album_id)
        attempt = new_attempt
    run_id = dispatcher.start(
        "produce-album",
        AlbumParameters(album=album_id, attempt=attempt),
        name=f"produce · {album_id}",
        queue=submission.request.priority,
        # The time distinguishes catalogs that share a Prefect server.
        key=f"album:{album_id}:{submission.counted_from:.3f}:{attempt}",
        album=album_id,
    )
    set_flow_run_id(database, album_id, run_id, attempt=attempt)
    return get_submission(database, album_id)


def pause(database: Database, album_id: str) -> Submission:
    """Start no new work for an album; running work is finished. Raises RefusedError where it is not active."""
    return _set_state(database, album_id, "paused", only_from=("active",), reason="paused by hand")


def cancel(database: Database, album_id: str, dispatcher: RunLauncher) -> int:
    """Cancel an album and all of its runs; finished work is kept. Returns the count of cancelled runs."""
    _set_state(database, album_id, "cancelled", only_from=("active", "paused", "cancelled"), reason="cancelled by hand")
    return dispatcher.cancel_all(album_id)


def resume(
    catalog: Catalog, album_id: str, dispatcher: RunLauncher, *, max_gpu_minutes: float | None = None
) -> Submission:
    """Resume a paused, cancelled or failed album. Its budget, by default the previous one, counts from now."""
    submission = get_submission(catalog.database, album_id)
    if submission.state in ("active", "done"):
        raise RefusedError(
            f"album {album_id!r} is {submission.state}",
            remedy="Only a paused, cancelled or failed album can be resumed",
        )
    request = submission.request
    minutes = max_gpu_minutes if max_gpu_minutes is not None else request.max_gpu_minutes
    request = SubmissionRequest(album_id, request.manifest_digest, request.until, request.priority, minutes)
    dispatcher.switch_reconcile(True)
    return ensure_coordinated(catalog, submit(catalog.database, request), dispatcher)


def get_submission(database: Database, album_id: str) -> Submission:
    """The submission of an album. Raises InputError where it was never submitted."""
    submission = submission_of(database, album_id)
    if submission is None:
        raise InputError(f"album {album_id!r} was never submitted", remedy="Run `songline submit` with its manifest")
    return submission


def _set_state(
    database: Database,
    album_id: str,
    to: Literal["paused", "cancelled"],
    *,
    only_from: tuple[SubmissionState, ...],
    reason: str,
) -> Submission:
    if not transition(database, album_id, to, from_states=only_from, reason=reason):
        state = get_submission(database, album_id).state
        raise RefusedError(f"album {album_id!r} is {state}, so it cannot be {to}", remedy="See `songline status`")
    return get_submission(database, album_id)
