"""Chooses the kind of inbox for a location."""

from __future__ import annotations

from pathlib import Path

from catalog.catalog import Catalog
from catalog.common.errors import InputError, StoreError
from catalog.inbox.base import Inbox
from catalog.inbox.folder import FolderInbox


def inbox_of(catalog: Catalog, location: str) -> Inbox:
    """The inbox at ``location``, or at the location in the settings where that is empty; nothing is read yet."""
    location = location or catalog.settings.inbox
    if not location:
        raise InputError("no inbox is named", remedy="Name a folder or s3://BUCKET/PREFIX, or set SONGLINE_INBOX")
    if not location.startswith("s3://"):
        return FolderInbox(Path(location))
    try:
        # The S3 client is imported only for a bucket.
        from catalog.inbox.bucket import BucketInbox
        from catalog.store.s3_objects import named_objects
    except ModuleNotFoundError as error:
        raise StoreError(
            f"the S3 client is not installed ({error.name} is missing)", remedy="Run `pip install 'songline[s3]'`"
        ) from error
    return BucketInbox(named_objects(catalog.settings, location), location, scratch=catalog.scratch)
