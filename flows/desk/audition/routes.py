"""The routes of the audition page."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from flows.desk.context import InContext

router = APIRouter()


@router.get("/albums/{album}/songs/{song}")
def audition(context: InContext, album: str, song: str) -> HTMLResponse:
    """The candidates of a song, to be heard side by side."""
    values = {"title": song, "album": album}
    return HTMLResponse(context.templates.render("audition.html.j2", values))
