"""Objects of a bucket by user-chosen names. The names and sizes are untrusted."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import ProtocolError, TimeoutError

from catalog.common.digests import CHUNK
from catalog.common.errors import InputError, StoreError
from catalog.common.settings import Settings
from catalog.store.http_retry import short_message
from catalog.store.s3 import DOWNLOADS, PART_BYTES
from catalog.store.s3_client import Bucket, ObjectInfo, S3Client, bucket_at
from catalog.store.s3_errors import unreachable


class _StandingBucket(S3Client):
    """A user's own bucket: it is never created here, since a bucket made for a misspelt name would stay empty
    forever."""

    def _make(self) -> None:
        raise StoreError(f"{self.where} is not there", remedy="Make the bucket, or correct SONGLINE_INBOX")


class NamedObjects:
    """The objects under the bucket's prefix; names exclude the prefix. No request is sent before the first use."""

    def __init__(self, bucket: Bucket) -> None:
        self._client = _StandingBucket(bucket)
        self._prefix = f"{bucket.prefix}/" if bucket.prefix else ""

    def listing(self) -> Iterator[ObjectInfo]:
        """Every object, its name as ``key``."""
        for entry in self._client.listing(self._prefix):
            yield ObjectInfo(entry.key.removeprefix(self._prefix), entry.size, entry.modified_at)

    def is_there(self, name: str) -> bool:
        """Whether the object exists."""
        return self._client.stat(self._prefix + name) is not None

    def fetch(self, name: str, destination: Path, *, max_bytes: int) -> int:
        """Write an object to a file; returns its size. Raises InputError where it is gone or larger than
        ``max_bytes``."""
        for _ in range(DOWNLOADS):
            try:
                with closing(self._read(name)) as response:
                    return _written(response, name, destination, max_bytes=max_bytes)
            except (ProtocolError, TimeoutError) as error:
                last_error = error
        raise unreachable(short_message(last_error), location=self._client.where) from last_error

    def put(self, name: str, data: bytes) -> None:
        """Store bytes under a name, replacing an existing object."""
        key = self._prefix + name
        self._client.upload(key, io.BytesIO(data), size=len(data), part_bytes=PART_BYTES, sha256=None)

    def link(self, name: str, expires_s: int, *, media_type: str) -> str:
        """A URL that reads the object without credentials until it expires."""
        return self._client.link(self._prefix + name, expires_s, media_type=media_type)

    def remove(self, name: str) -> None:
        """Remove an object where it exists."""
        self._client.remove(self._prefix + name)

    def _read(self, name: str) -> BaseHTTPResponse:
        response = self._client.read(self._prefix + name)
        if response is None:
            raise InputError(f"{name!r} is gone from the bucket", remedy="Upload it again")
        return response


def named_objects(settings: Settings, url: str) -> NamedObjects:
    """The objects under ``s3://BUCKET/PREFIX``, with the credentials of the settings."""
    return NamedObjects(bucket_at(url, settings))


def _written(response: BaseHTTPResponse, name: str, destination: Path, *, max_bytes: int) -> int:
    """Copy the response, and stop where it exceeds ``max_bytes``."""
    size = 0
    with destination.open("wb") as target:
        for chunk in response.stream(CHUNK):
            size += len(chunk)
            if size > max_bytes:
                raise InputError(f"{name!r} has more than {max_bytes} bytes", remedy="Use a smaller file")
            target.write(chunk)
    response.release_conn()
    return size
