"""The pages: the catalog, an album, and the files that they load."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from catalog.monitoring.album_list import albums_of
from flows.desk.context import Context, InContext
from flows.desk.not_there import NotThere
from flows.desk.static_files import media_type

router = APIRouter()
FOR_EVER = "public, max-age=31536000, immutable"


def page(context: Context, template: str, **values: Any) -> HTMLResponse:
    """The page of a template; ``title`` is what the browser shows."""
    return HTMLResponse(context.templates.render(template, values))


@router.get("/")
def catalog(context: InContext) -> HTMLResponse:
    """All albums."""
    return page(context, "catalog.html.j2", title="Albums", albums=albums_of(context.catalog.database))


@router.get("/static/{version}/{folder}/{name}")
def static(context: InContext, version: str, folder: str, name: str) -> Response:
    """A script or style of the pages; it never changes under its address."""
    data = context.files.files.get(f"{folder}/{name}")
    if data is None or version != context.files.version:
        raise NotThere("there is no such file", remedy="Load the page again")
    return Response(data, media_type=media_type(name), headers={"cache-control": FOR_EVER})
