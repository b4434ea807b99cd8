"""Installs a model into the store: one at a time under its lock, each file checked, then all activated at once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from catalog.common.digests import CHUNK, digest_file
from catalog.common.errors import InputError, MachineError, RefusedError
from catalog.files.confined import confined
from catalog.files.permissions import file_mode_in, make_private, private_folder
from catalog.files.whole_file import sync, whole_file
from catalog.models.file_type import HEAD_BYTES, file_is_no_model, no_model
from catalog.models.given_files import open_given
from catalog.models.record import FileRecord, OwnModel, Pins, Record, cannot_write
from catalog.models.spec import ModelFile, ModelSpec
from catalog.models.store import HELD, LOCK, PARTIAL, RECORD, InstalledModel, ModelStore, content_digest
from db.files.regular_file import open_lock_file

ROOM_TO_SPARE = 64 << 20
FETCH_ANEW = "Get the file itself, then try again: its name is free"


@dataclass(frozen=True, slots=True)
class Watch:
    """Callbacks: ``on_wait`` when another process installs the model, ``on_progress`` as bytes of a file arrive."""

    on_wait: Callable[[str], None] = lambda _name: None
    on_progress: Callable[[str, int, int | None], None] = lambda _file, _there, _size: None


class InstallSession:
    """A model's folder while its lock is held: files are collected under ``staged``, checked, and installed."""

    def __init__(self, store: ModelStore, name: str) -> None:
        self._store = store
        self.name = name
        self.home = store.home(name)
        self.staged = self.home / PARTIAL
        self.held = self._without_wrong(store.held(name))

    def accept(self, spec: ModelSpec, at: datetime) -> None:
        """Record that the licence was accepted; the first date is kept."""
        if self.held.accepted_at is None or self.held.licence != spec.licence.id:
            self.hold(self.held.model_copy(update={"licence": spec.licence.id, "accepted_at": at}))

    def hold(self, pins: Pins) -> None:
        """Record the pins, which are kept when the model is removed."""
        if pins != self.held:
            pins.write(self.home / HELD)
            self.held = pins

    def place(self, path: str) -> Path:
        """The staging path of the model's file ``path``."""
        place = confined(self.staged, path, named_by=f"the list of files of {self.name}")
        private_folder(place.parent)
        return place

    def wanted_sha256(self, file: ModelFile) -> str | None:
        """The digest that a file must have: the table's, else that of the first install."""
        return file.sha256 or self.held.digests.get(file.path)

    def check(self, file: ModelFile, *, sha256: str | None = None, git_blob: str | None = None) -> FileRecord:
        """Check a staged file; the source's digests count where neither the table nor the first install has one.

        Removes a wrong file and raises MachineError; raises RefusedError for a refused one.
        """
        path = self.place(file.path)
        if kind := file_is_no_model(path, file.path):
            path.unlink()
            raise MachineError(f"{self.name}: {file.path} was refused and removed: it is {kind}", remedy=FETCH_ANEW)
        file_record = FileRecord(sha256=digest_file(path), size_bytes=path.stat().st_size)
        fault = self._fault(file, file_record, sha256, git_blob)
        if fault:
            path.unlink()
            raise MachineError(f"{self.name}: {file.path} was refused and removed: {fault}", remedy=self._advice(file))
        try:
            self._store.table.refuse_digest(file_record.sha256, f"{self.name}: {file.path}")
        except RefusedError:
            path.unlink()
            raise
        return file_record

    def keep_what_is_whole(self) -> None:
        """Reuse the intact files of a damaged install, and those of an install that was interrupted before its
        record."""
        record = self._store.record(self.name)
        for folder in [path for path in self.home.iterdir() if path.is_dir() and path != self.staged]:
            if not self.staged.exists() and (record is None or folder.name != record.folder):
                os.rename(folder, self.staged)
        for path, file_record in record.files.items() if record else ():
            old_path, place = self.home / (record.folder if record else "") / path, self.place(path)
            if not place.exists() and old_path.is_file() and digest_file(old_path) == file_record.sha256:
                os.link(old_path, place)

    def need_room(self, size_bytes: int) -> None:
        """Raises MachineError where the disk has no space for that many more bytes."""
        free_bytes = shutil.disk_usage(self.home).free
        if size_bytes + ROOM_TO_SPARE > free_bytes:
            needed = f"{size_bytes / 1e9:.2f} GB more"
            spare = f"{ROOM_TO_SPARE / 1e9:.2f} GB to spare"
            problem = f"{self.name} needs {needed} with {spare}, and {self.home} has {free_bytes / 1e9:.2f} GB free"
            raise MachineError(problem, remedy="Free disk space, or point SONGLINE_MODELS to a larger disk")

    def finish(
        self,
        spec: ModelSpec,
        files: Mapping[str, FileRecord],
        *,
        revision: str,
        origin: str,
        at: datetime,
        own: OwnModel | None = None,
    ) -> InstalledModel:
        """Activate the staged files and write the record. A kill at any point leaves the old model, the new one, or
        all files staged."""
        self._leave_only(files)
        for path in files:
            _make_durable(self.staged / path)
        folder = content_digest({path: file_record.sha256 for path, file_record in sorted(files.items())})[:16]
        self._swap_in(self.home / folder)
        digests = self.held.digests | {file_path: entry.sha256 for file_path, entry in files.items()}
        adapter = own.adapter.digest if own and own.adapter else None
        self.hold(self.held.model_copy(update={"digests": digests, "adapter": adapter}))
        record = Record(
            name=self.name,
            revision=revision,
            folder=folder,
            files=dict(files),
            licence=spec.licence.id,
            accepted_at=self.held.accepted_at or at,
            installed_at=at,
            origin=origin,
            own=own,
        )
        record.write(self.home / RECORD)
        self._clear_except(folder)
        return self._store.need(self.name)

    def _without_wrong(self, pins: Pins) -> Pins:
        """The pins without first digests of files that are no model files: they must not block the right ones."""
        record = self._store.record(self.name)
        files = record.files if record else {}
        folder = self.home / (record.folder if record else "")
        wrong_paths = {path for path in files if (folder / path).is_file() and file_is_no_model(folder / path, path)}
        return pins.model_copy(
            update={
                "digests": {
                    file_path: digest for file_path, digest in pins.digests.items() if file_path not in wrong_paths
                }
            }
        )

    def _fault(self, file: ModelFile, record: FileRecord, sha256: str | None, git_blob: str | None) -> str:
        if file.size_bytes is not None and record.size_bytes != file.size_bytes:
            return f"it has {record.size_bytes} bytes, expected {file.size_bytes}"
        expected_sha256 = self.wanted_sha256(file) or (sha256 if not file.git_blob else None)
        if expected_sha256 is not None and record.sha256 != expected_sha256:
            return f"its SHA-256 is {record.sha256}, expected {expected_sha256}"
        blob = file.git_blob or (git_blob if expected_sha256 is None else None)
        if blob is not None and (blob_id := git_blob_id(self.place(file.path))) != blob:
            return f"its git blob id is {blob_id}, expected {blob}"
        return ""

    def _advice(self, file: ModelFile) -> str:
        if file.sha256 is None and file.path in self.held.digests:
            return f"Try again; if the change is wanted, run `songline models remove {self.name} --forget` first"
        return "Try again; if it comes out the same, its source is damaged or has changed"

    def _leave_only(self, files: Mapping[str, FileRecord]) -> None:
        kept_paths = {self.staged / path for path in files}
        for path in [path for path in self.staged.rglob("*") if path.is_file() and path not in kept_paths]:
            path.unlink()

    def _swap_in(self, target: Path) -> None:
        if target.exists():
            old_folder = self.home / f"{target.name}-old"
            shutil.rmtree(old_folder, ignore_errors=True)
            os.rename(target, old_folder)
        os.rename(self.staged, target)
        sync(self.home)

    def _clear_except(self, folder: str) -> None:
        for path in [path for path in self.home.iterdir() if path.is_dir() and path.name != folder]:
            shutil.rmtree(path)


