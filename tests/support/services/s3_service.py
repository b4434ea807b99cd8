"""An S3 service for tests: its address, its credentials, and a store in a bucket of the test."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from minio import Minio
from pydantic import SecretStr

from catalog.common.settings import Settings
from catalog.store.cache import LocalCache
from catalog.store.s3 import S3Store
from catalog.store.s3_client import Bucket


@dataclass(frozen=True, slots=True)
class S3Service:
    """A running service. ``is_strict``: it checks signatures and expiry, as MinIO does and moto does not."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    is_strict: bool
    data: Path | None = None

    def bucket(self, name: str = "", **changes: object) -> Bucket:
        """A bucket that does not exist yet."""
        known = {
            "name": name or f"songs-{secrets.token_hex(4)}",
            "prefix": "",
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "access_key": SecretStr(self.access_key),
            "secret_key": SecretStr(self.secret_key),
            "patience_s": 2.0,
        }
        return Bucket(**(known | changes))  # type: ignore[arg-type]

    def store(self, cache: Path, bucket: Bucket | None = None, *, part_bytes: int = 5 << 20) -> S3Store:
        """A store with its own cache, and the smallest parts that S3 allows."""
        return S3Store(bucket or self.bucket(), cache=LocalCache(cache, limit_bytes=1 << 30), part_bytes=part_bytes)

    def settings(self, home: Path, bucket: str) -> Settings:
        """Settings of a catalog with its bytes in this service."""
        return Settings(home=home, workers=2, retry_base_s=0.01).model_copy(update=dict(self.variables(bucket)))

    def variables(self, bucket: str) -> dict[str, object]:
        """The fields of the settings that select this service."""
        return {
            "store_url": f"s3://{bucket}/line",
            "s3_endpoint": self.endpoint,
            "s3_access_key": SecretStr(self.access_key),
            "s3_secret_key": SecretStr(self.secret_key),
            "s3_patience_s": 5.0,
        }

    def client(self) -> Minio:
        """The plain client, for changes that bypass the store."""
        return Minio(
            self.endpoint.removeprefix("http://"),
            access_key=self.access_key,
            secret_key=self.secret_key,
            secure=False,
            region="us-east-1",
        )
