"""Rows that can be read and say what no Songline writes: told as damage, not as an error of the code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import NoResultFound

from db.session import DatabaseDamaged


@contextmanager
def understood() -> Iterator[None]:
    """Raise DatabaseDamaged where rows that are only looked at lack what this code reads in them."""
    try:
        yield
    except UnicodeError:  # of what is written to, not of what is read
        raise
    except (LookupError, TypeError, AttributeError, ValueError, NoResultFound) as error:
        words = " ".join(str(error).split())[:100]
        what = f"rows in it are not as Songline writes them ({type(error).__name__}: {words})"
        raise DatabaseDamaged(what) from error
