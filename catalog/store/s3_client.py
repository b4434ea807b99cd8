"""The few S3 operations that a store needs, on one bucket; translates every error to StoreError. The only module that
imports minio."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlsplit
from xml.etree.ElementTree import ParseError

from minio import Minio
from minio.commonconfig import REPLACE, CopySource
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from pydantic import SecretStr
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from catalog.common.errors import StoreError
from catalog.common.settings import Settings
from catalog.store.http_retry import READ_S, RetryingPool, short_message
from catalog.store.s3_errors import not_s3, refusal, unreachable

LEAST_READ_S = 5.0
GONE = ("NoSuchKey", "NoSuchUpload")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """The location of the bytes, and the credentials for it."""

    name: str
    prefix: str
    endpoint: str
    region: str
    access_key: SecretStr
    secret_key: SecretStr
    ca_file: Path | None = None
    patience_s: float = 45.0
    read_s: float = READ_S


def bucket_at(url: str, settings: Settings) -> Bucket:
    """The bucket of ``s3://BUCKET/PREFIX``, with the service and the credentials of the settings."""
    if not settings.s3_access_key.get_secret_value() or not settings.s3_secret_key.get_secret_value():
        raise StoreError(
            "the bucket's credentials are not set", remedy="Set SONGLINE_S3_ACCESS_KEY and SONGLINE_S3_SECRET_KEY"
        )
    address = urlsplit(url)
    return Bucket(
        name=address.netloc,
        prefix=address.path.strip("/"),
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        ca_file=settings.s3_ca_file,
        patience_s=settings.s3_patience_s,
    )


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as the service describes it; ``sha256`` is in base64, None where the service states none."""

    key: str
    size: int
    modified_at: float
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload that was begun and not completed."""

    key: str
    upload_id: str
    begun_at: float


