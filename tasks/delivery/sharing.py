"""The page of a release for listeners, made from what the catalog has of the build, and a folder with its files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from catalog.catalog import Catalog
from catalog.common.errors import CatalogError, InputError, MachineError, remedy_of_writing
from catalog.files.confined import confined
from catalog.files.permissions import users_umask
from catalog.ledger.results import step_request
from catalog.release.document import ReleaseDocument
from catalog.release.listening_page.listeners import listeners_view, paths_of
from catalog.release.listening_page.page import NO_LINKS, PageView, render_page
from catalog.release.queries import ReleaseRow
from tasks.delivery.deliverables import DELIVERABLES
from tasks.delivery.package.bundle import building_folder
from tasks.delivery.package.packing import Packing
from tasks.delivery.package.track_parts import gather
from tasks.delivery.package.views import page_view
from tasks.steps.run_step import StepContext


@dataclass(frozen=True, slots=True)
class Shared:
    """A release as it is shared: its page, and the digests of the files that the page names, by path."""

    view: PageView
    files: Mapping[str, str]
    downloads: bool

    def page(self, links: Mapping[str, str] = NO_LINKS) -> bytes:
        """The page; ``links`` are addresses that take the place of paths."""
        return render_page(self.view, links=links, downloads=self.downloads).encode()


def shared(catalog: Catalog, release: ReleaseRow, *, downloads: bool) -> Shared:
    """What is shared of a release: the page for listeners with one file of each song, with ``downloads`` all of them.

    Raises CatalogError where the release's document cannot be read, StoreError where bytes of the build are gone.
    """
    try:
        document = ReleaseDocument.model_validate(release.document)
    except ValidationError as error:
        raise CatalogError(
            "the catalog's document of the release cannot be read", remedy="Render the album again"
        ) from error
    request = step_request(catalog.database, release.step_key)
    with catalog.scratch() as scratch:
        context = StepContext(request, scratch, catalog)
        packing = Packing(context)
        tracks = [gather(context, packing, track) for track in request.parameters["tracks"]]
    full = page_view(document, tracks, mode=request.parameters["mode"])
    view = listeners_view(full, DELIVERABLES.keys() if downloads else ())
    return Shared(view, {path: release.files[path] for path in paths_of(view)}, downloads)


def write_shared(catalog: Catalog, release: Shared, destination: Path) -> int:
    """Write the page and its files to a new folder, whole or not at all; returns the bytes of all files.

    Raises InputError where something is at ``destination``, MachineError where it cannot be written.
    """
    if os.path.lexists(destination):
        raise InputError(
            f"{destination} is there already", remedy="Remove it, or name another folder with --out for the new page"
        )
    try:
        with users_umask(), catalog.scratch() as scratch, building_folder(destination, scratch=scratch) as folder:
            for path, digest in release.files.items():
                target = confined(folder, path, named_by="the catalog")
                target.parent.mkdir(parents=True, exist_ok=True)
                catalog.store.fetch(digest, target)
            (folder / "index.html").write_bytes(release.page())
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            folder.rename(destination)
    except OSError as error:
        raise MachineError(
            f"the page cannot be written to {destination}: {error.strerror or error}",
            remedy=remedy_of_writing(error, "Choose another folder with --out"),
        ) from error
    return size
