"""Track tags as Vorbis comments with a picture, for FLAC and Ogg Opus files."""

# mypy: disable-error-code="no-untyped-call"
# (mutagen calls itself typed, but is not)

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mutagen.flac import FLAC, Picture
from mutagen.id3 import PictureType
from mutagen.oggopus import OggOpus

from tasks.delivery.tags.track_tags import (
    PERFORMER,
    PRODUCTION_ROLES,
    Credits,
    TrackTags,
    cover_media_type,
    is_production,
)

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
    "upc": "BARCODE",
    "label": "LABEL",
    "explicit": "ITUNESADVISORY",
    "candidate": "SONGLINE_CANDIDATE",
    "language": "LANGUAGE",
}
_REPLAY_GAIN_KEYS = {
    "track_gain_db": "REPLAYGAIN_TRACK_GAIN",
    "track_peak": "REPLAYGAIN_TRACK_PEAK",
    "album_gain_db": "REPLAYGAIN_ALBUM_GAIN",
    "album_peak": "REPLAYGAIN_ALBUM_PEAK",
}
_R128_KEYS = {"track_gain_db": "R128_TRACK_GAIN", "album_gain_db": "R128_ALBUM_GAIN"}
_ROLE_KEYS = dict(zip(PRODUCTION_ROLES, ("PRODUCER", "ARRANGER", "ENGINEER", "MIXER", "MASTERING"), strict=True))
_PERFORMER_KEY, _COMPOSER_KEY, _PICTURE_KEY = "PERFORMER", "COMPOSER", "METADATA_BLOCK_PICTURE"
_TIMED, _WORDS, _COMMENT = "LYRICS", "UNSYNCEDLYRICS", "COMMENT"  # players look for LRC under LYRICS
_NAME_AND_ROLE = re.compile(r"(.*) \(([^()]*)\)")

R128_OFFSET_DB = -5.0
"""From ReplayGain's reference of -18 LUFS to the -23 LUFS of Opus tags (RFC 7845, 5.2.1)."""

_R128_STEPS_PER_DB = 256
_R128_LOWEST, _R128_HIGHEST = -(1 << 15), (1 << 15) - 1

PADDING_BYTES = 4096
"""Space for a tag editor to work in without rewriting the file."""


def write_vorbis(path: Path, tags: TrackTags, cover: bytes | None) -> None:
    """Put tags and cover into a FLAC file, replacing those it has."""
    file = FLAC(path)
    file.clear_pictures()
    if file.tags is None:
        file.add_tags()
    file.clear()
    texts = tags.texts()
    for key, values in _comments(tags):
        file[key] = values
    for field, key in _REPLAY_GAIN_KEYS.items():
        if field in texts:
            file[key] = texts[field]
    if cover is not None:
        file.add_picture(_picture(cover))
    file.save(padding=lambda _: PADDING_BYTES)


def write_opus_tags(path: Path, tags: TrackTags, cover: bytes | None) -> None:
    """Put tags and cover into an Ogg Opus file, replacing those it has.

    Gains are stored under the keys of RFC 7845, 5.2.1, in 1/256 dB to -23 LUFS. The RFC allows none of ReplayGain's
    tags beside them, so that peaks are not stored.
    """
    file = OggOpus(path)
    file.clear()
    for key, values in _comments(tags):
        file[key] = values
    for field, key in _R128_KEYS.items():
        if (gain_db := getattr(tags, field)) is not None:
            file[key] = str(_r128(gain_db))
    if cover is not None:
        file[_PICTURE_KEY] = base64.b64encode(_picture(cover).write()).decode()
    file.save(padding=lambda _: PADDING_BYTES)


def tags_of_vorbis(file: FLAC | OggOpus) -> TrackTags:
    """The tags that :func:`write_vorbis` or :func:`write_opus_tags` wrote."""
    texts = {field: file[key][0] for field, key in (_KEYS | _REPLAY_GAIN_KEYS).items() if key in file}
    gains = {field: f"{_gain_db(file[key][0]):.2f} dB" for field, key in _R128_KEYS.items() if key in file}
    return TrackTags.from_texts(
        texts | gains,
        writers=file.get(_COMPOSER_KEY, ()),
        credits=credits_of({key: file[key] for key in (_PERFORMER_KEY, *_ROLE_KEYS.values()) if key in file}),
        lrc=file.get(_TIMED, [None])[0],
        words=file.get(_WORDS, [None])[0],
        comment=file.get(_COMMENT, [None])[0],
    )


def cover_of_vorbis(file: FLAC | OggOpus) -> bytes | None:
    """The front cover, where there is one."""
    if isinstance(file, FLAC):
        pictures = file.pictures
    else:
        pictures = [Picture(base64.b64decode(text)) for text in file.get(_PICTURE_KEY, ())]
    return pictures[0].data if pictures else None


def credit_comments(credits: Credits) -> dict[str, list[str]]:
    """Credits under the keys that taggers use: ``PERFORMER=name (role)``, ``PRODUCER=name`` and so on."""
    comments: dict[str, list[str]] = {}
    for role, name in credits:
        key, text = (_ROLE_KEYS[role], name) if is_production(role) else (_PERFORMER_KEY, f"{name} ({role})")
        comments.setdefault(key, []).append(text)
    return comments


def credits_of(comments: Mapping[str, Sequence[str]]) -> Credits:
    """The inverse of :func:`credit_comments`."""
    matches = [_NAME_AND_ROLE.fullmatch(text) or text for text in comments.get(_PERFORMER_KEY, ())]
    performers = [(PERFORMER, match) if isinstance(match, str) else (match[2], match[1]) for match in matches]
    production_credits = [(role, name) for role, key in _ROLE_KEYS.items() for name in comments.get(key, ())]
    return (*performers, *production_credits)


def _comments(tags: TrackTags) -> Iterator[tuple[str, list[str]]]:
    """The comments that FLAC and Opus have in common."""
    texts = tags.texts()
    for field, key in _KEYS.items():
        if field in texts:
            yield key, [texts[field]]
    for key, text in ((_TIMED, tags.lyrics_lrc), (_WORDS, tags.lyrics_text), (_COMMENT, tags.comment)):
        if text:
            yield key, [text]
    if tags.writers:
        yield _COMPOSER_KEY, list(tags.writers)
    yield from credit_comments(tags.credits).items()


def _r128(gain_db: float) -> int:
    """A gain in Q7.8, limited to its range."""
    steps = round((gain_db + R128_OFFSET_DB) * _R128_STEPS_PER_DB)
    return max(_R128_LOWEST, min(_R128_HIGHEST, steps))


def _gain_db(steps: str) -> float:
    return int(steps) / _R128_STEPS_PER_DB - R128_OFFSET_DB


def _picture(cover: bytes) -> Picture:
    picture = Picture()
    picture.type = PictureType.COVER_FRONT
    picture.mime = cover_media_type(cover)
    picture.desc = "Cover"
    picture.data = cover
    return picture
