"""Rows that can be read and that this code makes nothing of: most likely no Songline wrote them, or Songline errs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import NoResultFound

from db.session import NotUnderstood


@contextmanager
def understood() -> Iterator[None]:
    """Raise NotUnderstood where rows that are only looked at lack what this code reads in them."""
    try:
        yield
    except UnicodeError:  # of what is written to, not of what is read
        raise
    except (LookupError, TypeError, AttributeError, ValueError, NoResultFound) as error:
        words = " ".join(str(error).split())[:100]
        raise NotUnderstood(f"{type(error).__name__}: {words}") from error
