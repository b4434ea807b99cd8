"""Somebody with the workers' bucket user puts objects there that are made to fill a worker's disk."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import cast

import pytest

from catalog.common.digests import digest_bytes
from catalog.common.errors import ArtifactLost, InputError
from catalog.inbox.bucket import BucketInbox
from catalog.store import s3
from catalog.store.base import object_name
from catalog.store.s3_client import ObjectInfo
from catalog.store.s3_objects import NamedObjects
from tests.support.services.s3_service import S3Service

SONG = b"a song"
DIGEST = digest_bytes(SONG)


def put(service: S3Service, bucket: s3.Bucket, data: bytes, *, packed: bool = False) -> None:  # type: ignore[name-defined]
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


class Lying:
    """Objects of an inbox whose listing says that each has one byte."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def listing(self) -> Iterator[ObjectInfo]:
        yield from (ObjectInfo(name, 1, 0.0) for name in self.objects)

    def fetch(self, name: str, destination: Path, *, max_bytes: int) -> int:
        if len(self.objects[name]) > max_bytes:
            raise InputError(f"{name!r} has more than {max_bytes} bytes", remedy="Use a smaller file")
        return destination.write_bytes(self.objects[name])


def test_files_of_an_inbox_are_counted_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.inbox.bucket.MAX_TOTAL_BYTES", 1000)
    objects = Lying({"album.yaml": b"songs: [a.wav, b.wav, c.wav]", **dict.fromkeys(("a.wav", "b.wav"), bytes(400))})
    inbox = BucketInbox(cast("NamedObjects", objects), "s3://inbox", scratch=lambda: nullcontext(tmp_path))
    inbox.manifests()
    with inbox.opened("album.yaml") as manifest:
        assert {path.name for path in manifest.parent.iterdir()} == {"album.yaml", "a.wav", "b.wav"}
    objects.objects["c.wav"] = bytes(400)
    inbox.manifests()
    with pytest.raises(InputError, match="more than 200 bytes"), inbox.opened("album.yaml"):
        pass
