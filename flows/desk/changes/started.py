"""Work that a page starts: the retake of a passage, and the render of an album whose manifest is known."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from catalog.common.digests import Json
from catalog.common.errors import InputError
from catalog.common.figures import clock
from catalog.common.text import counted
from catalog.lyrics.lines import MAX_LYRICS_BYTES
from catalog.plan.retakes import parent_take
from flows.desk.context import Context, InContext
from flows.desk.jobs import Work
from flows.desk.not_there import NotThere

router = APIRouter(prefix="/api")
STARTED = 202


class Passage(BaseModel):
    """A passage of a candidate to be made again, in seconds: with other ``words`` where there are some, as many takes
    as ``seeds``."""

    model_config = ConfigDict(extra="forbid")
    from_s: Annotated[float, Field(ge=0, le=36_000, allow_inf_nan=False)]
    to_s: Annotated[float, Field(ge=0, le=36_000, allow_inf_nan=False)]
    words: Annotated[str, Field(max_length=MAX_LYRICS_BYTES)] = ""
    seeds: Annotated[int, Field(ge=1, le=256)] = 4


@router.get("/jobs")
def jobs(context: InContext) -> dict[str, Json]:
    """The work that was started since the app runs, newest first."""
    return {"jobs": [job.document() for job in context.jobs.all()]}


@router.post("/candidates/{candidate}/retake", status_code=STARTED)
def retake(context: InContext, candidate: str, passage: Passage) -> dict[str, Json]:
    """Start what ``songline retake`` does; the job tells how it ends."""
    context.catalog.require_writable()
    parent = parent_take(context.catalog.database, candidate)
    if parent.id != candidate:
        raise NotThere(f"there is no candidate {candidate!r}", remedy="Load the page again")
    if passage.to_s <= passage.from_s:
        raise InputError("the passage ends before it begins", remedy="Mark it again")
    with ExitStack() as belongings:
        more: tuple[str, ...] = ()
        if passage.words.strip():
            words = belongings.enter_context(context.catalog.scratch()) / "words.lrc"
            words.write_text(passage.words, encoding="utf-8")
            more = (f"--lyrics={words}",)
        kept = belongings.pop_all()
    times = (f"--from={passage.from_s:.3f}", f"--to={passage.to_s:.3f}")
    arguments = ("retake", *times, f"--seeds={passage.seeds}", *more, "--json", "--", candidate)
    takes = f"{counted(passage.seeds, 'take')} of {clock(passage.from_s)} to {clock(passage.to_s)}"
    title = f"{parent.song_title}: {takes}"
    work = Work("retake", title, parent.album_id, parent.song_id, arguments, lock=f"retake {candidate} {times}")
    return {"job": context.jobs.start(work, kept).document()}


@router.post("/albums/{album}/render", status_code=STARTED)
def render(context: InContext, album: str) -> dict[str, Json]:
    """Start ``songline render`` of an album whose manifest was named when the app was started."""
    context.catalog.require_writable()
    work = _render(context, album)
    return {"job": context.jobs.start(work).document()}


def _render(context: Context, album: str) -> Work:
    manifest = context.manifests.by_album.get(album)
    if manifest is None:
        raise InputError(
            f"where the manifest of {album!r} lies is not known here",
            remedy="Run `songline render` with it, or start `songline desk` with it",
        )
    arguments = ("render", f"--out={context.manifests.out}", "--", str(manifest))
    return Work("render", f"Render {album}", album, None, arguments, lock=f"render {album}")
