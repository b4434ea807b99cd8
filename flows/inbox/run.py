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
from flows.inbox.budget import NIGHT, GpuBudget, GpuEstimate, InUse, Spent, gpu_estimate, minutes_in_use, minutes_left
from flows.inbox.parameters import InboxParameters
from flows.inbox.reading import ReadManifest, guarded, read_offers, read_one_manifest, without_doubles
from flows.inbox.report import Entry, InboxReport, ManifestOutcome
from flows.inbox.time_windows import TimeWindow
from flows.planning.plan_album import plan_album
from flows.planning.read_manifest import read_album
from flows.planning.render_time import expected_render_seconds

WHY: dict[ManifestStatus, str] = {
    "new": "it is new",
    "changed": "it or a file of it changed",
    "resumed": "it goes on where an earlier budget or stage ended",
    "done": "it is done, and nothing of it changed",
    "under way": "it is being made",
    "cancelled": "it was cancelled and has not changed since; submit it by hand, or change it",
    "failed": "it failed and has not changed since; submit it by hand, or change it",
    "paused": "it was paused by hand; resume it by hand, or change it",
}


BROKE_OFF = "the run broke off before it"


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
    night = _InboxRun(catalog, work, inbox, submit=submit, clock=clock)
    entries = list(night.entries(listings))
    report = InboxReport(
        place=inbox.place,
        started=start,
        ended=clock(),
        hours=str(work.hours) if work.hours else None,
        budget_minutes=work.max_gpu_minutes,
        spent_before_minutes=night.in_use.total,
        entries=entries,
        dry_run=submit is None,
        trouble=str(night.trouble) if night.trouble else None,
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
        self._taken = 0
        self._gpu_budget = GpuBudget(None)
        self.in_use = InUse()
        self.trouble: SonglineError | DatabaseError | None = None

    def entries(self, offered: Sequence[ManifestFound]) -> Iterator[Entry]:
        """The outcome of each manifest, in the order of the inbox."""
        results = without_doubles(self._read(offered))
        statuses = {result.manifest: self._status(result) for result in results if isinstance(result, ReadManifest)}
        self._open_gpu_budget([submission for _, submission in statuses.values() if submission])
        for result in results:
            yield self._entry(result, statuses[result.manifest][0]) if isinstance(result, ReadManifest) else result

    def _read(self, offered: Sequence[ManifestFound]) -> list[ReadManifest | Entry]:
        results: list[ReadManifest | Entry] = []
        try:
            for item in read_offers(self._inbox, offered, self._catalog.settings):
                results.append(item)
        except MachineError as error:
            self.trouble = error
        return results + [Entry(item.name, "left", BROKE_OFF) for item in offered[len(results) :]]

    def _status(self, offer: ReadManifest) -> tuple[ManifestStatus, Submission | None]:
        return manifest_status(
            self._catalog.database,
            offer.album_id,
            digest=offer.digest,
            cover_digests=offer.cover_digests,
            until=self._work.until,
        )

    def _opening(self) -> TimeWindow | None:
        return self._work.hours.opening(self._clock()) if self._work.hours else None

    def _open_gpu_budget(self, submissions: list[Submission]) -> None:
        opening, now = self._opening(), self._clock()
        if self._work.max_gpu_minutes is not None or opening is not None:
            since = opening.start.timestamp() if opening else (now - NIGHT).timestamp()
            self.in_use = minutes_in_use(self._catalog, submissions, self._expected_s, since=since)
        self._gpu_budget = GpuBudget(minutes_left(self._work, opening, now, in_use=self.in_use))

    def _entry(self, offer: ReadManifest, standing: ManifestStatus) -> Entry:
        if standing not in TO_TAKE:
            return _entry_of(offer, "unchanged", WHY[standing])
        if self.trouble:
            return _entry_of(offer, "left", BROKE_OFF)
        if self._work.hours and self._opening() is None:
            return _entry_of(offer, "left", f"it is outside of the hours {self._work.hours}")
        if self._work.max_albums is not None and self._taken >= self._work.max_albums:
            verb = ("was" if self._taken == 1 else "were") if self._submit else "would be"
            reason = f"{counted(self._taken, 'album')} {verb} taken before it"
            return _entry_of(offer, "left", f"{reason}, as many as are asked for")
        try:
            return guarded(offer.manifest, partial(self._take, offer, standing))
        except (MachineError, DatabaseError) as error:
            self.trouble = error
            return _entry_of(offer, "left", f"it could not be submitted: {error}")

    def _take(self, offer: ReadManifest, standing: ManifestStatus) -> Entry:
        """Read the manifest again, since its files are needed only now, and submit it."""
        with self._inbox.opened(offer.manifest) as path:
            album = read_album(path, self._catalog.settings)
            if read_one_manifest(offer.manifest, album) != offer:
                return _entry_of(offer, "left", "it was changed while the inbox was read")
            return self._submitted(offer, album, WHY[standing])

    def _submitted(self, offer: ReadManifest, album: Album, why: str) -> Entry:
        planned = plan_album(self._catalog, album)
        estimate = gpu_estimate(self._catalog, planned, self._expected_s)
        try:
            minutes = self._gpu_budget.grant(estimate)
        except Spent:
            return _entry_of(offer, "left", "what is left of the GPU minutes does not do for it", need=estimate)
        if self._submit:
            request = self._work
            self._submit(
                self._catalog, planned, priority=request.priority, until=request.until, max_gpu_minutes=minutes
            )
        self._taken += 1
        if minutes is not None and minutes < estimate.minutes:
            why += f"; the {minutes:.1f} GPU minutes that are left do for a part of it"
        return _entry_of(offer, "taken", why, need=estimate, granted=minutes)


def _entry_of(
    offer: ReadManifest,
    outcome: ManifestOutcome,
    why: str,
    *,
    need: GpuEstimate | None = None,
    granted: float | None = None,
) -> Entry:
    return Entry(offer.manifest, outcome, why, offer.album_id, offer.title, need.minutes if need else None, granted)
