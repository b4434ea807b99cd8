"""Reads every manifest of an inbox, so that the faults of one affect only that one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from catalog.album.album import Album
from catalog.album.document import manifest_document
from catalog.common.digests import digest_bytes
from catalog.common.errors import MachineError, ManifestError, ModelMissing, SonglineError
from catalog.common.settings import Settings
from catalog.inbox.base import Inbox, ManifestFound
from catalog.manifest.files import delivered_cover, read_file
from catalog.plan.plan import manifest_digest
from db.session import DatabaseError
from flows.inbox.report import Entry
from flows.planning.read_manifest import read_album
from tasks.steps.errors import as_songline_error

MAX_TROUBLES = 3
"""Consecutive manifests that could not be fetched before the inbox itself is taken to be unavailable: waiting for each
of the others would take hours."""


ONE_FAULT = "1 fault"

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ReadManifest:
    """A valid manifest: its album's id, and the digest of the manifest and all its files. ``cover_digests`` are those
    of the delivered cover and of its source file; None where it has none."""

    name: str
    album_id: str
    title: str
    digest: str
    cover_digests: frozenset[str | None]


def read_one_manifest(manifest: str, album: Album) -> ReadManifest:
    """An album without its contents, which may be large."""
    digest = manifest_digest(manifest_document(album))
    return ReadManifest(manifest, album.id, album.title, digest, _cover_digests(album.cover))


def _cover_digests(path: Path | None) -> frozenset[str | None]:
    if path is None:
        return frozenset({None})
    return frozenset({digest_bytes(delivered_cover(path).picture), digest_bytes(read_file(path, path.name))})


def read_all(inbox: Inbox, listings: Sequence[ManifestFound], settings: Settings) -> Iterator[ReadManifest | Entry]:
    """Read every manifest in the given order: as a manifest, or as an entry with its faults.

    Raises the inbox's error where nothing can be fetched from it any more.
    """
    failure_count = 0
    for name, fault in ((listing.name, listing.fault) for listing in listings):
        if fault:
            yield Entry(name, "faulty", ONE_FAULT, faults=(f"{name} {fault}",))
            continue
        try:
            yield guarded(name, partial(_read, inbox, name, settings))
            failure_count = 0
        except MachineError as error:
            failure_count += 1
            if failure_count == MAX_TROUBLES:
                raise
            yield Entry(name, "left", f"it could not be fetched: {error}")


def _read(inbox: Inbox, name: str, settings: Settings) -> ReadManifest:
    with inbox.opened(name) as path:
        return read_one_manifest(name, read_album(path, settings))


def guarded(name: str, work: Callable[[], Result]) -> Result | Entry:
    """The result of ``work``, or a faulty entry for any error of the manifest. Errors of the machine are raised,
    except a missing model."""
    try:
        return work()
    except DatabaseError:
        raise
    except SonglineError as error:
        if isinstance(error, MachineError) and not isinstance(error, ModelMissing):
            raise
        return faulty_entry(name, error)
    except Exception as error:  # the files are untrusted: an unforeseen error must not stop the other manifests
        return faulty_entry(name, as_songline_error(error, activity="reading this manifest"))


def faulty_entry(name: str, error: SonglineError) -> Entry:
    """The entry of a manifest with its faults, one per line."""
    faults = error.faults if isinstance(error, ManifestError) else (str(error),)
    reason = ONE_FAULT if len(faults) == 1 else f"{len(faults)} faults"
    return Entry(name, "faulty", reason, faults=faults)


def mark_duplicates(results: Sequence[ReadManifest | Entry]) -> list[ReadManifest | Entry]:
    """The same list, with every album that several manifests declare marked faulty: file names must not decide which
    one is used."""
    manifests_by_album: dict[str, list[str]] = defaultdict(list)
    for result in results:
        if isinstance(result, ReadManifest):
            manifests_by_album[result.album_id].append(result.name)
    return [
        _unless_duplicate(result, manifests_by_album[result.album_id]) if isinstance(result, ReadManifest) else result
        for result in results
    ]


def _unless_duplicate(manifest: ReadManifest, manifests: Sequence[str]) -> ReadManifest | Entry:
    other_manifests = [name for name in manifests if name != manifest.name]
    if not other_manifests:
        return manifest
    fault = (
        f"{manifest.name}: album.id: {manifest.album_id!r} is declared in {', '.join(other_manifests[:5])} too. "
        "Give one of the albums another id, or remove it from the inbox."
    )
    return Entry(
        manifest.name,
        "faulty",
        "several manifests declare this album",
        manifest.album_id,
        manifest.title,
        faults=(fault,),
    )
