"""The fields that a delivered track carries, whatever file they are kept in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from catalog.digests import Json
from catalog.errors import InputError
from tasks.delivery.text import one_line, some_lines

MAX_COVER_BYTES = 10 * 1024 * 1024
"""A FLAC picture block ends at 16 MiB, and no player needs more."""

_COVER_MAGIC = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
_SEVERAL_LINES = frozenset({"lyrics_lrc", "lyrics_text", "comment"})
_TEXTS = ("title", "artist", "album", "album_artist", "position", "total", "year", "genre", "isrc", "candidate")
_TIMED_LINE = re.compile(r"\[(\d{2,}):([0-5]\d)\.(\d\d)\](.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackTags:
    """The tags of one track. Text is cleaned as it comes in, so that what a file gives back equals what was set.

    ``lyrics_lrc`` is LRC in its normal form (``[mm:ss.xx]text``, a line each), ``lyrics_text`` the words alone,
    ``comment`` where a release says that a model made it, ``explicit`` None where nobody said,
    ``candidate`` the id under which the catalog knows the take. Raises ValueError for LRC in another form.
    """

    title: str
    artist: str
    album: str
    album_artist: str
    position: int
    total: int
    year: int | None = None
    genre: str | None = None
    isrc: str | None = None
    writers: tuple[str, ...] = ()
    lyrics_lrc: str | None = None
    lyrics_text: str | None = None
    comment: str | None = None
    explicit: bool | None = None
    candidate: str | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, str):
                cleaned = some_lines(value) if field.name in _SEVERAL_LINES else one_line(value)
                object.__setattr__(self, field.name, cleaned or (None if field.default is None else ""))
        object.__setattr__(self, "writers", tuple(name for name in map(one_line, self.writers) if name))
        timed_lines(self.lyrics_lrc or "")

    def document(self) -> dict[str, Json]:
        """The tags as JSON."""
        return asdict(self) | {"writers": list(self.writers)}

    @classmethod
    def from_document(cls, document: Mapping[str, Json]) -> TrackTags:
        """The inverse of :meth:`document`."""
        return cls(**{**document, "writers": tuple(document.get("writers", ()))})

    def texts(self) -> dict[str, str]:
        """The fields of one line that are set, as the text that any tag format keeps."""
        texts = {name: str(value) for name in _TEXTS if (value := getattr(self, name)) not in (None, "")}
        return texts | ({} if self.explicit is None else {"explicit": str(int(self.explicit))})

    @classmethod
    def from_texts(
        cls,
        texts: Mapping[str, str],
        *,
        writers: Sequence[str],
        lrc: str | None,
        words: str | None,
        comment: str | None,
    ) -> TrackTags:
        """The inverse of :meth:`texts`, with the fields that tag formats keep in their own ways."""
        return cls(
            title=texts.get("title", ""),
            artist=texts.get("artist", ""),
            album=texts.get("album", ""),
            album_artist=texts.get("album_artist", ""),
            position=int(texts.get("position", 0)),
            total=int(texts.get("total", 0)),
            year=int(texts["year"]) if "year" in texts else None,
            genre=texts.get("genre"),
            isrc=texts.get("isrc"),
            writers=tuple(writers),
            lyrics_lrc=lrc,
            lyrics_text=words,
            comment=comment,
            explicit=texts["explicit"] == "1" if "explicit" in texts else None,
            candidate=texts.get("candidate"),
        )


def timed_lines(lrc: str) -> list[tuple[str, int]]:
    """The lines of LRC in its normal form, as (text, milliseconds). Raises ValueError for another form."""
    lines = []
    for line in lrc.splitlines():
        match = _TIMED_LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{line[:40]!r} is no line of LRC in its normal form")
        minutes, seconds, hundredths, text = match.groups()
        lines.append((text, (int(minutes) * 60 + int(seconds)) * 1000 + int(hundredths) * 10))
    return lines


def to_lrc(lines: list[tuple[str, int]]) -> str:
    """The inverse of :func:`timed_lines`."""
    return "\n".join(f"[{ms // 60000:02d}:{ms // 1000 % 60:02d}.{ms // 10 % 100:02d}]{text}" for text, ms in lines)


def cover_media_type(cover: bytes) -> str:
    """``image/jpeg`` or ``image/png``, told by the first bytes. Raises InputError for anything else, or too much."""
    if len(cover) > MAX_COVER_BYTES:
        raise InputError(f"the cover has {len(cover)} bytes, more than {MAX_COVER_BYTES}", remedy="Make it smaller")
    for magic, media_type in _COVER_MAGIC.items():
        if cover.startswith(magic):
            return media_type
    raise InputError("the cover is neither a JPEG nor a PNG", remedy="Save the picture as one of them")
