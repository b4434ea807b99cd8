"""Chooses the kind of inbox for a location."""

from __future__ import annotations

from pathlib import Path

from catalog.catalog import Catalog
from catalog.common.errors import InputError, StoreError
from catalog.inbox.base import Inbox
from catalog.inbox.folder import FolderInbox


def inbox_of(catalog: Catalog, place: str) -> Inbox:
    """The inbox at ``place``, or at the location in the settings where that is empty; nothing is read yet."""
    place = place or catalog.settings.inbox
    if not place:
        raise InputError("no inbox is named", remedy="Name a folder or s3://BUCKET/PREFIX, or set SONGLINE_INBOX")
    if not place.startswith("s3://"):
        return FolderInbox(Path(place))
    try:
        # The S3 client is imported only for a bucket.
        from catalog.inbox.bucket import BucketInbox
        from catalog.store.s3_objects import named_objects
    except ModuleNotFoundError as error:
        raise StoreError(
            f"the S3 client is not installed ({error.name} is missing)", remedy="Run `pip install 'songline[s3]'`"
        ) from error
    return BucketInbox(named_objects(catalog.settings, place), place, scratch=catalog.scratch)
