"""The errors of a home and its catalog, each with its own message and remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from catalog.common.errors import CatalogDamaged, CatalogError, CatalogNotUnderstood, CatalogReadOnly
from catalog.common.settings import Settings
from catalog.home import CATALOG, LAST_BACKUP, is_full, remedy_for_damage
from db.files.regular_file import NotRegular
from db.session import (
    DatabaseDamaged,
    DatabaseError,
    DatabaseReadOnly,
    DatabaseUnusable,
    ForeignDatabase,
    InvalidRows,
    NetworkFileSystem,
    SchemaTooNew,
    SchemaUnknown,
)

OWN = "Point SONGLINE_HOME to an empty folder, or SONGLINE_DATABASE_URL to a database of its own"
FREE = "Free disk space there, or point SONGLINE_HOME to another disk"


@contextmanager
def opening(settings: Settings) -> Iterator[None]:
    """Raise CatalogError where the catalog cannot be opened."""
    try:
        with errors_translated(settings):
            yield
    except DatabaseUnusable as error:
        raise CatalogError(error.what, remedy=error.remedy) from error
    except SchemaTooNew as error:
        raise CatalogError(
            f"the catalog was written by a newer Songline (schema {error})", remedy="Upgrade Songline"
        ) from error
    except SchemaUnknown as error:
        raise CatalogError(
            f"the catalog {_place(settings)} is at revision {str(error)!r}, which no Songline ever wrote",
            remedy=f"It belongs to another program, or was edited: {OWN[0].lower()}{OWN[1:]}, or restore a backup",
        ) from error
    except ForeignDatabase as error:
        raise CatalogError(
            f"{_place(settings)} is the database of another program (its tables: {error}); nothing was changed in it",
            remedy=OWN,
        ) from error
    except NetworkFileSystem as error:
        raise CatalogError(
            f"{settings.home} lies on a network file system ({error}), where SQLite's locks do not hold",
            remedy="Point SONGLINE_HOME to a local disk, or SONGLINE_DATABASE_URL to PostgreSQL",
        ) from error
    except (FileExistsError, NotADirectoryError) as error:
        raise CatalogError(
            f"{error.filename or settings.home} is a file, where a folder of the home {settings.home} should be",
            remedy="Move it away, or point SONGLINE_HOME to another folder",
        ) from error
    except NotRegular as error:
        raise CatalogError(
            f"{error.filename} is {error.kind}, where a file of the home {settings.home} should be",
            remedy="Move it away",
        ) from error
    except IsADirectoryError as error:
        raise CatalogError(
            f"{error.filename} is a folder, where a file of the home {settings.home} should be", remedy="Move it away"
        ) from error
    except OSError as error:
        if is_full(settings.home):
            raise CatalogError(f"the disk of {settings.home} is full", remedy=FREE) from error
        raise CatalogError(
            f"the catalog cannot be opened in {settings.home}: {error.strerror or error}",
            remedy="Point SONGLINE_HOME to a folder you may write",
        ) from error


@contextmanager
def errors_translated(settings: Settings) -> Iterator[None]:
    """Translate errors of the catalog's database into CatalogError."""
    try:
        yield
    except DatabaseDamaged as error:
        place = _file(settings)
        raise CatalogDamaged(f"the catalog {place} is damaged: {error}", remedy=remedy_for_damage(place)) from error
    except InvalidRows as error:
        raise CatalogNotUnderstood(
            f"what the catalog {_place(settings)} says makes no sense here ({error}): "
            "either something else than Songline wrote rows of it, or Songline itself is wrong",
            remedy="Run `songline verify` and `songline doctor`; where they find nothing, report this",
        ) from error
    except DatabaseReadOnly as error:
        raise read_only_error(settings, str(error)) from error
    except DatabaseError as error:
        if not settings.database_url and is_full(settings.home):
            raise CatalogError(f"the disk of {settings.home} is full: {error}", remedy=FREE) from error
        raise CatalogError(f"the catalog could not be read or written: {error}", remedy=error.remedy) from error


def read_only_error(settings: Settings, reason: str) -> CatalogReadOnly:
    """The error of a command that must write into a home that cannot be written."""
    advice = "Look at it with `songline status`, or point SONGLINE_HOME to a folder you may write"
    remedy = FREE if "full" in reason else advice
    return CatalogReadOnly(f"nothing can be written to the home {settings.home}: {reason}", remedy=remedy)


def require_catalog_with_store(settings: Settings) -> None:
    """Raise DatabaseDamaged where the catalog is missing or empty although files that only a catalog leaves are
    there. It is not a new catalog then, and an empty one in its place would turn the whole store into garbage."""
    catalog = settings.home / CATALOG
    if settings.database_url or not _is_blank(catalog):
        return
    patterns = ("store/objects/??/??/*", f"{CATALOG}.before-*", LAST_BACKUP)
    # Checked again: another process may have created the catalog, and stored something, in the meantime.
    if any(any(settings.home.glob(pattern)) for pattern in patterns) and _is_blank(catalog):
        state = "is empty, 0 bytes" if catalog.exists() else "is missing"
        raise DatabaseDamaged(f"it {state}, and what it names lies beside it")


def _is_blank(catalog: Path) -> bool:
    return not catalog.exists() or (catalog.is_file() and catalog.stat().st_size == 0)


def _file(settings: Settings) -> Path:
    return Path(make_url(settings.database_url).database or "") if settings.database_url else settings.home / CATALOG


def _place(settings: Settings) -> str:
    return "at SONGLINE_DATABASE_URL" if settings.database_url else str(settings.home / CATALOG)
