"""Track tags in an MP4 file, for AAC: iTunes' own atoms, and named ones for fields without one."""

# mypy: disable-error-code="no-untyped-call"
# (mutagen calls itself typed, but is not)

from __future__ import annotations

from pathlib import Path

from mutagen.mp4 import MP4, AtomDataType, MP4Cover, MP4FreeForm

from tasks.audio.formats.mp4_gapless import MP4_GAPLESS, mp4_gapless_text
from tasks.delivery.tags.track_tags import TrackTags, cover_media_type
from tasks.delivery.tags.vorbis import credit_comments, credits_of

_ATOMS = {
    "title": "\xa9nam",
    "artist": "\xa9ART",
    "album": "\xa9alb",
    "album_artist": "aART",
    "year": "\xa9day",
    "genre": "\xa9gen",
}
_NAMED = {
    "isrc": "ISRC",
    "upc": "BARCODE",
    "label": "LABEL",
    "candidate": "SONGLINE_CANDIDATE",
    "language": "LANGUAGE",
    "track_gain_db": "REPLAYGAIN_TRACK_GAIN",
    "track_peak": "REPLAYGAIN_TRACK_PEAK",
    "album_gain_db": "REPLAYGAIN_ALBUM_GAIN",
    "album_peak": "REPLAYGAIN_ALBUM_PEAK",
}
_POSITION, _COMPOSER, _WORDS, _COMMENT, _COVER, _RATING = "trkn", "\xa9wrt", "\xa9lyr", "\xa9cmt", "covr", "rtng"
_FREE = "----:com.apple.iTunes:"
_TIMED, _CREDITS = _FREE + "SYNCEDLYRICS", _FREE + "CREDIT_"


def write_mp4_tags(path: Path, tags: TrackTags, cover: bytes | None, *, frames: int) -> None:
    """Put tags and cover into an MP4 file, replacing those it has; ``frames`` of its samples belong to the song."""
    file = MP4(path)
    if file.tags is None:
        file.add_tags()
    file.clear()
    texts = tags.texts()
    for field, atom in _ATOMS.items():
        if field in texts:
            file[atom] = [texts[field]]
    for field, name in _NAMED.items():
        if field in texts:
            file[_FREE + name] = [_free(texts[field])]
    file[_POSITION] = [(tags.position, tags.total)]
    if tags.explicit is not None:
        file[_RATING] = [int(tags.explicit)]
    if tags.writers:
        file[_COMPOSER] = list(tags.writers)
    for key, names in credit_comments(tags.credits).items():
        file[_CREDITS + key] = [_free(name) for name in names]
    for atom, text in ((_WORDS, tags.lyrics_text), (_COMMENT, tags.comment)):
        if text:
            file[atom] = [text]
    if tags.lyrics_lrc:
        file[_TIMED] = [_free(tags.lyrics_lrc)]
    file[MP4_GAPLESS] = [_free(mp4_gapless_text(frames))]
    if cover is not None:
        is_png = cover_media_type(cover) == "image/png"
        file[_COVER] = [MP4Cover(cover, MP4Cover.FORMAT_PNG if is_png else MP4Cover.FORMAT_JPEG)]
    file.save(padding=lambda _: 0)


def tags_of_mp4(file: MP4) -> TrackTags:
    """The tags that :func:`write_mp4_tags` wrote."""
    texts = {field: file[atom][0] for field, atom in _ATOMS.items() if atom in file}
    texts |= {field: _text(file[_FREE + name][0]) for field, name in _NAMED.items() if _FREE + name in file}
    if _RATING in file:
        texts["explicit"] = str(file[_RATING][0])
    position, total = file.get(_POSITION, [(0, 0)])[0]
    texts |= {"position": str(position), "total": str(total)}
    credit_values = {key.removeprefix(_CREDITS): file[key] for key in file if key.startswith(_CREDITS)}
    return TrackTags.from_texts(
        texts,
        writers=file.get(_COMPOSER, ()),
        credits=credits_of({key: [_text(value) for value in names] for key, names in credit_values.items()}),
        lrc=_text(file[_TIMED][0]) if _TIMED in file else None,
        words=file.get(_WORDS, [None])[0],
        comment=file.get(_COMMENT, [None])[0],
    )


def cover_of_mp4(file: MP4) -> bytes | None:
    """The front cover, where there is one."""
    return bytes(file[_COVER][0]) if _COVER in file else None


def _free(text: str) -> MP4FreeForm:
    return MP4FreeForm(text.encode(), AtomDataType.UTF8)


def _text(value: bytes) -> str:
    return bytes(value).decode()
