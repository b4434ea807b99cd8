"""What the app's routes share: the open catalog, the files of its pages, and what admits a browser."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request

from catalog.catalog import Catalog
from flows.desk.access.access import Access
from flows.desk.artifact_files import ArtifactFiles
from flows.desk.html import Templates
from flows.desk.hub import Hub
from flows.desk.jobs import Jobs
from flows.desk.manifests import Manifests
from flows.desk.static_files import StaticFiles


@dataclass(frozen=True, slots=True)
class Context:
    """What the routes of one running app work with."""

    catalog: Catalog
    access: Access
    files: StaticFiles
    templates: Templates
    artifacts: ArtifactFiles
    hub: Hub
    jobs: Jobs
    manifests: Manifests
    decisions: Lock
    """Held while a song is decided: one at a time."""


def context_of(request: Request) -> Context:
    """The context of the app that serves a request."""
    context: Context = request.app.state.context
    return context


InContext = Annotated[Context, Depends(context_of)]
"""The type of a route's parameter that gets the context."""
