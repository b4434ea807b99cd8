"""Somebody with the workers' bucket user puts objects there that are made to fill a worker's disk."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from catalog.digests import digest_bytes
from catalog.errors import ArtifactLost
from catalog.store import s3
from catalog.store.base import object_name
from tests.services.s3_service import S3Service

SONG = b"a song"
DIGEST = digest_bytes(SONG)


def put(service: S3Service, bucket: s3.Bucket, data: bytes, *, packed: bool = False) -> None:
    """Put an object in the place of the song, by the name that the store gives it."""
    key = f"{bucket.prefix}/{object_name(DIGEST)}" if bucket.prefix else object_name(DIGEST)
    headers: dict[str, str | list[str] | tuple[str]] = {"Content-Encoding": "gzip"} if packed else {}
    service.client().put_object(bucket.name, key, io.BytesIO(data), len(data), metadata=headers)


def test_a_packed_object_is_not_unpacked(minio: S3Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = minio.bucket()
    store = minio.store(tmp_path / "cache", bucket)
    store.put_bytes(SONG)
    bomb = gzip.compress(bytes(50_000_000))
    put(minio, bucket, bomb, packed=True)
    monkeypatch.setattr(s3, "MAX_OBJECT_BYTES", len(bomb))
    with pytest.raises(ArtifactLost, match="corrupt"):
        store.fetch(DIGEST, tmp_path / "song")
    put(minio, bucket, gzip.compress(SONG), packed=True)
    assert not store.verify(DIGEST), "it is other bytes, whatever they unpack to"


def test_an_object_larger_than_any_artifact_is_not_taken(
    minio: S3Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = minio.bucket()
    store = minio.store(tmp_path / "cache", bucket)
    store.put_bytes(SONG)
    put(minio, bucket, bytes(5_000_000))
    monkeypatch.setattr(s3, "MAX_OBJECT_BYTES", 1_000_000)
    monkeypatch.setattr(s3, "CHUNK", 100_000)
    destination = tmp_path / "song"
    largest = [0]
    unlink = Path.unlink

    def removed(path: Path, missing_ok: bool = False) -> None:
        if path == destination:
            largest[0] = path.stat().st_size
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", removed)
    with pytest.raises(ArtifactLost, match="corrupt"):
        store.fetch(DIGEST, destination)
    assert 0 < largest[0] <= 1_000_000
    assert not destination.exists()
