"""A run over the inbox: submits new and changed albums, in order and within limits, and writes a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from catalog.album.album import Album
from catalog.catalog import Catalog
from catalog.common.errors import MachineError, SonglineError
from catalog.common.text import counted
from catalog.inbox.base import Inbox, ManifestFound
from catalog.inbox.factory import inbox_of
from catalog.inbox.status import TO_TAKE, ManifestStatus, manifest_status
from catalog.ledger.submissions import Priority, Submission
from catalog.plan.plan import PlannedAlbum
from db.session import DatabaseError
from flows.inbox.budget import (
    DEFAULT_PERIOD,
    BudgetSpent,
    GpuBudget,
    GpuEstimate,
    InUse,
    gpu_estimate,
    minutes_in_use,
    minutes_left,
)
from flows.inbox.parameters import InboxParameters
from flows.inbox.reading import ReadManifest, guarded, mark_duplicates, read_all, read_one_manifest
from flows.inbox.report import Entry, InboxReport, ManifestOutcome
from flows.inbox.time_windows import TimeWindow
from flows.planning.plan_album import plan_album
from flows.planning.read_manifest import read_album
from flows.planning.render_time import expected_render_seconds

WHY: dict[ManifestStatus, str] = {
    "new": "it is new",
    "changed": "it or a file of it changed",
    "resumed": "it continues where an earlier budget or stage ended",
    "done": "it is done, and nothing of it changed",
    "under way": "it is being made",
    "cancelled": "it was cancelled and has not changed since; submit it by hand, or change it",
    "failed": "it failed and has not changed since; submit it by hand, or change it",
    "paused": "it was paused by hand; resume it by hand, or change it",
}


BROKE_OFF = "the run stopped before it"


class Submit(Protocol):
    """Submits an album to the work pools; see :func:`flows.orchestration.submissions.submit_album`."""

    def __call__(
        self, catalog: Catalog, planned: PlannedAlbum, *, priority: Priority, until: str, max_gpu_minutes: float | None
    ) -> Submission:
        """Submit the album. Idempotent."""


def wall_clock() -> datetime:
    """The current time by this machine's clock."""
    return datetime.now(UTC)


def run_inbox(
    catalog: Catalog,
    work: InboxParameters,
    *,
    submit: Submit | None,
    clock: Callable[[], datetime] = wall_clock,
) -> InboxReport:
    """Read every manifest, submit those that are due, and write the report to the inbox. Without ``submit`` only
    report what would be done.

    Running it again submits nothing twice. Raises InputError or StoreError where there is no such inbox; later errors
    are recorded in the report, with what was done before them.
    """
    start = clock()
    inbox = inbox_of(catalog, work.place)
    listings = inbox.manifests()
    run = _InboxRun(catalog, work, inbox, submit=submit, clock=clock)
    entries = list(run.entries(listings))
    report = InboxReport(
        place=inbox.place,
        started=start,
        ended=clock(),
        hours=str(work.hours) if work.hours else None,
        budget_minutes=work.max_gpu_minutes,
        spent_before_minutes=run.in_use.total,
        entries=entries,
        dry_run=submit is None,
        trouble=str(run.trouble) if run.trouble else None,
    )
    return _with_report_written(inbox, report) if submit else report


def _with_report_written(inbox: Inbox, report: InboxReport) -> InboxReport:
    """Write the report to the inbox, and return it with its path; a failure to write is recorded in it."""
    try:
        return replace(report, left_as=inbox.leave(report.stem, report.files()))
    except SonglineError as error:
        return replace(report, trouble="; ".join(filter(None, (report.trouble, str(error)))))


