"""Whole albums while the store is away, overloaded, cut off, full or damaged: everything ends well, nothing is lost."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalog.catalog import Catalog, open_catalog
from catalog.common.digests import digest_bytes
from catalog.common.errors import ArtifactLost, MachineError, StoreError
from catalog.common.settings import Settings
from catalog.housekeeping.repair import examine
from catalog.ledger.results import artifact_digests
from catalog.ledger.work import ExecutionEnvironment, Lease, Product, StepOutcome
from catalog.recipe import Recipe
from catalog.release.queries import release_by_key
from catalog.store.base import object_name
from catalog.store.local import FolderStore
from db.tables.provenance import Activity
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.delivery.package.export import write_release
from tests.support.albums import album_document, write_album
from tests.support.inline_executor import produce
from tests.support.services.faulty_gateway import faulty_gateway
from tests.support.services.minio_server import minio_server
from tests.support.services.processes import free_port
from tests.support.services.s3_service import S3Service

LONG = pytest.mark.faults
OUTAGES_S = [6.0, pytest.param(20.0, marks=LONG)]
PATIENCE_S = 45.0
TMPFS_BYTES = 2 << 20
LARGE = 3 << 20
HERE = ExecutionEnvironment("test", {}, "cpu")


def make_album(catalog, folder, *, songs=1):
    document = album_document(songs=album_document()["songs"][:songs])
    return produce(
        catalog, declare_album(catalog, read_album(write_album(folder / "album", document), catalog.settings))
    )


def assert_nothing_lost(catalog, produced):
    """The album is done at the first attempt of each piece, every row has its bytes, and no bytes lack a row."""
    assert produced.failures == {}
    with catalog.database.read() as session:
        attempts = session.execute(sa.select(Activity.outcome, Activity.attempt).distinct()).all()
    assert attempts == [("done", 1)]
    kept = [digest for digest, _ in artifact_digests(catalog.database)]
    assert examine(catalog.database, catalog.store, kept) == []
    assert [each.digest for each in catalog.store.listing()] == kept


@pytest.mark.parametrize("outage_s", OUTAGES_S)
def test_minio_goes_away_in_the_middle_and_comes_back(tmp_path: Path, outage_s) -> None:
    port, keys, made = free_port(), ("studio", "a-secret-of-the-test"), []
    begun, gone = threading.Event(), threading.Event()

    def interrupted():
        begun.set()
        gone.wait(30.0)

    def make():
        made.append(make_album(catalog, tmp_path)[0])

    with open_when_served(tmp_path, port, keys) as catalog:
        on_put(catalog, 2, interrupted)
        maker = threading.Thread(target=make)
        # The servers belong to this thread: they end with the one that started them.
        with minio_server(tmp_path, port=port, keys=keys):
            maker.start()
            assert begun.wait(60.0)
        gone.set()
        started = time.monotonic()
        time.sleep(outage_s)
        assert maker.is_alive()
        with minio_server(tmp_path, port=port, keys=keys):
            maker.join(120.0)
            assert time.monotonic() - started > outage_s
            (produced,) = made
            assert_nothing_lost(catalog, produced)


@contextmanager
def open_when_served(folder, port, keys):
    """A house on a MinIO of this port, which nothing is asked of yet."""
    service = S3Service(f"http://127.0.0.1:{port}", *keys, is_strict=True)
    settings = service.settings(folder / "home", service.bucket().name)
    with open_catalog(settings.model_copy(update={"s3_patience_s": PATIENCE_S})) as catalog:
        yield catalog


def on_put(catalog, count, act):
    """Act before the store's put of this number."""
    put, seen = catalog.store.put, []

    def counted(source):
        seen.append(source)
        if len(seen) == count:
            act()
        return put(source)

    catalog.store.put = counted


AT_ONCE = "every fifth call fails"
FAULTS = {
    AT_ONCE: lambda verb, path: (503, "SlowDown"),
    "every fifth upload is cut": lambda verb, path: "cut_upload" if verb == "PUT" and "/objects/" in path else "",
    "every fifth answer is lost": lambda verb, path: "lose_answer" if "/objects/" in path else "",
    "every fifth download is cut": lambda verb, path: "cut_download" if verb == "GET" and "/objects/" in path else "",
}


@pytest.mark.parametrize("fault", [AT_ONCE, *(pytest.param(name, marks=LONG) for name in FAULTS if name != AT_ONCE)])
def test_an_album_is_made_over_a_bad_line(minio, tmp_path: Path, fault) -> None:
    rng = random.Random(3)

    def choose(verb, path):
        return FAULTS[fault](verb, path) if rng.random() < 0.2 else ""

    with faulty_gateway(minio.endpoint, choose) as gateway:
        settings = minio.settings(tmp_path / "home", minio.bucket().name)
        changes = {"s3_endpoint": gateway.endpoint, "s3_patience_s": PATIENCE_S}
        with open_catalog(settings.model_copy(update=changes)) as catalog:
            produced, _ = make_album(catalog, tmp_path)
            assert_nothing_lost(catalog, produced)
        assert gateway.faults


