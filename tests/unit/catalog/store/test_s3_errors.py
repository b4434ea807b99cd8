"""What befalls an S3 store: overload, cut connections, restarts, wrong keys, and damage on the server's disk."""

from __future__ import annotations

import os
import random
import threading
import time
import tracemalloc
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest
from minio.time import to_amz_date, utcnow
from pydantic import SecretStr

from catalog.common.digests import digest_bytes
from catalog.common.errors import ArtifactLost, StoreError
from catalog.store.base import object_name
from tests.support.services.faulty_gateway import faulty_gateway
from tests.support.services.minio_server import minio_server
from tests.support.services.processes import free_port

SMALL = b"a song"
IN_PARTS = os.urandom((10 << 20) + 7)
IMPATIENT = {"patience_s": 0.5}


@pytest.fixture
def behind(minio, tmp_path: Path):
    """A store whose requests meet the faults that the test hands out."""
    opened = []

    def make(choose, **changes):
        gateway = faulty_gateway(minio.endpoint, choose)
        entered = gateway.__enter__()
        opened.append(gateway)
        bucket = minio.bucket(endpoint=entered.endpoint, **({"patience_s": 20.0} | changes))
        return minio.store(tmp_path / "cache", bucket), entered

    yield make
    for gateway in opened:
        gateway.__exit__(None, None, None)


def one_in(count, fault, *, method=""):
    """A fault for one request in so many, at random."""
    rng = random.Random(7)
    return lambda verb, _: fault if verb.startswith(method) and rng.random() < 1 / count else ""


def first(count, fault, *, method="", query=""):
    """A fault for the first requests of a kind."""
    left = [count]

    def choose(verb, path):
        if not verb.startswith(method) or query not in path or not left[0]:
            return ""
        left[0] -= 1
        return fault

    return choose


def refused_by(store):
    with pytest.raises(StoreError) as caught:
        store.put_bytes(SMALL)
    assert not isinstance(caught.value, ArtifactLost)
    return str(caught.value)


def test_a_fifth_of_all_requests_may_fail(behind, tmp_path: Path) -> None:
    store, gateway = behind(one_in(5, (503, "SlowDown")))
    for number in range(6):
        digest = store.put_bytes(bytes([number])).digest
        store.fetch(digest, tmp_path / "back")
    kept = store.put_bytes(IN_PARTS)
    assert store.verify(kept.digest)
    assert len(list(store.listing())) == 7
    assert gateway.faults > 5


@pytest.mark.parametrize("data", [SMALL, IN_PARTS], ids=["small", "in parts"])
def test_an_upload_cut_in_the_middle_is_sent_again(behind, data) -> None:
    store, gateway = behind(first(2, "cut_upload", method="PUT", query="objects"))
    assert store.verify(store.put_bytes(data).digest)
    assert gateway.faults == 2


def test_the_lost_answer_of_a_completed_upload_does_no_harm(behind) -> None:
    store, gateway = behind(first(1, "lose_answer", method="POST", query="uploadId"))
    assert store.verify(store.put_bytes(IN_PARTS).digest)
    assert gateway.faults == 1
    assert store.sweep_unfinished(-5.0) == 0


def test_a_download_cut_in_the_middle_starts_again(behind, tmp_path: Path) -> None:
    store, gateway = behind(first(2, "cut_download", method="GET", query="/objects/"))
    digest = store.put_bytes(IN_PARTS).digest
    gateway.choose = first(2, "cut_download", method="GET", query="/objects/")
    assert store.local(digest).read_bytes() == IN_PARTS


def test_an_upload_that_fails_for_good_tells_the_first_trouble_and_soon(behind) -> None:
    gone = [False]

    def choose(verb, path):
        gone[0] = gone[0] or "partNumber=2" in path
        return (503, "SlowDown") if gone[0] else ""

    store, _ = behind(choose, patience_s=1.0)
    started = time.monotonic()
    with pytest.raises(StoreError, match="said by the gateway"):
        store.put_bytes(IN_PARTS)
    assert time.monotonic() - started < 2.0


@pytest.mark.slow
def test_a_server_that_is_gone_for_a_while_is_waited_for(tmp_path: Path) -> None:
    port, keys = free_port(), ("studio", "a-secret-of-the-test")
    with minio_server(tmp_path, port=port, keys=keys) as service:
        store = service.store(tmp_path / "cache", service.bucket(patience_s=30.0))
        store.put_bytes(b"before")
    done = []
    writer = threading.Thread(target=lambda: done.append(store.put_bytes(IN_PARTS)))
    writer.start()
    time.sleep(1.5)
    assert not done
    with minio_server(tmp_path, port=port, keys=keys):
        writer.join(30.0)
        assert done
        assert store.verify(done[0].digest)
        assert store.verify(digest_bytes(b"before"))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"secret_key": SecretStr("not-the-secret")}, "refuses the secret key. Check SONGLINE_S3_ACCESS_KEY and"),
        ({"access_key": SecretStr("nobody")}, "does not know this access key. Check SONGLINE_S3_ACCESS_KEY"),
        ({"endpoint": "http://127.0.0.1:1", **IMPATIENT}, "cannot be reached: Connection refused. Check SONGLINE_S3_E"),
    ],
)
def test_wrong_settings_are_told_with_the_remedy(minio, tmp_path: Path, changes, told) -> None:
    bucket = minio.bucket(**changes)
    said = refused_by(minio.store(tmp_path / "cache", bucket))
    assert told in said
    assert bucket.name in said
    assert bucket.secret_key.get_secret_value() not in said + repr(bucket)
    assert bucket.access_key.get_secret_value() not in said + repr(bucket)


