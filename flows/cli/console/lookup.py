"""Lookups shared by commands: an album by its id or its manifest, and the model store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from catalog.common.errors import InputError
from catalog.common.settings import Settings, load_settings
from catalog.manifest.files import MANIFEST_SUFFIXES
from catalog.models.store import ModelStore
from flows.cli.console.options import cannot_be_looked_for

if TYPE_CHECKING:
    from catalog.release.queries import ReleaseRow
    from db.session import Database

STATES = ("planned", "leased", "rendered", "failed")


def album_id(album_name: str, settings: Settings) -> str:
    """The id of an album given by its id or its manifest."""
    path = Path(album_name)
    if cannot_be_looked_for(path) and path.suffix not in MANIFEST_SUFFIXES:
        return album_name
    is_folder = path.is_dir() and any((path / f"album{suffix}").is_file() for suffix in MANIFEST_SUFFIXES)
    if is_folder or (path.suffix in MANIFEST_SUFFIXES and path.is_file()):
        from flows.planning import read_manifest

        return read_manifest.album_id(path, settings)
    return album_name


def require_release(database: Database, album_id: str) -> ReleaseRow:
    """The album's current release. Raises InputError for an unknown album, which names the known ones, and for an
    album without a release."""
    from catalog.plan.queries import require_album
    from catalog.release.queries import current_release

    release = current_release(database, album_id)
    if release is None:
        require_album(database, album_id)
        raise InputError(f"album {album_id!r} has no release yet", remedy="Run `songline render` or `submit` first")
    return release


def open_store() -> ModelStore:
    """The model store of the settings."""
    settings = load_settings()
    return ModelStore(settings.models_path, settings.models_table)
