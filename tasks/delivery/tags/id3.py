"""Track tags as ID3v2.4, for MP3 files and for the ``id3`` chunk of WAV files."""

# mypy: disable-error-code="no-untyped-call"
# (mutagen calls itself typed, but is not)

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from mutagen import id3

from tasks.delivery.tags.lrc import timed_lines, to_lrc
from tasks.delivery.tags.track_tags import Credits, TrackTags, cover_media_type, is_production

_FRAMES = {
    "title": "TIT2",
    "artist": "TPE1",
    "album": "TALB",
    "album_artist": "TPE2",
    "year": "TDRC",
    "genre": "TCON",
    "isrc": "TSRC",
    "label": "TPUB",
    "language": "TLAN",
}
_NAMED_FRAMES = {
    "explicit": "ITUNESADVISORY",
    "candidate": "SONGLINE_CANDIDATE",
    "upc": "BARCODE",
    "track_gain_db": "REPLAYGAIN_TRACK_GAIN",
    "track_peak": "REPLAYGAIN_TRACK_PEAK",
    "album_gain_db": "REPLAYGAIN_ALBUM_GAIN",
    "album_peak": "REPLAYGAIN_ALBUM_PEAK",
}
_UTF8 = id3.Encoding.UTF8
_NO_LANGUAGE = "XXX"  # ID3v2.4 structure, 4.: the language is not known; it has three letters (ISO 639-2) else
_MILLISECONDS, _LYRICS = 2, 1  # ID3v2.4 frames, 4.9: time stamp format and content type of SYLT


def id3_bytes(tags: TrackTags, cover: bytes | None) -> bytes:
    """A whole ID3v2.4 tag without padding; the same tags give the same bytes."""
    tag = id3.ID3()
    for frame in _frames(tags, cover):
        tag.add(frame)
    buffer = io.BytesIO()
    tag.save(buffer, v2_version=4, padding=lambda _: 0)
    return buffer.getvalue()


def tags_of_id3(frames: id3.ID3) -> TrackTags:
    """The tags that :func:`id3_bytes` wrote."""
    # Not str(frame): mutagen replaces a numeric genre by its entry in ID3v1's list.
    texts = {field: str(frames[name].text[0]) for field, name in _FRAMES.items() if name in frames}
    for field, name in _NAMED_FRAMES.items():
        if text_frames := frames.getall(f"TXXX:{name}"):
            texts[field] = str(text_frames[0])
    texts["position"], _, texts["total"] = str(frames.get("TRCK", "0/0")).partition("/")
    timed_lyrics, words, comment = (_first(frames, name) for name in ("SYLT", "USLT", "COMM"))
    return TrackTags.from_texts(
        texts,
        writers=frames["TCOM"].text if "TCOM" in frames else (),
        credits=_credits(frames),
        lrc=to_lrc(timed_lyrics.text) if timed_lyrics else None,
        words=words.text if words else None,
        comment=comment.text[0] if comment else None,
    )


def cover_of_id3(frames: id3.ID3) -> bytes | None:
    """The front cover, where there is one."""
    picture = _first(frames, "APIC")
    return picture.data if picture else None


def _frames(tags: TrackTags, cover: bytes | None) -> Iterator[id3.Frame]:
    texts = tags.texts()
    for field, name in _FRAMES.items():
        if field in texts:
            yield id3.Frames[name](encoding=_UTF8, text=texts[field])
    for field, name in _NAMED_FRAMES.items():
        if field in texts:
            yield id3.TXXX(encoding=_UTF8, desc=name, text=texts[field])
    yield id3.TRCK(encoding=_UTF8, text=f"{tags.position}/{tags.total}")
    if tags.writers:
        yield id3.TCOM(encoding=_UTF8, text=list(tags.writers))
    yield from _people(tags.credits)
    language = tags.language or _NO_LANGUAGE
    if tags.lyrics_lrc:
        lines = timed_lines(tags.lyrics_lrc)
        yield id3.SYLT(encoding=_UTF8, lang=language, format=_MILLISECONDS, type=_LYRICS, desc="", text=lines)
    if tags.lyrics_text:
        yield id3.USLT(encoding=_UTF8, lang=language, desc="", text=tags.lyrics_text)
    if tags.comment:
        yield id3.COMM(encoding=_UTF8, lang="eng", desc="", text=tags.comment)
    if cover is not None:
        picture_type = id3.PictureType.COVER_FRONT
        yield id3.APIC(encoding=_UTF8, mime=cover_media_type(cover), type=picture_type, desc="Cover", data=cover)


def _people(credits: Credits) -> Iterator[id3.Frame]:
    """Performers under TMCL, production roles under TIPL (ID3v2.4 frames, 4.2.2)."""
    performers = [list(pair) for pair in credits if not is_production(pair[0])]
    production_credits = [list(pair) for pair in credits if is_production(pair[0])]
    if performers:
        yield id3.TMCL(encoding=_UTF8, people=performers)
    if production_credits:
        yield id3.TIPL(encoding=_UTF8, people=production_credits)


def _credits(frames: id3.ID3) -> Credits:
    return tuple((role, name) for kind in ("TMCL", "TIPL") if kind in frames for role, name in frames[kind].people)


def _first(frames: id3.ID3, name: str) -> Any:
    """The first frame of a kind, which mutagen does not type, or None."""
    return next(iter(frames.getall(name)), None)