class _InboxRun:
    """One run: first reads all manifests, then submits those that are due in the same order."""

    def __init__(
        self,
        catalog: Catalog,
        work: InboxParameters,
        inbox: Inbox,
        *,
        submit: Submit | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._catalog = catalog
        self._work = work
        self._inbox = inbox
        self._submit = submit
        self._clock = clock
        self._expected_s = expected_render_seconds(catalog)
        self._taken_count = 0
        self._gpu_budget = GpuBudget(None)
        self.in_use = InUse()
        self.trouble: SonglineError | DatabaseError | None = None

    def entries(self, listings: Sequence[ManifestFound]) -> Iterator[Entry]:
        """The outcome of each manifest, in the order of the inbox."""
        results = mark_duplicates(self._read(listings))
        statuses = {result.name: self._status(result) for result in results if isinstance(result, ReadManifest)}
        self._open_gpu_budget([submission for _, submission in statuses.values() if submission])
        for result in results:
            yield self._entry(result, statuses[result.name][0]) if isinstance(result, ReadManifest) else result

    def _read(self, listings: Sequence[ManifestFound]) -> list[ReadManifest | Entry]:
        results: list[ReadManifest | Entry] = []
        try:
            for item in read_all(self._inbox, listings, self._catalog.settings):
                results.append(item)
        except MachineError as error:
            self.trouble = error
        return results + [Entry(item.name, "left", BROKE_OFF) for item in listings[len(results) :]]

    def _status(self, manifest: ReadManifest) -> tuple[ManifestStatus, Submission | None]:
        return manifest_status(
            self._catalog.database,
            manifest.album_id,
            digest=manifest.digest,
            cover_digests=manifest.cover_digests,
            until=self._work.until,
        )

    def _window(self) -> TimeWindow | None:
        return self._work.hours.window_at(self._clock()) if self._work.hours else None

    def _open_gpu_budget(self, submissions: list[Submission]) -> None:
        window, now = self._window(), self._clock()
        if self._work.max_gpu_minutes is not None or window is not None:
            since = window.start.timestamp() if window else (now - DEFAULT_PERIOD).timestamp()
            self.in_use = minutes_in_use(self._catalog, submissions, self._expected_s, since=since)
        self._gpu_budget = GpuBudget(minutes_left(self._work, window, now, in_use=self.in_use))

    def _entry(self, manifest: ReadManifest, status: ManifestStatus) -> Entry:
        if status not in TO_TAKE:
            return _entry_of(manifest, "unchanged", WHY[status])
        if self.trouble:
            return _entry_of(manifest, "left", BROKE_OFF)
        if self._work.hours and self._window() is None:
            return _entry_of(manifest, "left", f"it is outside of the hours {self._work.hours}")
        if self._work.max_albums is not None and self._taken_count >= self._work.max_albums:
            verb = ("was" if self._taken_count == 1 else "were") if self._submit else "would be"
            reason = f"{counted(self._taken_count, 'album')} {verb} taken before it"
            return _entry_of(manifest, "left", f"{reason}, as many as are asked for")
        try:
            return guarded(manifest.name, partial(self._take, manifest, status))
        except (MachineError, DatabaseError) as error:
            self.trouble = error
            return _entry_of(manifest, "left", f"it could not be submitted: {error}")

    def _take(self, manifest: ReadManifest, status: ManifestStatus) -> Entry:
        """Read the manifest again, since its files are needed only now, and submit it."""
        with self._inbox.opened(manifest.name) as path:
            album = read_album(path, self._catalog.settings)
            if read_one_manifest(manifest.name, album) != manifest:
                return _entry_of(manifest, "left", "it was changed while the inbox was read")
            return self._submit_album(manifest, album, WHY[status])

    def _submit_album(self, manifest: ReadManifest, album: Album, why: str) -> Entry:
        planned = plan_album(self._catalog, album)
        estimate = gpu_estimate(self._catalog, planned, self._expected_s)
        try:
            minutes = self._gpu_budget.grant(estimate)
        except BudgetSpent:
            return _entry_of(manifest, "left", "the remaining GPU minutes are too few for it", estimate=estimate)
        if self._submit:
            request = self._work
            self._submit(
                self._catalog, planned, priority=request.priority, until=request.until, max_gpu_minutes=minutes
            )
        self._taken_count += 1
        if minutes is not None and minutes < estimate.minutes:
            why += f"; the {minutes:.1f} remaining GPU minutes are enough for a part of it"
        return _entry_of(manifest, "taken", why, estimate=estimate, granted=minutes)


def _entry_of(
    manifest: ReadManifest,
    outcome: ManifestOutcome,
    why: str,
    *,
    estimate: GpuEstimate | None = None,
    granted: float | None = None,
) -> Entry:
    return Entry(
        manifest.name, outcome, why, manifest.album_id, manifest.title, estimate.minutes if estimate else None, granted
    )
