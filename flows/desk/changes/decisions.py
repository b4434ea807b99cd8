"""Decisions by buttons: pick, unpick, reject and note, as on the command line."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict

from catalog.common.digests import Json
from catalog.plan.queries import candidate_by_prefix
from catalog.plan.status import song_of_candidate
from catalog.selection.reviews import MAX_NOTE, ReviewKind
from catalog.selection.stored_reviews import say
from flows.desk.context import InContext
from flows.desk.not_there import NotThere
from flows.pipeline.decide_now import decide_song_of, review_document
from tasks.steps.environment import user_name

router = APIRouter(prefix="/api/candidates")
KINDS: dict[str, ReviewKind] = {"pick": "pick", "unpick": "withdraw", "reject": "reject", "note": "note"}


class Said(BaseModel):
    """What a user says with a decision; a note needs its words."""

    model_config = ConfigDict(extra="forbid")
    note: Annotated[str, Body(max_length=4 * MAX_NOTE)] | None = None


@router.post("/{candidate}/{verb}")
def review(context: InContext, candidate: str, verb: str, said: Said) -> dict[str, Json]:
    """Store a review of a candidate by its whole id, decide its song again, and tell what stands: the ``winner``, the
    decision's ``sentence``, and why there is no winner (``fault``)."""
    kind = KINDS.get(verb)
    if kind is None:
        raise NotThere(f"there is no decision {verb!r}", remedy=f"There are {', '.join(KINDS)}")
    catalog = context.catalog
    catalog.require_writable()
    found, _ = candidate_by_prefix(catalog.database, candidate)
    if found != candidate:
        raise NotThere(f"there is no candidate {candidate!r}", remedy="Load the page again")
    album_id = say(catalog.database, candidate, kind, by=user_name(), note=said.note)
    with context.decisions:
        fault = None if kind == "note" else decide_song_of(catalog, album_id, candidate)
    song = song_of_candidate(catalog.database, album_id, candidate)
    told = {"what": fault.what, "remedy": fault.remedy} if fault else None
    return {**review_document(album_id, candidate, kind, song), "waiting": len(song.waiting), "fault": told}
