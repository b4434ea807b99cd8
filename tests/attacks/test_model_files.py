"""What the attacker lays into a folder of models, or sends in their place."""

from __future__ import annotations

import io
import os
import socket
import stat
import zipfile
from pathlib import Path

import pytest

from catalog.common.digests import digest_bytes
from catalog.common.errors import InputError, MachineError, SonglineError
from catalog.models.download import Downloader, Patience
from catalog.models.importer import import_folder
from catalog.models.install import install_session
from catalog.models.pull import add, pull
from catalog.models.record import Record
from catalog.models.store import RECORD, InstalledModel, ModelStore
from catalog.models.table import read_table
from tests.support.models import AT, install, relaxed_table
from tests.support.services.hub_server import Hub, serving

VAE, FILE, REPO = "diffrhythm-vae", "vae_model.pt", "ASLP-lab/DiffRhythm-vae/vae_model.pt"
REAL = bytes(range(256)) * 64
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"ab" * 32 + b"\nsize 4812345678\n"
PAGE = b"\n<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>" + b"x" * 4000 + b"</body></html>"
APACHE = read_table().licences["Apache-2.0"]
QUICK = Patience(tries=1, base_s=0.01, timeout_s=2.0)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", relaxed_table(tmp_path / "table.toml"))


@pytest.fixture
def given(tmp_path: Path) -> Path:
    (tmp_path / "given").mkdir()
    return tmp_path / "given"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "private" / "id_ed25519"
    file.parent.mkdir()
    file.write_bytes(b"my private key")
    file.chmod(0o600)
    return file


def taken(store: ModelStore, folder: Path) -> InstalledModel:
    return import_folder(store, folder, [VAE], at=AT, accept=True).models[0]


def own(store: ModelStore, origin: str | Path, name: str = "mine") -> InstalledModel:
    with Downloader(patience=QUICK) as fetcher:
        return add(store, name, str(origin), like="diffrhythm-1.2-base", licence=APACHE, at=AT, downloader=fetcher)


def nothing_of(store: ModelStore, content: bytes) -> bool:
    return not any(path.is_file() and content in path.read_bytes() for path in store.folder.rglob("*"))


def test_a_link_out_of_the_folder_brings_nothing_in(store: ModelStore, given: Path, secret: Path) -> None:
    (given / FILE).symlink_to(secret)
    with pytest.raises(InputError, match=rf"{FILE} is a link that leads out of"):
        taken(store, given)
    with pytest.raises(InputError, match="link that leads out"):
        own(store, given / FILE)
    assert nothing_of(store, b"private key")


def test_a_linked_folder_leads_nowhere_either(store: ModelStore, given: Path, secret: Path) -> None:
    (secret.parent / FILE).write_bytes(b"my private key")
    (given / VAE).symlink_to(secret.parent)
    with pytest.raises(InputError, match=rf"{VAE} is a link that leads out of"):
        taken(store, given)
    assert nothing_of(store, b"private key")


def test_another_machines_record_over_a_link_is_refused(
    store: ModelStore, given: Path, secret: Path, tmp_path: Path
) -> None:
    theirs = ModelStore(given, tmp_path / "table.toml")
    model = install(theirs, VAE, {FILE: REAL})
    model.path(FILE).unlink()
    (model.folder / FILE).symlink_to(secret)
    assert theirs.recorded() == (VAE,)
    with pytest.raises(InputError, match="link that leads out"):
        import_folder(store, given, at=AT, accept=True)
    assert nothing_of(store, b"private key")


def test_a_link_inside_the_folder_is_followed(store: ModelStore, given: Path) -> None:
    (given / "blobs").mkdir()
    (given / "blobs" / "ab12").write_bytes(REAL)
    (given / FILE).symlink_to(Path("blobs") / "ab12")
    assert taken(store, given).path(FILE).read_bytes() == REAL


def test_a_hard_link_to_anothers_file_is_refused(store: ModelStore, given: Path, secret: Path) -> None:
    os.link(secret, given / FILE)
    with pytest.raises(InputError, match="second name"):
        taken(store, given)
    with pytest.raises(InputError, match="second name"):
        own(store, given / FILE)
    assert nothing_of(store, b"private key")


