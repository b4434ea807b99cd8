"""The files of a release while it is packed: existing artifacts, and files that packing writes itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from catalog.common.digests import Json, digest_bytes
from catalog.ledger.results import artifact_facts
from catalog.ledger.work import Product
from catalog.release.document import ReleasedFile
from tasks.delivery.musicians.dawproject import MEDIA_TYPE as DAWPROJECT
from tasks.notation.engraving import SVG
from tasks.notation.music_xml import MUSIC_XML
from tasks.steps.run_step import StepContext

MEDIA_TYPES = {
    ".html": "text/html",
    ".json": "application/json",
    ".cue": "application/x-cue",
    ".lrc": "text/plain",
    ".txt": "text/plain",
    ".mid": "audio/midi",
    ".musicxml": MUSIC_XML,
    ".svg": SVG,
    ".dawproject": DAWPROJECT,
    "": "text/plain",
}


def lineage_bytes(document: Mapping[str, Json]) -> bytes:
    """A lineage document as the bytes of its file."""
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False).encode() + b"\n"


class Packing:
    """A release while it is packed: existing files by their path and digest, and files written here."""

    def __init__(self, context: StepContext) -> None:
        self._context = context
        self.files: dict[str, ReleasedFile] = {}
        self.products: dict[str, Product] = {}

    def add(self, path: str, digest: str) -> ReleasedFile:
        """Add an existing artifact at ``path``."""
        size, media_type = artifact_facts(self._context.catalog.database, digest)
        self.files[path] = ReleasedFile(path=path, sha256=digest, bytes=size, media_type=media_type)
        return self.files[path]

    def write(self, path: str, data: bytes) -> ReleasedFile:
        """Write a new file at ``path``."""
        scratch_file = self._context.scratch / f"{len(self.products)}"
        scratch_file.write_bytes(data)
        media_type = MEDIA_TYPES[Path(path).suffix]
        self.products[path] = Product(path, scratch_file, media_type)
        self.files[path] = ReleasedFile(path=path, sha256=digest_bytes(data), bytes=len(data), media_type=media_type)
        return self.files[path]
