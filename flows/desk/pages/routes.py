"""The pages' addresses."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from catalog.common.digests import Json
from flows.desk.context import Context, InContext
from flows.desk.not_there import NotThere
from flows.desk.pages.albums import album_values, catalog_values, takes_values
from flows.desk.pages.disk import disk_values, sizes_by_album
from flows.desk.pages.lineage import candidate_values, history_values, lineage_values
from flows.desk.pages.releases import releases_values
from flows.desk.static_files import media_type

router = APIRouter()
FOR_EVER = "public, max-age=31536000, immutable"
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]


def _page(context: Context, template: str, values: dict[str, Any]) -> HTMLResponse:
    return HTMLResponse(context.templates.render(template, values))


@router.get("/")
def catalog(context: InContext, page: PageNumber = 1) -> HTMLResponse:
    """All albums."""
    return _page(context, "catalog.html.j2", catalog_values(context, page))


@router.get("/albums/{album}")
def album(context: InContext, album: str, page: PageNumber = 1) -> HTMLResponse:
    """The songs of an album."""
    return _page(context, "album.html.j2", album_values(context, album, page))


@router.get("/albums/{album}/songs/{song}/takes")
def takes(context: InContext, album: str, song: str) -> HTMLResponse:
    """The takes of a song as a list, and the form that adds one."""
    return _page(context, "takes.html.j2", takes_values(context, album, song))


@router.get("/albums/{album}/songs/{song}/history")
def history(context: InContext, album: str, song: str) -> HTMLResponse:
    """The takes of a song as a tree of retakes, and what happened to it."""
    return _page(context, "history.html.j2", history_values(context, album, song))


@router.get("/albums/{album}/releases")
def releases(context: InContext, album: str) -> HTMLResponse:
    """The builds of an album, and what each changed."""
    return _page(context, "releases.html.j2", releases_values(context, album))


@router.get("/candidates/{candidate}")
def candidate(context: InContext, candidate: str) -> HTMLResponse:
    """One candidate: what was said of it, its recipe, and the form of a retake."""
    return _page(context, "candidate.html.j2", candidate_values(context, candidate))


@router.get("/lineage/{digest}")
def lineage(context: InContext, digest: str) -> HTMLResponse:
    """What an artifact was made from."""
    return _page(context, "lineage.html.j2", lineage_values(context, digest))


@router.get("/disk")
def disk(context: InContext) -> HTMLResponse:
    """What takes disk."""
    return _page(context, "disk.html.j2", disk_values(context))


@router.get("/api/disk")
def disk_of_albums(context: InContext) -> dict[str, Json]:
    """The bytes of each album, as text."""
    return {"albums": sizes_by_album(context)}


@router.get("/static/{version}/{folder}/{name}")
def static(context: InContext, version: str, folder: str, name: str) -> Response:
    """A script or style of the pages; it never changes under its address."""
    data = context.files.files.get(f"{folder}/{name}")
    if data is None or version != context.files.version:
        raise NotThere("there is no such file", remedy="Load the page again")
    return Response(data, media_type=media_type(name), headers={"cache-control": FOR_EVER})


@router.get("/favicon.ico")
def favicon() -> Response:
    """Browsers ask for it by themselves; there is none."""
    return Response(status_code=204)
