"""The open catalog of one process: its database, artifact store and ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.catalog_errors import errors_translated, opening, read_only_error, require_catalog_with_store
from catalog.common.settings import Settings
from catalog.files.owners import LeaseOwner
from catalog.files.permissions import share_with_group
from catalog.files.scratch import owned_scratch, sweep_scratch
from catalog.home import CATALOG, is_full, make_home, why_read_only
from catalog.ledger.ledger import Ledger
from catalog.ledger.recording import record_artifact
from catalog.models.store import ModelStore
from catalog.store.base import Store
from catalog.store.factory import store_of
from db.postgres import ServerLimits
from db.session import Database, DatabaseDamaged, DatabaseError, open_database, open_for_reading


class Catalog:
    """Everything a process needs to query the catalog and to claim work. Close it, or use :func:`open_catalog`."""

    def __init__(self, settings: Settings, database: Database, *, read_only: str = "") -> None:
        self.settings = settings
        self.database = database
        self.read_only = read_only
        self.store: Store = store_of(settings)
        self.models = ModelStore(settings.models_path, table=settings.models_table)
        self.owners_folder = settings.home / "owners"
        self._owner = None if read_only else LeaseOwner(self.owners_folder)
        if self._owner is not None:
            self._sweep(self._owner)
        name = self._owner.name if self._owner else "reader"
        self.ledger = Ledger(database, self.store, owner=name, owners_folder=self.owners_folder, settings=settings)

    def _sweep(self, owner: LeaseOwner) -> None:
        try:
            sweep_scratch(self.settings.home)
        except OSError:
            owner.release()
            raise

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder beside the store for temporary files; removed with its contents at the end of the block.

        Raises CatalogReadOnly where the home cannot be written.
        """
        if self._owner is None:
            raise read_only_error(self.settings, self.read_only)
        with owned_scratch(self.settings.home, self._owner) as folder:
            yield folder

    def require_writable(self) -> None:
        """Raise CatalogReadOnly where the home is opened read-only."""
        if self.read_only:
            raise read_only_error(self.settings, self.read_only)

    def add_file(self, path: Path, *, media_type: str) -> str:
        """Store a file of the user's as an artifact; returns its digest."""
        artifact = self.store.put(path)
        with self.database.write() as session:
            record_artifact(session, artifact, media_type=media_type)
        if self.store.stat(artifact.digest) is None:  # a sweep removed it as garbage just before its row was written
            self.store.put(path)
        return artifact.digest

    def add_bytes(self, data: bytes, *, media_type: str) -> str:
        """Store bytes that were derived from a user's file; see :meth:`add_file`."""
        with self.scratch() as folder:
            path = folder / "given"
            path.write_bytes(data)
            return self.add_file(path, media_type=media_type)

    def close(self) -> None:
        """Release the leases and close the connections."""
        if self._owner is not None:
            self._owner.release()
        self.database.close()


@contextmanager
def open_catalog(settings: Settings, *, anew: bool = False) -> Iterator[Catalog]:
    """The catalog for the length of a block. Raises CatalogError with the remedy where it cannot be opened.

    A home that cannot be written is opened read-only: writes raise CatalogReadOnly. ``anew`` creates an empty catalog
    where it is missing beside a store, for a restore that will fill it; otherwise a missing one counts as damage.
    """
    catalog = connect_catalog(settings, anew=anew)
    try:
        with errors_translated(settings):
            yield catalog
    finally:
        catalog.close()


def connect_catalog(settings: Settings, *, anew: bool = False) -> Catalog:
    """The catalog for the life of a process (a worker's); see :func:`open_catalog`."""
    with opening(settings):
        reason = why_read_only(settings)
        if not reason:
            try:
                if settings.shared_home == "group":
                    share_with_group()
                make_home(settings)
                if not anew:
                    require_catalog_with_store(settings)
                return Catalog(settings, open_database(settings.catalog_place, _limits(settings)))
            except (OSError, DatabaseError) as error:
                if isinstance(error, DatabaseDamaged) or not is_full(settings.home):
                    raise
                reason = f"the disk of {settings.home} is full"
        return _for_looking(settings, reason)


def _for_looking(settings: Settings, reason: str) -> Catalog:
    if settings.database_url:
        return Catalog(settings, open_database(settings.catalog_place, _limits(settings)), read_only=reason)
    catalog = settings.home / CATALOG
    if not catalog.exists():
        raise read_only_error(settings, f"there is no catalog, and {reason}")
    require_catalog_with_store(settings)
    return Catalog(settings, open_for_reading(catalog, reason), read_only=reason)


def _limits(settings: Settings) -> ServerLimits:
    return ServerLimits(
        pool_size=settings.database_pool_size,
        statement_timeout_s=settings.database_statement_timeout_s,
        lock_timeout_s=settings.database_lock_timeout_s,
        patience_s=settings.database_patience_s,
    )
