"""Small albums as documents, and as manifests in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LYRICS = "[00:01.00]Streetlights hum along the wire\n[00:04.00]One more stop and I am home\n"


def album_document(**changes: object) -> dict[str, Any]:
    """A small album of two short songs, with changes to top-level fields."""
    song = {"lyrics": LYRICS, "prompt": "indie pop, 120 BPM, A minor", "seeds": [1, 2]}
    document: dict[str, Any] = {
        "schema_version": 1,
        "album": {"id": "small", "title": "Small Album", "artist": "Ada Vale"},
        "defaults": {"engine": "guide", "length_s": 10},
        "songs": [
            {"id": "one", "title": "Song One", **song},
            {"id": "two", "title": "Song Two", **song, "prompt": "folk rock, 132 BPM, D major"},
        ],
        "stems": "none",
        "deliverables": ["mp3_320"],
    }
    return document | changes


def tiny_document(**changes: object) -> dict[str, Any]:
    """The smallest album that passes all gates: one song of ten seconds, two takes, one MP3."""
    document = album_document()
    return document | {"songs": document["songs"][:1]} | changes


def write_album(folder: Path, document: Mapping[str, object] | None = None) -> Path:
    """Write a manifest; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "album.yaml"
    path.write_text(json.dumps(document or album_document(), indent=2))
    return path
