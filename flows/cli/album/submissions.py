"""``worker``, ``submit``, ``pause``, ``resume`` and ``cancel``: albums on work pools."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from catalog.catalog import open_catalog
from catalog.common.errors import MachineError
from catalog.common.settings import load_settings
from catalog.common.text import counted
from catalog.ledger.submissions import Priority, Submission
from catalog.plan.storage import stored_plan
from flows.cli.console.lookup import album_id
from flows.console import print_json, stdout, warn, with_song_title
from flows.pipeline.retry_failed import requeue_environment_failures
from flows.planning.plan_album import plan_album, reused_id_warning
from flows.planning.read_manifest import read_album


def submit(path: Path, *, priority: Priority, until: str, max_gpu_minutes: float | None, as_json: bool) -> None:
    """Plan the album, store the plan, and submit it to the pools."""
    settings = load_settings()
    album = read_album(path, settings)
    for line in album.warnings:
        warn(with_song_title(album, line))
    from flows.orchestration.submissions import submit_album

    with open_catalog(settings) as catalog:
        if warning := reused_id_warning(catalog, album):
            warn(warning)
        planned = plan_album(catalog, album)
        requeue_environment_failures(catalog, lambda: planned)
        submission = submit_album(catalog, planned, priority=priority, until=until, max_gpu_minutes=max_gpu_minutes)
    _print_submission(submission, as_json=as_json)


def worker(pool: str, *, name: str | None, limit: int | None, with_healthcheck: bool) -> None:
    """Serve a work pool in this process.

    The schedule of `reconcile` is switched on first, in case an album became active otherwise than by `submit`, for
    example by a restored backup. `reconcile` switches it off again where no album is active.
    """
    from flows.orchestration.run_launcher import PrefectRunLauncher
    from flows.runtime.worker import serve

    with suppress(MachineError):  # without a server, the worker itself raises the error
        PrefectRunLauncher().switch_reconcile(True)
    serve(pool, name=name, limit=limit, with_healthcheck=with_healthcheck)


def pause(album_name: str, *, as_json: bool) -> None:
    """Pause an album: start none of its further work."""
    from flows.orchestration import submissions

    settings = load_settings()
    id_of_album = album_id(album_name, settings)
    with open_catalog(settings) as catalog:
        submission = submissions.pause(catalog.database, id_of_album)
    _print_submission(submission, as_json=as_json)


def resume(album_name: str, *, max_gpu_minutes: float | None, as_json: bool) -> None:
    """Resume a paused, cancelled or failed album."""
    from flows.orchestration import submissions
    from flows.orchestration.run_launcher import PrefectRunLauncher

    settings = load_settings()
    id_of_album = album_id(album_name, settings)
    with open_catalog(settings) as catalog:
        submissions.get_submission(catalog.database, id_of_album)
        requeue_environment_failures(catalog, lambda: stored_plan(catalog.database, id_of_album))
        submission = submissions.resume(catalog, id_of_album, PrefectRunLauncher(), max_gpu_minutes=max_gpu_minutes)
    _print_submission(submission, as_json=as_json)


def cancel(album_name: str, *, as_json: bool) -> None:
    """Cancel an album and its runs; finished work is kept."""
    from flows.orchestration import submissions
    from flows.orchestration.run_launcher import PrefectRunLauncher

    settings = load_settings()
    id_of_album = album_id(album_name, settings)
    with open_catalog(settings) as catalog:
        stopped_count = submissions.cancel(catalog.database, id_of_album, PrefectRunLauncher())
    if as_json:
        print_json({"album": id_of_album, "state": "cancelled", "stopped_runs": stopped_count})
    else:
        stdout().print(
            f"{id_of_album}: cancelled, {counted(stopped_count, 'run')} stopped. "
            f"`songline resume {id_of_album}` goes on."
        )


def _print_submission(submission: Submission, *, as_json: bool) -> None:
    album = submission.request.album_id
    if as_json:
        print_json(
            {
                "album": album,
                "state": submission.state,
                "priority": submission.request.priority,
                "until": submission.request.until,
                "max_gpu_minutes": submission.request.max_gpu_minutes,
                "flow_run_id": submission.flow_run_id,
                "reason": submission.reason,
            }
        )
        return
    next_steps = {
        "active": f" `songline status {album} --watch` follows it.",
        "paused": f" `songline resume {album}` goes on.",
    }
    reason = f" ({submission.reason})" if submission.reason else ""
    stdout().print(f"{album}: {submission.state}{reason}.{next_steps.get(submission.state, '')}", soft_wrap=True)
