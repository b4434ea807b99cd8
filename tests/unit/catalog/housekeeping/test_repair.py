"""``verify``: what is missing or corrupt is told soon, and apart from a store that is away."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from catalog.catalog import Catalog, open_catalog
from catalog.common.digests import digest_bytes
from catalog.common.errors import StoreError
from catalog.housekeeping.repair import Damage, examine, require_some_whole
from catalog.store.base import object_name
from tests.support.commands import songline
from tests.support.services.faulty_gateway import faulty_gateway

SONGS = [os.urandom(1 << 16) for _ in range(3)]


@pytest.fixture
def minio_house(minio, tmp_path: Path):
    """A house on MinIO with the patience of the default setting; its bucket."""
    bucket = minio.bucket().name
    settings = minio.settings(tmp_path / "home", bucket).model_copy(update={"s3_patience_s": 45.0})
    with open_catalog(settings) as catalog:
        yield catalog, bucket


def rot(minio, bucket, digest):
    """Turn one byte over on the server's disk."""
    (meta,) = (minio.data / bucket / "line" / object_name(digest)).rglob("*")
    rotten = bytearray(meta.read_bytes())
    rotten[-100] ^= 1
    meta.write_bytes(rotten)


def test_a_rotten_byte_is_told_within_seconds_beside_whole_and_missing_ones(minio, minio_house) -> None:
    catalog, bucket = minio_house
    digests = [catalog.store.put_bytes(song).digest for song in SONGS]
    missing = digest_bytes(b"never stored")
    rot(minio, bucket, digests[1])
    started = time.monotonic()
    found = examine(catalog.database, catalog.store, [*digests, missing])
    assert time.monotonic() - started < 12.0
    assert found == [Damage(digests[1], True, None, None, None), Damage(missing, False, None, None, None)]


def test_a_store_that_is_busy_for_a_while_is_not_taken_for_damaged(minio, tmp_path: Path) -> None:
    """A service that answers as if the disk were damaged, and reads well some seconds later."""
    until = [0.0]

    def choose(verb, path):
        busy = time.monotonic() < until[0] and verb == "GET" and "/objects/" in path
        return (503, "SlowDownRead") if busy else ""

    with faulty_gateway(minio.endpoint, choose) as gateway:
        settings = minio.settings(tmp_path / "home", minio.bucket().name)
        with open_catalog(settings.model_copy(update={"s3_endpoint": gateway.endpoint})) as catalog:
            digests = [catalog.store.put_bytes(song).digest for song in SONGS[:2]]
            until[0] = time.monotonic() + 4.5
            assert examine(catalog.database, catalog.store, digests) == []
            assert gateway.faults > 2


def test_a_store_that_is_away_is_one_error(minio, tmp_path: Path) -> None:
    away = [False]
    with faulty_gateway(minio.endpoint, lambda *_: (503, "SlowDown") if away[0] else "") as gateway:
        settings = minio.settings(tmp_path / "home", minio.bucket().name)
        settings = settings.model_copy(update={"s3_endpoint": gateway.endpoint, "s3_patience_s": 1.0})
        with open_catalog(settings) as catalog:
            digests = [catalog.store.put_bytes(song).digest for song in SONGS]
            away[0] = True
            with pytest.raises(StoreError):
                examine(catalog.database, catalog.store, digests)


@pytest.mark.slow
def test_a_store_that_has_nothing_is_one_error(catalog: Catalog, tmp_path: Path) -> None:
    albums = catalog.add_file(write(tmp_path / "a", SONGS[0]), media_type="audio/wav")
    digests = [albums, catalog.add_file(write(tmp_path / "b", SONGS[1]), media_type="audio/wav")]
    for digest in digests:
        catalog.store.delete(digest)
    damages = examine(catalog.database, catalog.store, digests)
    require_some_whole([*digests, "whole"], damages)
    require_some_whole(digests[:1], damages[:1])
    with pytest.raises(StoreError, match=r"has none: 2 are missing, 0 cannot be read. See that the store's disk"):
        require_some_whole(digests, damages)

    told = songline("verify", "--json", home=catalog.settings.home)
    assert told.returncode == 4
    assert json.loads(told.stderr)["kind"] == "store"
    assert songline("verify", "--repair", home=catalog.settings.home).returncode == 0


def write(path, data):
    path.write_bytes(data)
    return path
