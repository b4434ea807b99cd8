"""Files that users put into a release folder themselves stay there when the next build replaces it.

A file is a build's where its path and digest are in the folder's own release document or in the catalog, and the user's
own otherwise: a note beside the release, or a delivered file with edited tags. Own files keep their path. Where the new
build has a file or a folder of that name, the own one is placed beside it as ``NAME (yours).EXT``.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from catalog.common.digests import digest_file
from catalog.common.errors import InputError
from catalog.release.document import MAX_DOCUMENT_BYTES, ReleaseDocument
from db.files.regular_file import read_regular

DOCUMENT, PAGE, SUMS, ENVIRONMENT = "release.json", "index.html", "SHA256SUMS", "environment.json"
_SHA256_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class BuildFiles:
    """The digests of the files that builds of one album have written, by path."""

    digests: Mapping[str, frozenset[str]]

    def with_those_of(self, folder: Path) -> BuildFiles:
        """These and the files that the release document in ``folder`` states, where it is whole."""
        digests_by_path = {path: set(digests) for path, digests in self.digests.items()}
        for path, digest in _stated(folder):
            digests_by_path.setdefault(path, set()).add(digest)
        return BuildFiles({path: frozenset(digests) for path, digests in digests_by_path.items()})

    def include(self, path: str, file: Path) -> bool:
        """Whether a build wrote ``file``, as it is now, at ``path``."""
        if file.is_symlink() or not file.is_file():
            return False
        known_digests = self.digests.get(path)
        return path == SUMS or (known_digests is not None and digest_file(file) in known_digests)

    def have(self, path: str) -> bool:
        """Whether a build wrote a file at ``path``."""
        return path in self.digests

    def folders(self) -> frozenset[str]:
        """The folders in which a build wrote a file."""
        folder_names: set[str] = set()
        for path in self.digests:
            folder = path.rpartition("/")[0]
            while folder and folder not in folder_names:
                folder_names.add(folder)
                folder = folder.rpartition("/")[0]
        return frozenset(folder_names)


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file that a user put into a release folder, or changed there: its old path, and its new one.

    ``was_delivered`` where a build had written a file of that path, so that it is an edit of that.
    """

    path: str
    place: str
    was_delivered: bool


class Carrying:
    """Carries files that no build wrote from an older release over into a newer one.

    It may process several folders in turn, and one twice: a file that was examined is examined again only if it changed
    since. ``kept`` are the own files in the newer release.
    """

    def __init__(self, builds: BuildFiles) -> None:
        self._builds = builds
        self._seen: dict[str, _Mark] = {}
        self.kept: list[OwnFile] = []

    def carry(self, old: Path, new: Path) -> None:
        """Link (or copy, where links are not possible) every own file of ``old`` into ``new``.

        Raises OSError, also where ``old`` is a link: another user who may write beside it put that there.
        """
        with open_folder(old) as folder:
            builds = self._builds.with_those_of(folder)
            folders = builds.folders()
            for path, file in _entries(folder):
                mark = _mark(file)
                if file.is_dir() and not file.is_symlink():
                    if path not in folders:
                        _free_folder(new, path)
                elif self._seen.get(path) != mark and not builds.include(path, file) and not _is_same(new / path, file):
                    self.kept.append(OwnFile(path, _carry(file, new, path), builds.have(path)))
                self._seen[path] = mark


@contextmanager
def open_folder(folder: Path) -> Iterator[Path]:
    """A path to the folder as it is now, which stays valid for it even if another takes its name meanwhile.

    Raises OSError where it is a link or no folder. On systems that have no names for open folders it is ``folder``.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        descriptor_path = Path(f"/proc/self/fd/{handle}")
        yield descriptor_path if descriptor_path.exists() else folder
    finally:
        os.close(handle)


_Mark = tuple[int, int, int]


def _mark(file: Path) -> _Mark:
    """Inode, size and time: they distinguish a file from a later one of the same name."""
    file_status = file.lstat()
    return file_status.st_ino, file_status.st_size, file_status.st_mtime_ns


def _entries(folder: Path) -> Iterator[tuple[str, Path]]:
    """Everything under ``folder`` with its relative path, in order; links are not followed."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = Path(entry.path)
        yield entry.name, path
        if entry.is_dir(follow_symlinks=False):
            with open_folder(path) as inner_folder:
                yield from ((f"{entry.name}/{name}", inner_path) for name, inner_path in _entries(inner_folder))


def _stated(folder: Path) -> Iterator[tuple[str, str]]:
    """Paths and digests that a release states of itself; none where its document was changed or is missing."""
    try:
        document = ReleaseDocument.read(folder / DOCUMENT)
    except InputError:
        return
    yield from ((file.path, file.sha256) for file in document.all_files)
    for path, digest in _summed(folder / SUMS):
        # The document cannot hold its own digest, nor that of the page which shows it or of files added on request.
        if path in (PAGE, DOCUMENT, ENVIRONMENT):
            yield path, digest


def _summed(checksum_file: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = read_regular(checksum_file, max_bytes=MAX_DOCUMENT_BYTES).decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        digest, _, path = line.partition("  ")
        if len(digest) == _SHA256_CHARACTERS and path:
            yield path, digest


def _is_same(first: Path, second: Path) -> bool:
    """Whether two names are one file: another build may have carried it over."""
    try:
        return os.path.samestat(first.lstat(), second.lstat())
    except OSError:
        return False


def _carry(file: Path, new: Path, path: str) -> str:
    """Put the file at its path in ``new``, or beside the file that has that path; returns its path."""
    parent = PurePosixPath(path).parent.as_posix()
    folder = _free_folder(new, parent) if parent != "." else ""
    wanted_path = f"{folder}/{PurePosixPath(path).name}" if folder else path
    place = next(name for name in _names(wanted_path) if not os.path.lexists(new / name))
    target = new / place
    if file.is_symlink():
        os.symlink(os.readlink(file), target)
        return place
    try:
        os.link(file, target, follow_symlinks=False)
    except OSError:  # no links on this file system
        shutil.copy2(file, target, follow_symlinks=False)
    return place


def _free_folder(new: Path, path: str) -> str:
    """The folder ``path`` in ``new``, made where it is missing, with another name where a file has that one."""
    folder_path = ""
    for part in PurePosixPath(path).parts:
        wanted_path = f"{folder_path}/{part}" if folder_path else part
        folder_path = next(
            name for name in _names(wanted_path) if (new / name).is_dir() or not os.path.lexists(new / name)
        )
        (new / folder_path).mkdir(exist_ok=True)
    return folder_path


def _names(path: str) -> Iterator[str]:
    """The path, then ``NAME (yours).EXT``, ``NAME (yours 2).EXT`` …"""
    yield path
    posix_path = PurePosixPath(path)
    yield posix_path.with_name(f"{posix_path.stem} (yours){posix_path.suffix}").as_posix()
    for number in itertools.count(2):
        yield posix_path.with_name(f"{posix_path.stem} (yours {number}){posix_path.suffix}").as_posix()
