"""Handing an album over to work pools, and having a run in charge of it for as long as it is active."""

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
    """Store the plan of an album, and have a run take charge of it. The same wish again changes nothing while a run
    is at it, and continues where none is. Raises MachineError where there is no server to hand it to."""
    dispatcher = dispatcher or PrefectRunLauncher()
    dispatcher.statuses(["00000000-0000-0000-0000-000000000000"])  # nothing is stored for a server that is not there
    planned = declare_plan(catalog, planned)
    dispatcher.reconcile_often(True)  # before the album is active: whatever dies from here on, a run finds it
    standing = submit(
        catalog.database, SubmissionRequest(planned.album.id, planned.digest, until, priority, max_gpu_minutes)
    )
    if digest_of_plan(catalog.database, planned.album.id) != planned.digest:
        raise WorkError(
            "another manifest of this album was submitted in the same moment", remedy="Submit the one again"
        )
    return ensure_coordinated(catalog, standing, dispatcher)


def ensure_coordinated(catalog: Catalog, submission: Submission, dispatcher: RunLauncher) -> Submission:
    """Have a run take charge of an active album that has none; gives how it stands then."""
    database, starting_s = catalog.database, catalog.settings.starting_s
    album_id, attempt = submission.request.album_id, submission.attempt
    if submission.flow_run_id:
        standing = dispatcher.statuses([submission.flow_run_id]).get(submission.flow_run_id)
        if standing is not None and standing.state == "starting" and standing.for_s > starting_s:
            dispatcher.mark_crashed(submission.flow_run_id, "its worker took it and never began")
        elif standing is not None and standing.state != "ended":
            return submission
        taken = claim_attempt(database, album_id, after=attempt)
        if taken is None:
            return get_submission(database, album_id)
        attempt = taken
    run_id = dispatcher.start(
        "produce-album",
        AlbumParameters(album=album_id, attempt=attempt),
        name=f"produce · {album_id}",
        queue=submission.request.priority,
        # The time tells apart catalogs that share a Prefect server.
        key=f"album:{album_id}:{submission.counted_from:.3f}:{attempt}",
        album=album_id,
    )
    set_flow_run_id(database, album_id, run_id, attempt=attempt)
    return get_submission(database, album_id)


def pause(database: Database, album_id: str) -> Submission:
    """Let nothing new begin for an album; what runs is finished. Raises RefusedError where it is not active."""
    return _moved(database, album_id, "paused", only_from=("active",), reason="paused by hand")


def cancel(database: Database, album_id: str, dispatcher: RunLauncher) -> int:
    """Stop an album and every run of it; what is made is kept. Gives the count of runs that were stopped."""
    _moved(database, album_id, "cancelled", only_from=("active", "paused", "cancelled"), reason="cancelled by hand")
    return dispatcher.cancel_all(album_id)


def resume(
    catalog: Catalog, album_id: str, dispatcher: RunLauncher, *, max_gpu_minutes: float | None = None
) -> Submission:
    """Go on with an album that stands still; its budget, the old one where none is given, counts from now."""
    standing = get_submission(catalog.database, album_id)
    if standing.state in ("active", "done"):
        raise RefusedError(f"album {album_id!r} is {standing.state}", remedy="Only one that stands still is resumed")
    request = standing.request
    minutes = max_gpu_minutes if max_gpu_minutes is not None else request.max_gpu_minutes
    request = SubmissionRequest(album_id, request.manifest_digest, request.until, request.priority, minutes)
    dispatcher.reconcile_often(True)
    return ensure_coordinated(catalog, submit(catalog.database, request), dispatcher)


def get_submission(database: Database, album_id: str) -> Submission:
    """How an album stands that was submitted. Raises InputError for others."""
    found = submission_of(database, album_id)
    if found is None:
        raise InputError(f"album {album_id!r} was never submitted", remedy="Run `songline submit` with its manifest")
    return found


def _moved(
    database: Database,
    album_id: str,
    to: Literal["paused", "cancelled"],
    *,
    only_from: tuple[SubmissionState, ...],
    reason: str,
) -> Submission:
    if not transition(database, album_id, to, only_from=only_from, reason=reason):
        state = get_submission(database, album_id).state
        raise RefusedError(f"album {album_id!r} is {state}, so it cannot be {to}", remedy="See `songline status`")
    return get_submission(database, album_id)
