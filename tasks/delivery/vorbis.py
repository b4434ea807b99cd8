"""Track tags as Vorbis comments and a picture block, for FLAC files."""

# mypy: disable-error-code="no-untyped-call"
# (mutagen calls itself typed, but is not)

from __future__ import annotations

from pathlib import Path

from mutagen.flac import FLAC, Picture
from mutagen.id3 import PictureType

from tasks.delivery.track_tags import TrackTags, cover_media_type

_KEYS = {
    "title": "TITLE",
    "artist": "ARTIST",
    "album": "ALBUM",
    "album_artist": "ALBUMARTIST",
    "position": "TRACKNUMBER",
    "total": "TRACKTOTAL",
    "year": "DATE",
    "genre": "GENRE",
    "isrc": "ISRC",
    "explicit": "ITUNESADVISORY",
    "candidate": "SONGLINE_CANDIDATE",
}
_TIMED, _WORDS, _COMMENT = "LYRICS", "UNSYNCEDLYRICS", "COMMENT"  # players look for LRC under LYRICS

PADDING_BYTES = 4096
"""Room for a tag editor to work in without rewriting the file."""


def write_vorbis(path: Path, tags: TrackTags, cover: bytes | None) -> None:
    """Put tags and cover into a FLAC file, in place of those it has."""
    file = FLAC(path)
    file.clear_pictures()
    if file.tags is None:
        file.add_tags()
    file.clear()
    texts = tags.texts()
    for field, key in _KEYS.items():
        if field in texts:
            file[key] = texts[field]
    for key, text in ((_TIMED, tags.lyrics_lrc), (_WORDS, tags.lyrics_text), (_COMMENT, tags.comment)):
        if text:
            file[key] = text
    if tags.writers:
        file["COMPOSER"] = list(tags.writers)
    if cover is not None:
        file.add_picture(_picture(cover))
    file.save(padding=lambda _: PADDING_BYTES)


def tags_of_vorbis(file: FLAC) -> TrackTags:
    """The tags that :func:`write_vorbis` wrote."""
    return TrackTags.from_texts(
        {field: file[key][0] for field, key in _KEYS.items() if key in file},
        writers=file.get("COMPOSER", ()),
        lrc=file.get(_TIMED, [None])[0],
        words=file.get(_WORDS, [None])[0],
        comment=file.get(_COMMENT, [None])[0],
    )


def _picture(cover: bytes) -> Picture:
    picture = Picture()
    picture.type = PictureType.COVER_FRONT
    picture.mime = cover_media_type(cover)
    picture.desc = "Cover"
    picture.data = cover
    return picture
