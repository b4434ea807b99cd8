"""Tags out of a delivered file again, whatever its format."""

from __future__ import annotations

from pathlib import Path

import mutagen
from mutagen.flac import FLAC
from mutagen.id3 import ID3

from catalog.errors import InputError
from tasks.delivery.id3 import cover_of_id3, tags_of_id3
from tasks.delivery.track_tags import TrackTags, cover_media_type
from tasks.delivery.vorbis import tags_of_vorbis

__all__ = ["TrackTags", "cover_media_type", "read_cover", "read_tags"]


def read_tags(path: Path) -> TrackTags:
    """The tags of a delivered WAV, MP3 or FLAC. Raises InputError where there are none."""
    held = _held(path)
    return tags_of_vorbis(held) if isinstance(held, FLAC) else tags_of_id3(held)


def read_cover(path: Path) -> bytes | None:
    """The cover of a delivered WAV, MP3 or FLAC, where it has one. Raises InputError where there are no tags."""
    held = _held(path)
    if isinstance(held, FLAC):
        return held.pictures[0].data if held.pictures else None
    return cover_of_id3(held)


def _held(path: Path) -> FLAC | ID3:
    try:
        file = mutagen.File(path)
    except mutagen.MutagenError as fault:
        raise InputError(f"{path.name} cannot be read ({fault})", remedy="Give a WAV, MP3 or FLAC file") from fault
    if file is None or file.tags is None:
        raise InputError(f"{path.name} has no tags", remedy="Give a file that Songline delivered")
    return file if isinstance(file, FLAC) else file.tags
