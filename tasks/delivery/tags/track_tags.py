"""The fields of a delivered track's tags, in any file format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from catalog.album.cover.cover import MAX_COVER_BYTES
from catalog.common.digests import Json
from catalog.common.errors import InputError
from tasks.delivery.tags.lrc import timed_lines, to_lrc
from tasks.delivery.tags.text import one_line, some_lines

PRODUCTION_ROLES = ("producer", "arranger", "engineer", "mix", "mastering")
"""Production roles, which tag formats store apart from the performers'."""

PERFORMER = "performer"
"""The role of a contributor without a stated role."""

_COVER_MAGIC = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
_SEVERAL_LINES = frozenset({"lyrics_lrc", "lyrics_text", "comment"})
_TEXTS = (
    *("title", "artist", "album", "album_artist", "position", "total", "year", "genre"),
    *("isrc", "upc", "label", "candidate", "language"),
)
_GAINS = ("track_gain_db", "album_gain_db")
_PEAKS = ("track_peak", "album_peak")
_SAME_ROLES = {
    "mixer": "mix",
    "mixing": "mix",
    "mixing engineer": "mix",
    "mastering engineer": "mastering",
    "recording engineer": "engineer",
    "production": "producer",
    "arrangement": "arranger",
}

Credits = tuple[tuple[str, str], ...]
"""Pairs of role and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackTags:
    """The tags of one track. Text is cleaned on input, so that the tags read from a file equal those that were set.

    ``lyrics_lrc`` is LRC in its normal form (``[mm:ss.xx]text``, a line each) without section marks, for which ID3 has
    no place between timed lines. ``lyrics_text`` are the words alone, ``comment`` is the release's statement that a
    model made it, ``explicit`` None where it is not stated, ``candidate`` the take's id in the catalog, ``language``
    the three-letter code of what is sung. ``credits`` are pairs of role and name, performers before those of
    :data:`PRODUCTION_ROLES`. Gains are those of ReplayGain 2.0 (to reach -18 LUFS), peaks are linear. Raises
    ValueError for LRC in another form.
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
    upc: str | None = None
    label: str | None = None
    writers: tuple[str, ...] = ()
    credits: Credits = ()
    lyrics_lrc: str | None = None
    lyrics_text: str | None = None
    comment: str | None = None
    explicit: bool | None = None
    candidate: str | None = None
    language: str | None = None
    track_gain_db: float | None = None
    track_peak: float | None = None
    album_gain_db: float | None = None
    album_peak: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, str):
                clean_text = some_lines(value) if field.name in _SEVERAL_LINES else one_line(value)
                object.__setattr__(self, field.name, clean_text or (None if field.default is None else ""))
        for names, digits in ((_GAINS, 2), (_PEAKS, 6)):
            for name in names:
                if (number := getattr(self, name)) is not None:
                    object.__setattr__(self, name, round(float(number), digits) + 0.0)  # no minus zero
        object.__setattr__(self, "writers", tuple(name for name in map(one_line, self.writers) if name))
        object.__setattr__(self, "credits", _in_order(self.credits))
        if self.lyrics_lrc:
            object.__setattr__(self, "lyrics_lrc", to_lrc(timed_lines(self.lyrics_lrc)))

    def document(self) -> dict[str, Json]:
        """The tags as JSON; without a language where none is set, as before there was this tag."""
        lists = {"writers": list(self.writers), "credits": [list(pair) for pair in self.credits]}
        return without_language(asdict(self) | lists) if self.language is None else asdict(self) | lists

    @classmethod
    def from_document(cls, document: Mapping[str, Json]) -> TrackTags:
        """The inverse of :meth:`document`."""
        pairs = tuple((role, name) for role, name in document.get("credits", ()))
        return cls(**{**document, "writers": tuple(document.get("writers", ())), "credits": pairs})

    def texts(self) -> dict[str, str]:
        """The single-line fields that are set, as the text that any tag format stores."""
        texts = {name: str(value) for name in _TEXTS if (value := getattr(self, name)) not in (None, "")}
        if self.explicit is not None:
            texts["explicit"] = str(int(self.explicit))
        texts |= {name: f"{value:.2f} dB" for name in _GAINS if (value := getattr(self, name)) is not None}
        return texts | {name: f"{value:.6f}" for name in _PEAKS if (value := getattr(self, name)) is not None}

    @classmethod
    def from_texts(
        cls,
        texts: Mapping[str, str],
        *,
        writers: Sequence[str],
        credits: Credits,
        lrc: str | None,
        words: str | None,
        comment: str | None,
    ) -> TrackTags:
        """The inverse of :meth:`texts`, with the fields that tag formats store in their own ways."""
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
            upc=texts.get("upc"),
            label=texts.get("label"),
            writers=tuple(writers),
            credits=credits,
            lyrics_lrc=lrc,
            lyrics_text=words,
            comment=comment,
            explicit=texts["explicit"] == "1" if "explicit" in texts else None,
            candidate=texts.get("candidate"),
            language=texts.get("language"),
            **{name: float(texts[name].removesuffix(" dB")) for name in (*_GAINS, *_PEAKS) if name in texts},
        )


def without_language(document: Mapping[str, Json]) -> dict[str, Json]:
    """Tags as JSON without their language: as an earlier version set them."""
    return {name: value for name, value in document.items() if name != "language"}


def is_production(role: str) -> bool:
    """Whether a role (as in TrackTags) is a production role."""
    return role in PRODUCTION_ROLES


def cover_media_type(cover: bytes) -> str:
    """``image/jpeg`` or ``image/png``, by the first bytes. Raises InputError for anything else, or over the limit."""
    if len(cover) > MAX_COVER_BYTES:
        raise InputError(f"the cover has {len(cover)} bytes, more than {MAX_COVER_BYTES}", remedy="Make it smaller")
    for first_bytes, media_type in _COVER_MAGIC.items():
        if cover.startswith(first_bytes):
            return media_type
    raise InputError("the cover is neither a JPEG nor a PNG", remedy="Save the picture as one of them")


def _in_order(credits: Credits) -> Credits:
    """Performers in the given order, then the production roles in their order; entries without a name are dropped."""
    clean_credits = [(_role(role), one_line(name)) for role, name in credits]
    order = ("", *PRODUCTION_ROLES)
    named_credits = [(role, name) for role, name in clean_credits if name]
    return tuple(sorted(named_credits, key=lambda pair: order.index(pair[0]) if is_production(pair[0]) else 0))


def _role(text: str) -> str:
    """A role as tags can store it: no parentheses, which delimit it, and production roles as one word."""
    role = one_line(text.replace("(", " ").replace(")", " "))
    known_role = _SAME_ROLES.get(role.casefold(), role.casefold())
    return known_role if is_production(known_role) else role or PERFORMER
