"""Chooses the artifact store by the settings."""

from __future__ import annotations

from catalog.common.errors import StoreError
from catalog.common.settings import Settings
from catalog.store.base import Store
from catalog.store.local import FolderStore


def store_of(settings: Settings) -> Store:
    """The folder inside the home, or the bucket in ``SONGLINE_STORE_URL``; no request is sent yet."""
    return _bucket_store(settings) if settings.store_url else FolderStore(settings.store_path)


def _bucket_store(settings: Settings) -> Store:
    try:
        # The S3 client is imported only for a bucket.
        from catalog.store.cache import LocalCache
        from catalog.store.s3 import S3Store
        from catalog.store.s3_client import bucket_at
    except ModuleNotFoundError as error:
        raise StoreError(
            f"the S3 client is not installed ({error.name} is missing)", remedy="Run `pip install 'songline[s3]'`"
        ) from error
    bucket = bucket_at(settings.store_url, settings)
    return S3Store(bucket, cache=LocalCache(settings.cache_path, limit_bytes=round(settings.cache_gb * 1e9)))
