"""Puts the app together: its routes, its error answers, and the gate before it."""

from __future__ import annotations

from functools import partial
from threading import Lock

from fastapi import FastAPI

from catalog.catalog import Catalog
from catalog.monitoring.changes import album_marks
from flows.desk.access.access import Access
from flows.desk.access.gate import Gate
from flows.desk.artifact_files import ArtifactFiles
from flows.desk.audition.routes import router as audition
from flows.desk.changes.decisions import router as decisions
from flows.desk.changes.started import router as started
from flows.desk.changes.uploads import router as uploads
from flows.desk.context import Context
from flows.desk.errors import add_error_answers
from flows.desk.events import router as events
from flows.desk.files.routes import router as files_of_artifacts
from flows.desk.html import Templates
from flows.desk.hub import Hub
from flows.desk.jobs import Jobs
from flows.desk.manifests import Manifests
from flows.desk.pages.routes import router as pages
from flows.desk.static_files import StaticFiles

ROUTERS = (pages, files_of_artifacts, events, started, uploads, decisions, audition)


def create_app(catalog: Catalog, access: Access, manifests: Manifests | None = None) -> FastAPI:
    """The app on an open catalog, for browsers that ``access`` admits. ``manifests`` are those that a button may
    render. The catalog stays the caller's to close, and the work that was started (``app.state.context.jobs``)."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)  # no pages of its own about the app
    files = StaticFiles.of_packages()
    hub = Hub(partial(album_marks, catalog.database))
    app.state.context = Context(
        catalog,
        access,
        files,
        Templates.of_packages(files),
        ArtifactFiles(catalog),
        hub,
        Jobs(hub.tell),
        manifests or Manifests(),
        Lock(),
    )
    for router in ROUTERS:
        app.include_router(router)
    add_error_answers(app)
    app.add_middleware(Gate, access=access)
    return app
