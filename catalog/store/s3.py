"""The artifact store in a bucket of MinIO or any other S3 service."""

from __future__ import annotations

import copy
import hashlib
import io
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import BinaryIO

from urllib3.exceptions import ProtocolError, TimeoutError

from catalog.common.digests import CHUNK, digest_bytes, digest_file
from catalog.common.errors import InputError, StoreError, remedy_of_writing
from catalog.store.base import Stored, lost, object_name
from catalog.store.cache import LocalCache
from catalog.store.http_retry import short_message
from catalog.store.s3_client import Bucket, S3Client
from catalog.store.s3_errors import unreachable

PART_BYTES = 16 << 20
DOWNLOADS = 4
UNREADABLE = "SlowDownRead"
NO_DIGEST = ""
LONGEST_LINK_S = 7 * 24 * 3600
MAX_OBJECT_BYTES = 8 << 30
"""A WAV file is limited to 4 GiB. A larger object under an artifact's name was written by another program."""


class S3Store:
    """``objects/ab/cd/<digest>`` under the bucket's prefix. No request is sent before the first use.

    An object becomes visible complete or not at all, so nothing half-written is ever read; incomplete multipart
    uploads are swept. Files that are read locally are in ``cache``.
    """

    def __init__(self, bucket: Bucket, *, cache: LocalCache, part_bytes: int = PART_BYTES) -> None:
        self._client = S3Client(bucket)
        self._prefix = f"{bucket.prefix}/" if bucket.prefix else ""
        self._cache = cache
        self._part_bytes = part_bytes

    def with_timeout(self, patience_s: float) -> S3Store:
        """See :class:`catalog.store.base.Store`."""
        clone = copy.copy(self)
        clone._client = self._client.with_timeout(patience_s)
        return clone

    def put(self, source: Path) -> Stored:
        """See :class:`catalog.store.base.Store`."""
        digest = digest_file(source)
        with source.open("rb") as stream:
            return self._keep(digest, source.stat().st_size, stream)

    def put_bytes(self, data: bytes) -> Stored:
        """See :class:`catalog.store.base.Store`."""
        return self._keep(digest_bytes(data), len(data), io.BytesIO(data))

    def fetch(self, digest: str, destination: Path) -> None:
        """See :class:`catalog.store.base.Store`."""
        try:
            stored_digest = self._digest_there(digest, destination)
        except OSError as error:
            destination.unlink(missing_ok=True)
            raise StoreError(
                f"artifact {digest[:12]} cannot be written to {destination}: {error.strerror}",
                remedy=remedy_of_writing(error, "Choose another folder"),
                digest=digest,
            ) from error
        except StoreError:
            destination.unlink(missing_ok=True)
            raise
        if stored_digest != digest:
            destination.unlink(missing_ok=True)
            raise lost(digest, "not in the store" if stored_digest is None else "corrupt in the store")

    def local(self, digest: str) -> Path:
        """See :class:`catalog.store.base.Store`. Downloaded once, then kept on this machine while in use, and
        downloaded again where the local copy is damaged."""
        object_name(digest)
        return self._cache.get(digest, lambda part: self.fetch(digest, part))

    def stat(self, digest: str) -> Stored | None:
        """See :class:`catalog.store.base.Store`."""
        entry = self._client.stat(self._key(digest))
        return Stored(digest, entry.size, entry.modified_at) if entry else None

    def verify(self, digest: str) -> bool:
        """See :class:`catalog.store.base.Store`. Downloads every byte."""
        return self._digest_there(digest) == digest

    def delete(self, digest: str) -> None:
        """See :class:`catalog.store.base.Store`."""
        self._client.remove(self._key(digest))
        self._cache.drop(digest)

    def listing(self) -> Iterator[Stored]:
        """See :class:`catalog.store.base.Store`. Other objects under the prefix are skipped."""
        for entry in self._client.listing(f"{self._prefix}objects/"):
            digest = entry.key.rpartition("/")[2]
            if self._is_named(digest, entry.key):
                yield Stored(digest, entry.size, entry.modified_at)

    def sweep_unfinished(self, older_than_s: float) -> int:
        """See :class:`catalog.store.base.Store`.

        MinIO lists only the uploads begun since its start; it sweeps older ones itself after a day.
        """
        limit = time.time() - older_than_s
        uploads = [
            candidate for candidate in self._client.uploads(f"{self._prefix}objects/") if candidate.begun_at < limit
        ]
        return sum(self._client.abort(upload) for upload in uploads) + self._cache.sweep_unfinished(older_than_s)

    def presign(self, digest: str, expires_s: int, *, file_name: str = "", media_type: str = "") -> str:
        """See :class:`catalog.store.base.Store`; at most seven days, the limit of S3."""
        if not 1 <= expires_s <= LONGEST_LINK_S:
            raise InputError(
                f"a link cannot live for {expires_s} s", remedy=f"Choose between 1 and {LONGEST_LINK_S} seconds"
            )
        if self.stat(digest) is None:
            raise lost(digest, "not in the store")
        return self._client.link(self._key(digest), expires_s, file_name=file_name, media_type=media_type)

    def _key(self, digest: str) -> str:
        return self._prefix + object_name(digest)

    def _is_named(self, digest: str, key: str) -> bool:
        try:
            return key == self._key(digest)
        except StoreError:
            return False

    def _keep(self, digest: str, size: int, stream: BinaryIO) -> Stored:
        entry = self.stat(digest)
        # Known bytes get a new date: a sweep must not remove them before the row that will name them.
        if entry is not None and entry.size == size and self._client.renew(self._key(digest)):
            return Stored(digest, size, time.time())
        # A single request states the whole object's SHA-256, and the server rejects other bytes. For multipart
        # uploads it knows only the parts' checksums: such an object is read back, as is any for which the server
        # returns no checksum.
        sha256 = b64encode(bytes.fromhex(digest)).decode() if size <= self._part_bytes else None
        self._client.upload(self._key(digest), stream, size=size, part_bytes=self._part_bytes, sha256=sha256)
        new_entry = self._client.stat(self._key(digest))
        if new_entry and new_entry.size == size and ((sha256 and new_entry.sha256 == sha256) or self.verify(digest)):
            return Stored(digest, size, new_entry.modified_at)
        self.delete(digest)
        raise StoreError(
            f"artifact {digest[:12]} was damaged while it was stored",
            remedy="Check the network and the store's disks, then run it again",
            digest=digest,
        )

    def _digest_there(self, digest: str, destination: Path | None = None) -> str | None:
        """The SHA-256 of the stored bytes, which are written to ``destination``; None where there are none.

        An interrupted download is retried from the start. Where a service itself detects that an object is damaged,
        as MinIO does, it refuses to send it, or cuts it at the same byte every time: it has no digest then, as long
        as the service still lists the object (in an outage it does not).
        """
        cut_positions: list[int | None] = []
        while True:
            try:
                return self._read(digest, destination)
            except (ProtocolError, TimeoutError) as error:
                cut_positions.append(getattr(error.args[-1], "partial", None))
                if len(cut_positions) < DOWNLOADS:
                    continue
                if None not in cut_positions and len(set(cut_positions)) == 1 and self.stat(digest):
                    return NO_DIGEST
                raise unreachable(short_message(error), location=self._client.where, digest=digest) from error
            except StoreError as error:
                if error.ids.get("code") == UNREADABLE and self.stat(digest):
                    return NO_DIGEST
                raise

    def _read(self, digest: str, destination: Path | None) -> str | None:
        response = self._client.read(self._key(digest))
        if response is None:
            return None
        hasher, size = hashlib.sha256(), 0
        with ExitStack() as stack:
            stack.enter_context(closing(response))
            target = stack.enter_context(destination.open("wb")) if destination else None
            # Not decoded: any writer of the bucket can set an object's content encoding.
            for chunk in response.stream(CHUNK, decode_content=False):
                hasher.update(chunk)
                size += len(chunk)
                if size > MAX_OBJECT_BYTES:
                    return NO_DIGEST
                if target:
                    target.write(chunk)
            response.release_conn()
        return hasher.hexdigest()