def test_a_pipe_and_a_socket_are_refused_and_not_waited_for(store: ModelStore, given: Path) -> None:
    os.mkfifo(given / FILE)
    with pytest.raises(InputError, match=rf"{FILE} is a pipe"):
        taken(store, given)
    with pytest.raises(InputError, match="a pipe"):
        own(store, given / FILE)
    (given / FILE).unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(given / FILE))
        with pytest.raises(InputError, match="a socket"):
            taken(store, given)
    with pytest.raises(InputError, match="a device"):
        own(store, "/dev/zero")


def test_a_private_model_stays_private(store: ModelStore, given: Path) -> None:
    before = os.umask(0)
    try:
        (given / FILE).write_bytes(REAL)
        (given / FILE).chmod(0o600)
        taken(store, given)
    finally:
        os.umask(before)
    for path in (store.folder, *store.folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def zipped() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("readme.txt", "x" * 2000)
    return held.getvalue()


WRONG = {
    "a git-LFS pointer to a file of 4812345678 bytes": POINTER,
    "a web page": PAGE,
    "an XML answer": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    "empty": b"",
    "an answer of a server": b'{"error": "Invalid username or password."}',
    "a PNG picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "a gzip archive": b"\x1f\x8b\x08" + bytes(100),
    "a zip archive, not a checkpoint": zipped(),
    "an audio or video file": b"RIFF\x00\x00\x00\x00WAVE",
    "a program": b"\x7fELF" + bytes(100),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_file_that_no_model_is_never_holds_a_name(store: ModelStore, given: Path, kind: str) -> None:
    for wrong in (given / FILE, given / "tuned.pt"):
        wrong.write_bytes(WRONG[kind])
    with pytest.raises(SonglineError, match=kind):
        taken(store, given)
    with pytest.raises(SonglineError, match=kind):
        own(store, given / "tuned.pt")
    assert store.recorded() == ()
    for right in (given / FILE, given / "tuned.pt"):
        right.write_bytes(REAL)
    assert taken(store, given).path(FILE).read_bytes() == REAL
    assert own(store, given / "tuned.pt").weights.read_bytes() == REAL


@pytest.mark.parametrize("kind", ["a git-LFS pointer to a file of 4812345678 bytes", "a web page", "empty"])
def test_a_server_that_sends_no_model_is_told_by_its_first_bytes(store: ModelStore, kind: str) -> None:
    with serving(Hub({REPO: WRONG[kind], "tuned.pt": WRONG[kind]})) as hub:
        with Downloader(hub.url, QUICK) as fetcher, pytest.raises(MachineError, match=kind):
            pull(store, VAE, fetcher, at=AT, accept=True)
        with pytest.raises(MachineError, match=kind):
            own(store, f"{hub.url}/tuned.pt")
        assert store.recorded() == ()
        hub.files |= {REPO: REAL, "tuned.pt": REAL}
        with Downloader(hub.url, QUICK) as fetcher:
            assert pull(store, VAE, fetcher, at=AT, accept=True).path(FILE).read_bytes() == REAL
        assert own(store, f"{hub.url}/tuned.pt").weights.read_bytes() == REAL


def test_a_wrong_file_that_an_older_version_took_keeps_the_real_one_not_out(store: ModelStore, given: Path) -> None:
    spoil(install(store, VAE, {FILE: REAL[:200]}), store, POINTER)
    assert store.installed(VAE) is None
    with serving(Hub({REPO: REAL})) as hub, Downloader(hub.url, QUICK) as fetcher:
        assert pull(store, VAE, fetcher, at=AT, accept=True).path(FILE).read_bytes() == REAL
    (given / "tuned.pt").write_bytes(REAL[:300])
    spoil(own(store, given / "tuned.pt"), store, PAGE)
    (given / "tuned.pt").write_bytes(REAL)
    assert own(store, given / "tuned.pt").weights.read_bytes() == REAL


def spoil(model: InstalledModel, store: ModelStore, content: bytes) -> None:
    """What an older version left: the wrong content, recorded and held as if it were the model."""
    (path,) = model.digests
    file = model.folder / path
    file.chmod(0o600)
    file.write_bytes(content)
    home = store.home(model.spec.name)
    record = Record.read(home / RECORD)
    assert record is not None
    kept = record.files[path].model_copy(update={"sha256": digest_bytes(content), "size_bytes": len(content)})
    record.model_copy(update={"files": {path: kept}}).write(home / RECORD)
    with install_session(store, model.spec.name) as place:
        place.hold(store.held(model.spec.name).model_copy(update={"digests": {path: digest_bytes(content)}}))
