"""What the pages of a candidate and of an artifact's lineage show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from catalog.common.errors import InputError, error_from
from catalog.lineage.history import history_fragment, song_history
from catalog.lineage.lineage import Node, trace
from catalog.lineage.songs import candidate_document
from catalog.selection.reviews import Review
from catalog.store.base import is_digest
from flows.desk.context import Context
from flows.desk.not_there import NotThere
from flows.desk.pages.albums import standing_of
from tasks.delivery.package.models_used import models_of

MOST_STEPS = 500
"""Steps of a lineage that the page draws; `songline lineage` prints all."""


def candidate_values(context: Context, candidate: str) -> dict[str, Any]:
    """A candidate with its recipe, scores and reviews."""
    try:
        document = candidate_document(context.catalog.database, candidate)
    except InputError as error:
        raise NotThere(error.what, remedy=error.remedy) from error
    failure = error_from(document["error"]) if document["error"] else None
    everything = [Review(**review) for review in document.get("reviews", ())]
    own = [review for review in document.get("reviews", ()) if review["candidate"] == candidate]
    jobs = [job for job in context.jobs.all() if job.work.album == document["album"]]
    song = document["song"]
    return {
        "title": f"{song['title']}: {candidate}",
        "candidate": candidate,
        "facts": document,
        "failure": failure,
        "said": own,
        "standing": standing_of(everything).get(candidate),
        "inputs": sorted(document["recipe"].get("inputs", {}).items()),
        "jobs": [job for job in jobs if job.work.song == song["id"]],
    }


def history_values(context: Context, album: str, song: str) -> dict[str, Any]:
    """The history of a song, as a fragment of HTML in which every text is escaped."""
    try:
        told = song_history(context.catalog.database, album, song)
    except InputError as error:
        raise NotThere(error.what, remedy=error.remedy) from error
    return {
        "title": f"History of {told.title}",
        "album": album,
        "song": song,
        "told": told,
        "fragment": history_fragment(told),
    }


def lineage_values(context: Context, digest: str) -> dict[str, Any]:
    """The tree behind an artifact as rows with their depth, and the songs that it belongs to."""
    if not is_digest(digest):
        raise NotThere("this is no digest of a file", remedy="Open the lineage from a candidate or a release")
    catalog = context.catalog
    try:
        found = trace(catalog.database, digest, models_of=models_of(catalog.settings))
    except InputError as error:
        raise NotThere(error.what, remedy=error.remedy) from error
    steps = _steps(found.root)
    return {"title": f"Lineage of {digest[:12]}", "digest": digest, "found": found, "steps": steps}


def _steps(root: Node) -> list[dict[str, Any]]:
    """The steps from the artifact backwards, each once: what it made, from what, when and how long."""
    steps: dict[str, dict[str, Any]] = {}
    queue = [root]
    while queue and len(steps) < MOST_STEPS:
        node = queue.pop(0)
        if node.activity is None or str(node.activity["id"]) in steps:
            continue
        activity = node.activity
        steps[str(activity["id"])] = {
            "kind": activity["kind"],
            "made": node.artifact,
            "used": [(role, child.artifact, child.activity is None) for role, child in node.used],
            "seconds": activity["seconds"],
            "code": activity["code_version"],
            "at": _at(activity),
        }
        queue += [child for _, child in node.used]
    return list(steps.values())


def _at(activity: Any) -> str:
    started = activity.get("started_at")
    if isinstance(started, int | float):
        return datetime.fromtimestamp(started, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return str(started or "")
