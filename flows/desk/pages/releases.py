"""What the page of an album's releases shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from catalog.common.errors import InputError, SonglineError
from catalog.plan.queries import require_album
from catalog.release.builds import Build, builds_of, release_of_build
from catalog.release.differences import Difference, differences
from catalog.release.document import ReleaseDocument
from db.session import Database
from flows.desk.context import Context
from flows.desk.not_there import NotThere

MOST_COMPARED = 20
"""Builds that are compared with the one before them: the documents of long albums are large."""
PAGE = "index.html"


@dataclass(frozen=True, slots=True)
class BuildView:
    """One build: what changed since the one before it, by the title of the song ("" for the album), None where it was
    not compared, and whether its listening page can be opened."""

    build: Build
    changes: Sequence[tuple[str, Difference]] | None
    has_page: bool


def releases_values(context: Context, album: str) -> dict[str, Any]:
    """The builds of an album, newest first."""
    database = context.catalog.database
    try:
        require_album(database, album)
    except InputError as error:
        raise NotThere(error.what, remedy=error.remedy) from error
    builds = builds_of(database, album)
    documents = {build.build: _document(database, album, build.build) for build in builds[: MOST_COMPARED + 1]}
    views = [
        BuildView(build, _changes(documents, build, older), build.is_kept)
        for build, older in zip(builds, [*builds[1:], None], strict=False)
    ]
    named = [document for document in documents.values() if document]
    title = named[0].album.title if named else album
    return {"title": f"Releases of {title}", "album": album, "album_title": title, "builds": views, "page": PAGE}


def _document(database: Database, album: str, build: int) -> ReleaseDocument | None:
    try:
        return ReleaseDocument.model_validate(release_of_build(database, album, build).document)
    except (SonglineError, ValidationError):
        return None  # of a version that this one does not read


def _changes(
    documents: dict[int, ReleaseDocument | None], build: Build, older: Build | None
) -> Sequence[tuple[str, Difference]] | None:
    newer_document = documents.get(build.build)
    older_document = documents.get(older.build) if older else None
    if newer_document is None or older_document is None:
        return None
    titles = {track.song: track.title for document in (older_document, newer_document) for track in document.tracks}
    found = differences(older_document, newer_document)
    return [(titles.get(difference.song or "", ""), difference) for difference in found]
