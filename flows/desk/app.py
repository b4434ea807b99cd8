"""Puts the app together: its routes, its error answers, and the gate before it."""

from __future__ import annotations

from threading import Lock

from fastapi import FastAPI

from catalog.catalog import Catalog
from flows.desk.access.access import Access
from flows.desk.access.gate import Gate
from flows.desk.artifact_files import ArtifactFiles
from flows.desk.audition.routes import router as audition
from flows.desk.audition.state import Auditions
from flows.desk.context import Context
from flows.desk.decisions import router as decisions
from flows.desk.errors import add_error_answers
from flows.desk.files.routes import router as files_of_artifacts
from flows.desk.html import Templates
from flows.desk.pages import router as pages
from flows.desk.static_files import StaticFiles


def create_app(catalog: Catalog, access: Access) -> FastAPI:
    """The app on an open catalog, for browsers that ``access`` admits. The catalog stays the caller's to close."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)  # no pages of its own about the app
    files = StaticFiles.of_packages()
    app.state.context = Context(catalog, access, files, Templates.of_packages(files), ArtifactFiles(catalog), Lock())
    app.state.auditions = Auditions.of(catalog)
    for router in (pages, files_of_artifacts, decisions, audition):
        app.include_router(router)
    add_error_answers(app)
    app.add_middleware(Gate, access=access)
    return app