@contextmanager
def install_session(
    store: ModelStore, name: str, *, on_wait: Callable[[], None] | None = None
) -> Iterator[InstallSession]:
    """Hold a model's lock; ``on_wait`` is called where another process has it. The system drops it when this process
    dies."""
    home = store.home(name)
    try:
        private_folder(home)
        make_private(home / LOCK)
        with open_lock_file(home / LOCK) as handle:
            _lock(handle.fileno(), on_wait)
            yield InstallSession(store, name)
    except OSError as error:
        raise cannot_write(home, error) from error


def copy_in(source: Path, destination: Path) -> None:
    """Copy a user's file atomically, never through a link to an installed one.

    Raises InputError where it is not a regular file with one name, is not a model file, or cannot be read.
    """
    with open_given(source) as file:
        kind = no_model(destination.name, file.read(HEAD_BYTES), os.fstat(file.fileno()).st_size)
        if kind:
            raise InputError(f"{source} was not accepted: it is {kind}", remedy=FETCH_ANEW)
        file.seek(0)
        destination.unlink(missing_ok=True)
        with whole_file(destination, mode=file_mode_in(destination.parent)) as target:
            shutil.copyfileobj(file, target, CHUNK)


def git_blob_id(path: Path) -> str:
    """Git's id of a file: SHA-1 of ``blob <size>``, a zero byte and the content."""
    hasher = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def _lock(handle: int, on_wait: Callable[[], None] | None) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if on_wait is not None:
            on_wait()
        fcntl.flock(handle, fcntl.LOCK_EX)


def _make_durable(path: Path) -> None:
    sync(path)
    path.chmod(file_mode_in(path.parent) & 0o440)
    sync(path.parent)
