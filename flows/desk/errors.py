"""How the app tells errors: as a page to who asked for a page, as JSON to a script."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from catalog.catalog_errors import errors_translated
from catalog.common.errors import CatalogReadOnly, InputError, RefusedError, SonglineError
from db.session import DatabaseError
from flows.desk.access.gate import HEADERS
from flows.desk.context import context_of
from flows.desk.not_there import NotThere

STATUSES: tuple[tuple[type[SonglineError], int], ...] = (
    (InputError, 400),
    (RefusedError, 422),
    (CatalogReadOnly, 409),
)


def add_error_answers(app: FastAPI) -> None:
    """Answer each kind of error in one way."""

    @app.exception_handler(SonglineError)
    async def songline_error(request: Request, error: SonglineError) -> Response:
        if isinstance(error, NotThere):
            return told(request, error, 404)
        return told(request, error, next((status for kind, status in STATUSES if isinstance(error, kind)), 500))

    @app.exception_handler(DatabaseError)
    async def catalog_error(request: Request, error: DatabaseError) -> Response:
        return await songline_error(request, _of_catalog(request, error))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        what = "there is nothing at this address" if error.status_code == 404 else str(error.detail)
        return told(request, InputError(what), error.status_code)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        """Outside of the gate, which therefore adds no headers; the error itself goes on to stderr."""
        what = f"Songline met an unexpected error: {type(error).__name__}"
        answer = told(request, SonglineError(what, remedy="Report it with what `songline desk` printed"), 500)
        answer.headers.update(HEADERS)
        return answer

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return told(request, InputError(_sentence(error), remedy="Correct it, and try again"), 400)


def told(request: Request, error: SonglineError, status: int) -> Response:
    """An error as this request can show it."""
    if request.url.path.startswith("/api/"):
        document = {"kind": error.kind, "what": error.what, "remedy": error.remedy}
        return JSONResponse({"error": document}, status_code=status)
    values = {"title": "Not found" if status == 404 else "Error", "error": error}
    return HTMLResponse(context_of(request).templates.render("error.html.j2", values), status_code=status)


def _of_catalog(request: Request, error: DatabaseError) -> SonglineError:
    """The error of a catalog that is busy, full, damaged or out of reach, as commands tell it."""
    try:
        with errors_translated(context_of(request).catalog.settings):
            raise error
    except SonglineError as translated:
        return translated


def _sentence(error: RequestValidationError) -> str:
    """The first fault of a request, with the name of its field."""
    fault = error.errors()[0]
    field = ".".join(str(part) for part in fault["loc"] if part not in ("body", "query", "path"))
    message = str(fault["msg"]).removeprefix("Value error, ")
    return f"{field}: {message}" if field else message