class S3Client:
    """The bucket; the first request creates it where it is missing. Keys are complete, including the prefix."""

    def __init__(self, bucket: Bucket) -> None:
        endpoint = bucket.endpoint.rstrip("/")
        scheme, _, host = endpoint.partition("://")
        self.where = f"the store {endpoint} (bucket {bucket.name})"
        self._settings = bucket
        self._bucket = bucket.name
        self._region = bucket.region
        self._is_open = False
        self._minio = Minio(
            host,
            access_key=bucket.access_key.get_secret_value(),
            secret_key=bucket.secret_key.get_secret_value(),
            secure=scheme == "https",
            region=bucket.region,
            http_client=RetryingPool(patience_s=bucket.patience_s, read_s=bucket.read_s, ca_file=bucket.ca_file),
        )

    def with_timeout(self, patience_s: float) -> S3Client:
        """A client of the same bucket with a shorter timeout, both for silence and for errors of the service."""
        client = S3Client(replace(self._settings, patience_s=patience_s, read_s=max(patience_s, LEAST_READ_S)))
        client._is_open = self._is_open
        return client

    def stat(self, key: str) -> ObjectInfo | None:
        """The service's description of an object; None where there is none."""
        with self._told():
            try:
                description = self._minio.stat_object(
                    self._bucket, key, extra_headers={"x-amz-checksum-mode": "ENABLED"}
                )
            except S3Error as error:
                if error.code in GONE:
                    return None
                raise
        sha256 = (description.metadata or {}).get("x-amz-checksum-sha256")
        return ObjectInfo(
            key, description.size or 0, _seconds(description.last_modified), str(sha256) if sha256 else None
        )

    def upload(self, key: str, stream: BinaryIO, *, size: int, part_bytes: int, sha256: str | None) -> None:
        """Send ``size`` bytes in parts; with ``sha256`` (base64, for a single part only) the server rejects other
        bytes."""
        with self._told():
            try:
                self._minio.put_object(
                    self._bucket,
                    key,
                    stream,
                    size,
                    metadata={"x-amz-checksum-sha256": sha256} if sha256 else None,
                    part_size=part_bytes,
                    num_parallel_uploads=1,
                )
            except S3Error as error:
                if error.code != "NoSuchUpload":
                    raise
                # The client aborted the upload after an error, and the abort failed too: report the first error. None
                # means that the upload was complete already, and only the response was lost.
                first_error = error.__context__
                if (
                    isinstance(first_error, MinioException | HTTPError)
                    and getattr(first_error, "code", "") != "NoSuchUpload"
                ):
                    raise first_error from None

    def renew(self, key: str) -> bool:
        """Give an object a new date by copying it onto itself inside the service; False where it is gone."""
        source = CopySource(self._bucket, key)
        metadata: dict[str, str | list[str] | tuple[str]] = {"renewed": str(int(time.time()))}
        with self._told():
            try:
                self._minio.copy_object(self._bucket, key, source, metadata=metadata, metadata_directive=REPLACE)
            except S3Error as error:
                if error.code in GONE:
                    return False
                raise
        return True

    def read(self, key: str) -> BaseHTTPResponse | None:
        """The object's bytes, to be streamed and closed; None where there is none."""
        with self._told():
            try:
                return self._minio.get_object(self._bucket, key)
            except S3Error as error:
                if error.code in GONE:
                    return None
                raise

    def remove(self, key: str) -> None:
        """Remove an object where it exists."""
        with self._told():
            self._minio.remove_object(self._bucket, key)

    def listing(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose key begins with ``prefix``, ordered by key."""
        with self._told():
            for entry in self._minio.list_objects(self._bucket, prefix=prefix, recursive=True):
                yield ObjectInfo(entry.object_name or "", entry.size or 0, _seconds(entry.last_modified))

    def link(self, key: str, expires_s: int, *, file_name: str = "", media_type: str = "") -> str:
        """A URL that downloads the object without credentials until it expires, under ``file_name`` (RFC 6266) and as
        ``media_type`` where these are set."""
        headers: dict[str, str | list[str] | tuple[str]] = {}
        if file_name:
            headers["response-content-disposition"] = f"attachment; filename*=UTF-8''{quote(file_name, safe='')}"
        if media_type:
            headers["response-content-type"] = media_type
        duration = timedelta(seconds=expires_s)
        with self._told():
            return self._minio.presigned_get_object(self._bucket, key, expires=duration, response_headers=headers)

    def uploads(self, prefix: str) -> list[Upload]:
        """The multipart uploads that were not completed, as far as the service lists them."""
        uploads: list[Upload] = []
        marker: str | None = None
        with self._told():
            while True:
                # Requested without the prefix, which MinIO treats as a complete key here.
                page = self._minio._list_multipart_uploads(self._bucket, key_marker=marker)
                uploads += [
                    Upload(entry.object_name, entry.upload_id or "", _seconds(entry.initiated_time))
                    for entry in page.uploads
                ]
                marker = page.next_key_marker if page.is_truncated else None
                if not marker:
                    return [upload for upload in uploads if upload.key.startswith(prefix)]

    def abort(self, upload: Upload) -> bool:
        """Abort an unfinished upload; False where it is gone."""
        with self._told():
            try:
                self._minio._abort_multipart_upload(self._bucket, upload.key, upload.upload_id)
            except S3Error as error:
                if error.code in GONE:
                    return False
                raise
        return True

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Translate the client's errors; the first request opens the bucket."""
        try:
            if not self._is_open:
                self._open()
            yield
        except S3Error as error:
            raise refusal(error.code or "", error.message or "", location=self.where) from error
        except (InvalidResponseError, ParseError) as error:
            raise not_s3(location=self.where) from error
        except ServerError as error:
            raise unreachable(f"it answers with status {error.status_code}", location=self.where) from error
        except (MinioException, HTTPError) as error:
            raise unreachable(short_message(error), location=self.where) from error

    def _open(self) -> None:
        """Create the bucket where it is missing. Checked by an empty listing: only responses with a body report wrong
        keys."""
        try:
            next(self._minio.list_objects(self._bucket, start_after="\U0010ffff"), None)
        except S3Error as error:
            if error.code != "NoSuchBucket":
                raise
            self._make()
        self._is_open = True

    def _make(self) -> None:
        try:
            self._minio.make_bucket(self._bucket, location=self._region)
        except S3Error as error:
            if error.code == "BucketAlreadyOwnedByYou":
                return  # another process was first
            if error.code == "AccessDenied":
                raise StoreError(
                    f"{self.where} is missing, and these credentials may not make it",
                    remedy=f"Have the bucket {self._bucket} made, or correct SONGLINE_STORE_URL",
                ) from error
            raise


def _seconds(when: datetime | None) -> float:
    return when.timestamp() if when else 0.0
