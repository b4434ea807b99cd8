"""What the page of disk use shows."""

from __future__ import annotations

from typing import Any

from catalog.common.figures import size
from catalog.housekeeping.artifact_kinds import KINDS
from catalog.housekeeping.disk_use import disk_use
from flows.desk.context import Context

SHOWN = tuple(kind for kind in KINDS if kind not in ("inputs", "other"))
"""The kinds with a column of their own, as in `songline du`."""


def disk_values(context: Context) -> dict[str, Any]:
    """The use by album and kind, and what no album needs."""
    use = disk_use(context.catalog)
    albums = sorted(use.albums, key=lambda album: album.bytes, reverse=True)
    return {"title": "Disk", "use": use, "albums": albums, "kinds": SHOWN, "store_bytes": sum(use.store.values())}


def sizes_by_album(context: Context) -> dict[str, str]:
    """All bytes that each album needs, as text."""
    return {album.id: size(album.bytes) for album in disk_use(context.catalog).albums}