@contextmanager
def tmpfs(folder: Path) -> Iterator[Path]:
    """A small disk of its own; skips where this user may not mount one (the limit of a file's size stands in)."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "tmpfs", folder]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a tmpfs cannot be mounted here; the test with a limit of the file's size stands in")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_full_disk_is_told_leaves_nothing_half_made_and_can_be_continued(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(TMPFS_BYTES - (1 << 18)))
    with tmpfs(tmp_path / "disk") as disk:
        settings = Settings(home=tmp_path / "home", retry_base_s=0.0)
        (settings.home).mkdir()
        (settings.home / "store").symlink_to(disk)
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(1 << 19))
        with open_catalog(settings) as catalog:
            lease = lease_of(catalog)
            outcome = StepOutcome(products=(Product("audio", tmp_path / "large", "audio/wav", "e" * 64),))
            with pytest.raises(MachineError, match=r"No space left on device. Free disk space") as caught:
                catalog.ledger.commit(lease, outcome, seconds=1.0, execution=HERE)
            assert (caught.value.exit_code, caught.value.transient) == (4, True)
            with pytest.raises(StoreError, match="No space left on device"):
                catalog.store.put_bytes((tmp_path / "large").read_bytes())
            catalog.ledger.fail(lease, caught.value, seconds=1.0, execution=HERE)
            assert files_in(disk) == ["ballast"]
            assert artifact_digests(catalog.database) == []
            ballast.unlink()
            catalog.ledger.commit(lease_of(catalog), outcome, seconds=1.0, execution=HERE)
            ((digest, _),) = artifact_digests(catalog.database)
            assert catalog.store.verify(digest)
            assert files_in(disk) == [digest]


def lease_of(catalog):
    recipe = Recipe("faulty", 1, 1, 10.0, {"prompt": "x"})
    catalog.ledger.declare_renders([recipe])
    lease = catalog.ledger.claim("render", recipe.digest)
    assert isinstance(lease, Lease)
    return lease


def test_a_write_beyond_a_limit_is_told_and_leaves_nothing_half_made(tmp_path: Path) -> None:
    """A quota as every user has one: the size of a file, set for a process of its own."""
    (tmp_path / "large").write_bytes(os.urandom(LARGE))
    script = f"""
        import pathlib, resource
        from catalog.common.errors import StoreError
        from catalog.store.local import FolderStore
        folder = pathlib.Path({str(tmp_path)!r})
        resource.setrlimit(resource.RLIMIT_FSIZE, ({1 << 20}, {resource.RLIM_INFINITY}))
        store = FolderStore(folder / "store")
        for put in (store.put, lambda path: store.put_bytes(path.read_bytes())):
            try:
                put(folder / "large")
            except StoreError as error:
                print(error.exit_code, error)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({resource.RLIM_INFINITY}, {resource.RLIM_INFINITY}))
        print(list(store.listing()), list((folder / "store" / "unfinished").iterdir()))
        print(store.verify(store.put(folder / "large").digest))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    first, second, nothing, later = done.stdout.splitlines()
    for told in (first, second):
        assert told.startswith("4 ")
        assert "File too large. Free disk space" in told
    assert (nothing, later) == ("[] []", "True")


def spoil(path):
    """Turn one byte over."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def test_a_spoiled_byte_is_found_and_never_delivered(catalog: Catalog, tmp_path: Path) -> None:
    produced, _ = make_album(catalog, tmp_path)
    release = release_by_key(catalog.database, produced.release_key)
    digest = next(digest for path, digest in release.files.items() if path.endswith(".mp3"))
    spoil(catalog.store.local(digest))
    kept = [digest for digest, _ in artifact_digests(catalog.database)]
    assert [(damage.digest, damage.corrupt) for damage in examine(catalog.database, catalog.store, kept)] == [
        (digest, True)
    ]
    with pytest.raises(ArtifactLost, match="corrupt"):
        catalog.store.local(digest)
    with pytest.raises(ArtifactLost, match="corrupt"):
        catalog.store.fetch(digest, tmp_path / "back")
    with pytest.raises(ArtifactLost, match="verify --repair"):
        write_release(catalog, release, tmp_path / "out")
    assert not (tmp_path / "back").exists()
    assert not (tmp_path / "out" / release.album_id).exists()
    assert files_in(tmp_path / "out") == []


def test_a_spoiled_byte_in_a_bucket_or_its_local_copy_is_never_delivered(minio, tmp_path: Path) -> None:
    bucket = minio.bucket()
    store = minio.store(tmp_path / "cache", bucket)
    song = os.urandom(1 << 18)
    digest = store.put_bytes(song).digest
    spoil(store.local(digest))
    assert store.local(digest).read_bytes() == song
    spoil(store.local(digest))
    (part,) = (minio.data / bucket.name / object_name(digest)).rglob("part.1")
    spoil(part)
    with pytest.raises(ArtifactLost, match="corrupt"):
        store.local(digest)


def test_a_folder_stores_bytes_survive_what_a_second_writer_does(tmp_path: Path) -> None:
    """Known bytes that a sweep takes at the very moment are written again."""
    store = FolderStore(tmp_path / "store")
    digest = store.put_bytes(b"a song").digest

    class Sweeping(FolderStore):
        def stat(self, digest):
            found = super().stat(digest)
            store.delete(digest)
            return found

    assert Sweeping(tmp_path / "store").put_bytes(b"a song").digest == digest == digest_bytes(b"a song")
    assert store.verify(digest)
