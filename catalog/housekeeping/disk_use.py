"""Disk use: the albums' artifacts by kind, with shared bytes counted once, and files outside the store."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from catalog.catalog import Catalog
from catalog.common.settings import Settings
from catalog.housekeeping.artifact_kinds import Sizes, sizes_of
from catalog.housekeeping.holdings import Graph, read_graph
from catalog.plan.queries import require_album
from db.tables.album import Album


@dataclass(frozen=True, slots=True)
class AlbumUse:
    """One album: the bytes of everything it needs by kind, and how many of them no other album needs."""

    id: str
    title: str
    bytes: int
    own_bytes: int
    shared_bytes: int
    kinds: Sizes


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Total use in bytes. ``store`` counts each artifact once, by kind; ``shared`` of them belong to several albums and
    ``unassigned`` to none. ``garbage`` has no row. ``other_folders`` is the use outside the store, by name; ``free`` is
    the free space on the home's disk."""

    albums: tuple[AlbumUse, ...]
    store: Sizes
    shared: int
    unassigned: int
    garbage: int
    other_folders: Mapping[str, int]
    free: int


def disk_use(catalog: Catalog, album_id: str | None = None) -> DiskUse:
    """Disk use of all albums, or of one (the totals stay the same). Raises InputError for an unknown album."""
    if album_id is not None:
        require_album(catalog.database, album_id)
    with catalog.database.read() as session:
        graph = read_graph(session)
        titles = {row.id: row.title for row in session.execute(sa.select(Album.id, Album.title))}
    holdings = {album: graph.held(graph.names_of_album(album)) for album in graph.albums}
    holders = Counter(digest for holding in holdings.values() for digest in holding.artifacts)
    uses = [
        _album_use(graph, album, titles[album], held=holding.artifacts, holders=holders)
        for album, holding in holdings.items()
        if album_id in (None, album)
    ]
    return DiskUse(
        albums=tuple(uses),
        store=sizes_of(graph, graph.artifacts),
        shared=graph.size(digest for digest, count in holders.items() if count > 1),
        unassigned=graph.size(digest for digest in graph.artifacts if digest not in holders),
        garbage=sum(entry.size for entry in catalog.store.listing() if not graph.names_bytes(entry.digest)),
        other_folders=_beside(catalog.settings),
        free=shutil.disk_usage(catalog.settings.home).free,
    )


def _album_use(
    graph: Graph, album_id: str, title: str, *, held: frozenset[str], holders: Mapping[str, int]
) -> AlbumUse:
    own_bytes = graph.size(digest for digest in held if holders[digest] == 1)
    all_bytes = graph.size(held)
    return AlbumUse(album_id, title, all_bytes, own_bytes, all_bytes - own_bytes, sizes_of(graph, held))


def _beside(settings: Settings) -> dict[str, int]:
    """Use in the home outside the store, and the models wherever they are."""
    home = settings.home
    return {
        "models": _size([settings.models_path]),
        "catalog": _size(path for path in home.glob("catalog.sqlite3*") if ".before-" not in path.name),
        "backups": _size(home.glob("catalog.sqlite3.before-*")),
        "prefect": _size([settings.prefect_path]),
        "cache": _size([settings.cache_path]),
        "scratch": _size([home / "scratch"]),
    }


def _size(paths: Iterable[Path]) -> int:
    """Bytes of files, and of all files in folders; links are not followed, and files that disappear meanwhile count
    as 0."""
    total = 0
    for path in paths:
        try:
            if path.is_dir() and not path.is_symlink():
                total += _size(Path(entry.path) for entry in os.scandir(path))
            else:
                total += path.lstat().st_size
        except OSError:
            continue
    return total
