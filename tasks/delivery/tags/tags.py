"""Read the tags of a delivered file, in any of the formats."""

from __future__ import annotations

from pathlib import Path

import mutagen
from mutagen.flac import FLAC
from mutagen.id3 import ID3
from mutagen.mp4 import MP4
from mutagen.oggopus import OggOpus

from catalog.common.errors import InputError
from tasks.delivery.tags.id3 import cover_of_id3, tags_of_id3
from tasks.delivery.tags.mp4 import cover_of_mp4, tags_of_mp4
from tasks.delivery.tags.track_tags import TrackTags, cover_media_type
from tasks.delivery.tags.vorbis import cover_of_vorbis, tags_of_vorbis

__all__ = ["TrackTags", "cover_media_type", "read_cover", "read_tags"]


def read_tags(path: Path) -> TrackTags:
    """The tags of a deliverable. Raises InputError where there are none."""
    tag_container = _held(path)
    if isinstance(tag_container, FLAC | OggOpus):
        return tags_of_vorbis(tag_container)
    return tags_of_mp4(tag_container) if isinstance(tag_container, MP4) else tags_of_id3(tag_container)


def read_cover(path: Path) -> bytes | None:
    """The cover of a deliverable, where it has one. Raises InputError where there are no tags."""
    tag_container = _held(path)
    if isinstance(tag_container, FLAC | OggOpus):
        return cover_of_vorbis(tag_container)
    return cover_of_mp4(tag_container) if isinstance(tag_container, MP4) else cover_of_id3(tag_container)


def _held(path: Path) -> FLAC | OggOpus | MP4 | ID3:
    try:
        file = mutagen.File(path)
    except mutagen.MutagenError as fault:
        remedy = "Give a WAV, FLAC, MP3, Opus or M4A file"
        raise InputError(f"{path.name} cannot be read ({fault})", remedy=remedy) from fault
    if file is None or file.tags is None:
        raise InputError(f"{path.name} has no tags", remedy="Give a file that Songline delivered")
    if isinstance(file, FLAC | OggOpus | MP4):
        return file
    # Without translation to the newest ID3, which a deliverable has anyway: it turns a genre "17" into "Rock".
    id3_tags: ID3 = type(file)(path, translate=False).tags
    return id3_tags
