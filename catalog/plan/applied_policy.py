"""The policy that applies to an album: its manifest's, or one that a user applied over it; by whom, and when.

Applying and reverting a policy are activities of the kind ``policy``, so that their history is kept.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.digests import Json, digest_value
from catalog.ledger.work import ExecutionEnvironment
from catalog.selection.decide import Policy
from db.tables.album import Album as AlbumRow
from db.tables.base import database_now
from db.tables.provenance import Activity

KIND = "policy"


@dataclass(frozen=True, slots=True)
class AppliedBy:
    """Who applied a policy, from which file, and when (ISO 8601, UTC). Each is None where an older version did not
    store it."""

    file: str | None = None
    by: str | None = None
    at: str | None = None

    def document(self) -> dict[str, Json]:
        """As JSON."""
        return asdict(self)


def row_policy(row: AlbumRow, manifest_policy: Policy) -> Policy:
    """The policy in force for an album whose manifest has the policy ``manifest_policy``.

    One applied before families existed stays in force while the manifest's policy is unchanged.
    """
    return (
        Policy.from_document(row.applied_policy)
        if row.applied_policy and is_applied(row, manifest_policy)
        else manifest_policy
    )


def is_applied(row: AlbumRow, manifest_policy: Policy) -> bool:
    """Whether an applied policy replaces the manifest's."""
    return row.applied_policy is not None and row.applied_over in (
        manifest_policy.digest,
        manifest_policy.former.digest,
    )


def applied_by(session: Session, row: AlbumRow, manifest_policy: Policy) -> AppliedBy | None:
    """Who applied the policy in force; None where it is the manifest's own."""
    if not is_applied(row, manifest_policy):
        return None
    query = sa.select(Activity).where(Activity.work_key == _key(row.id)).order_by(Activity.started_at.desc())
    activity = session.scalars(query.limit(1)).first()
    if activity is None or activity.parameters["policy"] != row.applied_policy:
        return AppliedBy()
    applied_at = datetime.fromtimestamp(activity.started_at, UTC).isoformat(timespec="seconds")
    return AppliedBy(activity.parameters["file"], activity.parameters["by"], applied_at)


@dataclass(frozen=True, slots=True)
class Applicant:
    """The user who applies a policy now, and its file; the file is None where one is reverted."""

    file: str | None
    by: str
    execution: ExecutionEnvironment


def note_application(session: Session, row: AlbumRow, applicant: Applicant) -> None:
    """Record who applied the row's policy, or reverted one (then the row has none)."""
    session.add(
        Activity(
            id=uuid.uuid4().hex,
            kind=KIND,
            work_key=_key(row.id),
            revision=1,
            parameters={"album": row.id, "policy": row.applied_policy, "file": applicant.file, "by": applicant.by},
            outcome="done",
            attempt=1,
            started_at=sa.select(database_now()).scalar_subquery(),
            seconds=0.0,
            code_version=applicant.execution.code_version,
            environment=dict(applicant.execution.environment),
            device=applicant.execution.device,
        )
    )


def origin_document(policy: Policy, applied: AppliedBy | None) -> dict[str, Json]:
    """The policy in force and its origin, as JSON."""
    origin = {"source": "manifest"} if applied is None else {"source": "applied", **applied.document()}
    return {"digest": policy.digest, **origin}


def origin_sentence(origin: Mapping[str, Json]) -> str:
    """The same as a sentence, without a full stop."""
    if origin["source"] == "manifest":
        return "the manifest's own"
    if not origin.get("by"):
        return "applied over the manifest's (by whom and when was not kept)"
    applied_at = str(origin["at"]).replace("T", " ").removesuffix("+00:00")
    return f"{origin['file'] or 'a policy'}, applied over the manifest's by {origin['by']} on {applied_at} UTC"


def _key(album_id: str) -> str:
    return digest_value("applied-policy/v1", {"album": album_id})
