"""The open catalog of one process: its database, its artifact store, and its place in the ledger."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy.exc

from catalog import owners
from catalog.errors import CatalogError
from catalog.ledger import Ledger
from catalog.model_store import ModelStore
from catalog.owners import Owner
from catalog.recording import record_artifact
from catalog.settings import Settings
from catalog.store.base import Store
from catalog.store.choice import store_of
from db.postgres import ServerLimits
from db.session import (
    Database,
    DatabaseTrouble,
    DatabaseUnusable,
    NetworkFileSystem,
    SchemaTooNew,
    open_database,
)


class House:
    """Everything a process needs to look things up and to take work. Close it, or use :func:`open_house`."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.store: Store = store_of(settings)
        self.models = ModelStore(settings.models_path, table=settings.models_table)
        self.owners_folder = settings.home / "owners"
        self._owner = Owner(self.owners_folder)
        self._scratch = settings.home / "scratch"
        self._scratch.mkdir(exist_ok=True)
        self._sweep()
        self.ledger = Ledger(
            database, self.store, owner=self._owner.name, owners_folder=self.owners_folder, settings=settings
        )

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder beside the store for files in the making; what is left in it at the end is removed."""
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix=f"{self._owner.name}+") as folder:
            yield Path(folder)

    def _sweep(self) -> None:
        """Remove the scratch folders and names of processes that are gone."""
        for folder in self._scratch.iterdir():
            if owners.is_dead(self.owners_folder, folder.name.rpartition("+")[0]):
                shutil.rmtree(folder, ignore_errors=True)
        owners.sweep(self.owners_folder)

    def take_in(self, path: Path, *, media_type: str) -> str:
        """Keep a file the user gave as an artifact; gives its digest."""
        kept = self.store.put(path)
        with self.database.write() as session:
            record_artifact(session, kept, media_type=media_type)
        if self.store.stat(kept.digest) is None:  # swept as garbage just before it had its row
            self.store.put(path)
        return kept.digest

    def take_in_bytes(self, data: bytes, *, media_type: str) -> str:
        """The same of bytes that were made from such a file."""
        with self.scratch() as folder:
            path = folder / "given"
            path.write_bytes(data)
            return self.take_in(path, media_type=media_type)

    def close(self) -> None:
        """Give the leases and connections back."""
        self._owner.release()
        self.database.close()


@contextmanager
def open_house(settings: Settings) -> Iterator[House]:
    """The house for the length of a block. Raises CatalogError with the remedy where it cannot be opened."""
    house = enter_house(settings)
    try:
        yield house
    except DatabaseTrouble as error:
        raise CatalogError(f"the catalog could not be read or written: {error}", remedy=error.remedy) from error
    finally:
        house.close()


def enter_house(settings: Settings) -> House:
    """The house for the life of a process (a worker's); see :func:`open_house`."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        return House(settings, open_database(settings.catalog_place, _limits(settings)))
    except DatabaseUnusable as error:
        raise CatalogError(error.what, remedy=error.remedy) from error
    except SchemaTooNew as error:
        raise CatalogError(
            f"the catalog was written by a newer Songline (schema {error})", remedy="Upgrade Songline"
        ) from error
    except NetworkFileSystem as error:
        raise CatalogError(
            f"{settings.home} lies on a network file system ({error}), where SQLite's locks do not hold",
            remedy="Point SONGLINE_HOME to a local disk, or SONGLINE_DATABASE_URL to PostgreSQL",
        ) from error
    except (OSError, DatabaseTrouble, sqlalchemy.exc.DatabaseError) as error:
        raise CatalogError(
            f"the catalog cannot be opened in {settings.home}: {error.__cause__ or error}",
            remedy="Point SONGLINE_HOME to a folder you may write",
        ) from error


def _limits(settings: Settings) -> ServerLimits:
    return ServerLimits(
        pool_size=settings.database_pool_size,
        statement_timeout_s=settings.database_statement_timeout_s,
        lock_timeout_s=settings.database_lock_timeout_s,
        patience_s=settings.database_patience_s,
    )
