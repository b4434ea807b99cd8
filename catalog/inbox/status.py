"""The status of an inbox album in the catalog: new, changed, in progress or done."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import sqlalchemy as sa

from catalog.ledger.submissions import BUDGET_SPENT, Submission, submission_of
from db.session import Database
from db.tables.album import Album as AlbumRow

ManifestStatus = Literal["new", "changed", "resumed", "done", "under way", "cancelled", "failed", "paused"]
STAGES = ("score", "select", "master", "release")
TO_TAKE: frozenset[ManifestStatus] = frozenset({"new", "changed", "resumed"})


def manifest_status(
    database: Database, album_id: str, *, digest: str, cover_digests: Collection[str | None], until: str
) -> tuple[ManifestStatus, Submission | None]:
    """The status of the album for a manifest with this digest. An album that the user cancelled or paused, or that
    failed, stays so until its manifest changes.

    The cover may be stored as delivered or, by older versions, as the original file: ``cover_digests`` has the
    digests of both, None where there is no cover.
    """
    submission = submission_of(database, album_id)
    if submission is None:
        return "new", None
    request = submission.request
    if request.manifest_digest != digest or _cover_of(database, album_id) not in cover_digests:
        return "changed", submission
    match submission.state:
        case "done":
            is_far_enough = STAGES.index(request.until) >= STAGES.index(until)
            return ("done" if is_far_enough else "resumed"), submission
        case "active":
            return "under way", submission
        case "paused":
            is_budget_spent = (submission.reason or "").startswith(BUDGET_SPENT)
            return ("resumed" if is_budget_spent else "paused"), submission
        case "cancelled" | "failed" as state:
            return state, submission


def _cover_of(database: Database, album_id: str) -> str | None:
    with database.read() as session:
        return session.scalar(sa.select(AlbumRow.cover_digest).where(AlbumRow.id == album_id))
