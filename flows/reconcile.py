"""The flow that reconciles the pools with the catalog: frees expired leases, keeps every active album coordinated, and
continues trainings whose worker died."""

from __future__ import annotations

from datetime import UTC, datetime

from prefect import flow
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import StateType
from prefect.logging import get_run_logger

from catalog.catalog import Catalog
from catalog.common.errors import MachineError, SonglineError, WorkError
from catalog.common.text import counted
from catalog.ledger.submissions import release_expired_leases, submissions
from flows.orchestration.run_launcher import PrefectRunLauncher, RunLauncher
from flows.orchestration.submissions import ensure_coordinated
from flows.pipeline.run import open_run_catalog
from flows.runtime.cancelled_tasks import end_tasks_of_cancelled_runs
from flows.server.client import server_client
from flows.server.pruning import prune_runs
from flows.training.submitted import continue_crashed, submitted_runs

OPEN_RUNS = FlowRunFilter(
    tags=FlowRunFilterTags(any_=["album", "render", "finish"]),
    state=FlowRunFilterState(
        type=FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
    ),
)
"""Unfinished runs for albums, those of cancelled albums included."""


@flow(name="reconcile", flow_run_name="reconcile", persist_result=False)
def reconcile() -> str:
    """Compare what should run with what runs. Doing it once more is always right."""
    with open_run_catalog() as catalog, server_client() as client:
        dispatcher = PrefectRunLauncher()
        trainings = submitted_runs(client)
        continued_count = continue_crashed(catalog, dispatcher, trainings)
        is_training = continued_count > 0 or any(run.is_open for run in trainings)
        try:
            has_open_runs = is_training or bool(client.read_flow_runs(flow_run_filter=OPEN_RUNS, limit=1))
            adapt_schedule(catalog, dispatcher, has_open_runs=has_open_runs)
        except MachineError as error:  # one run more than necessary does no harm
            get_run_logger().warning("the schedule of reconcile could not be switched: %s", error)
        summary = reconcile_submissions(catalog, dispatcher)
        end_tasks_of_cancelled_runs(client)
        removed_count = prune_runs(catalog.settings, client, now=datetime.now(UTC))
    return f"{summary}, {counted(continued_count, 'training')} continued, {removed_count} old runs removed"


def adapt_schedule(catalog: Catalog, dispatcher: RunLauncher, *, has_open_runs: bool = False) -> None:
    """Switch the schedule on while an album is active or a run for one, or for a training, is unfinished; else off.

    An album may become active between the query and the switch, so the query is repeated.
    """
    is_needed = has_open_runs or bool(submissions(catalog.database, state="active"))
    dispatcher.switch_reconcile(is_needed)
    if not is_needed and submissions(catalog.database, state="active"):
        dispatcher.switch_reconcile(True)


def reconcile_submissions(catalog: Catalog, dispatcher: RunLauncher) -> str:
    """Free expired leases and ensure a coordinating run for every active album; returns a summary sentence.

    An error with one album does not stop the others. Raises WorkError after the last album, naming all that failed.
    """
    freed_count = release_expired_leases(catalog.database)
    active_albums = submissions(catalog.database, state="active")
    restarted_count, errors = 0, {}
    for submission in active_albums:
        try:
            restarted_count += ensure_coordinated(catalog, submission, dispatcher) != submission
        except SonglineError as error:
            errors[submission.request.album_id] = error
    if errors:
        message = "; ".join(f"{album_id}: {error}" for album_id, error in errors.items())
        raise WorkError(
            f"{len(errors)} of {len(active_albums)} active albums could not be coordinated: {message}",
            remedy="Correct the cause; the next run of reconcile tries again",
        )
    return (
        f"{counted(freed_count, 'lease')} freed, {counted(len(active_albums), 'album')} active, "
        f"{restarted_count} given to a new run"
    )