def test_a_wrong_clock_is_told(minio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        to_amz_date = staticmethod(to_amz_date)
        utcnow = staticmethod(lambda: utcnow() - timedelta(hours=1))

    monkeypatch.setattr("minio.api.time", Slow)
    assert "clock is wrong by more than 15 minutes. Set the clock" in refused_by(minio.store(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ((507, "XMinioStorageFull"), "has no space left. Free space there, for instance with `songline gc`"),
        ((403, "AccessDenied"), "does not allow this with these credentials"),
        ((301, "PermanentRedirect"), "keeps the bucket in another region. Set SONGLINE_S3_REGION"),
        ((503, "SlowDown"), "said by the gateway"),
    ],
)
def test_refusals_are_told_with_the_remedy(behind, fault, told) -> None:
    store, gateway = behind(lambda *_: "", **IMPATIENT)
    store.put_bytes(b"the bucket is there")
    gateway.choose = lambda verb, _: fault if verb in ("PUT", "GET") else ""
    assert told in refused_by(store)


def test_an_address_where_something_else_answers_is_told(behind) -> None:
    store, _ = behind(lambda *_: "not_s3")
    assert "does not answer as an S3 service does. Check SONGLINE_S3_ENDPOINT" in refused_by(store)


def test_a_missing_bucket_that_may_not_be_made_is_told(behind) -> None:
    store, _ = behind(first(1, (403, "AccessDenied"), method="PUT"))
    assert "is missing, and these credentials may not make it. Have the bucket songs-" in refused_by(store)


def test_a_bucket_is_made_once_by_several(minio, tmp_path: Path) -> None:
    bucket, failed = minio.bucket(), []

    def put(number):
        try:
            minio.store(tmp_path / f"cache{number}", bucket).put_bytes(SMALL)
        except StoreError as error:
            failed.append(error)

    writers = [threading.Thread(target=put, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failed
    assert len(list(minio.store(tmp_path / "cache", bucket).listing())) == 1


@pytest.mark.slow
@pytest.mark.parametrize("service", ["minio", "moto"])
@pytest.mark.parametrize("data", [SMALL, IN_PARTS], ids=["small", "in parts"])
def test_a_source_that_changes_while_it_is_stored_leaves_nothing(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service, data
) -> None:
    store = request.getfixturevalue(service).store(tmp_path / "cache")
    monkeypatch.setattr("catalog.store.s3.digest_file", lambda _: digest_bytes(b"as it was"))
    (tmp_path / "song").write_bytes(data)
    with pytest.raises(StoreError):
        store.put(tmp_path / "song")
    assert list(store.listing()) == []


@pytest.mark.parametrize("data", [IN_PARTS[: 1 << 19], IN_PARTS], ids=["unreadable", "cut short"])
def test_a_byte_that_rots_on_the_servers_disk_is_found(minio, tmp_path: Path, data) -> None:
    bucket = minio.bucket(patience_s=1.0)
    store = minio.store(tmp_path / "cache", bucket)
    digest = store.put_bytes(data).digest
    (part,) = (minio.data / bucket.name / object_name(digest)).rglob("part.1")
    rotten = bytearray(part.read_bytes())
    rotten[len(rotten) // 2] ^= 1
    part.write_bytes(rotten)
    assert not store.verify(digest)
    with pytest.raises(ArtifactLost, match="corrupt"):
        store.local(digest)
    store.delete(digest)
    store.put_bytes(data)
    assert store.local(digest).read_bytes() == data


def test_an_outage_is_not_taken_for_damage(behind) -> None:
    store, gateway = behind(lambda *_: "", **IMPATIENT)
    digest = store.put_bytes(SMALL).digest
    gateway.choose = lambda *_: (503, "SlowDownRead")
    with pytest.raises(StoreError):
        store.verify(digest)


def test_links_expire(minio, tmp_path: Path) -> None:
    store = minio.store(tmp_path / "cache")
    link = store.presign(store.put_bytes(SMALL).digest, 1)
    assert minio.secret_key not in link
    time.sleep(2.1)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(link)


def test_an_upload_holds_a_part_and_no_more(minio, tmp_path: Path) -> None:
    store = minio.store(tmp_path / "cache")
    (tmp_path / "long.wav").write_bytes(os.urandom(1 << 20) * 40)
    store.put_bytes(SMALL)
    tracemalloc.start()
    kept = store.put(tmp_path / "long.wav")
    store.fetch(kept.digest, tmp_path / "back")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 << 20


def test_foreign_objects_are_passed_over(minio, tmp_path: Path) -> None:
    bucket = minio.bucket(prefix="line")
    store = minio.store(tmp_path / "cache", bucket)
    kept = store.put_bytes(SMALL)
    with (tmp_path / "note").open("w+b") as note:
        for name in ("line/objects/readme.txt", f"line/objects/{'a' * 64}", f"line/{object_name('b' * 64)}x", "other"):
            minio.client().put_object(bucket.name, name, note, 0)
    assert [each.digest for each in store.listing()] == [kept.digest]
