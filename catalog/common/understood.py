"""Reports rows that are readable but not valid for this code: probably another program wrote them, or Songline has a
bug."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import NoResultFound

from db.session import InvalidRows


@contextmanager
def understood() -> Iterator[None]:
    """Raise InvalidRows where rows that are only displayed are missing what this code reads in them."""
    try:
        yield
    except UnicodeError:  # raised by the output, not by the rows
        raise
    except (LookupError, TypeError, AttributeError, ValueError, NoResultFound) as error:
        words = " ".join(str(error).split())[:100]
        raise InvalidRows(f"{type(error).__name__}: {words}") from error
