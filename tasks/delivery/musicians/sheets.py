"""What stands on the written lead sheet of a released song beside its music."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.album.album import DEMO_ARTIST
from catalog.common.digests import Json
from tasks.notation.music_xml import SheetHead

_WORDS_ROLES = ("lyric", "words", "text")


def sheet_head(track: Mapping[str, Json], album: Mapping[str, Json], *, disclosure: str, has_words: bool) -> SheetHead:
    """The head of a song's sheet, from the request that packs it: the writers, else the artist, as the composer, but
    nobody on a demo without an artist.

    The words are by whom a credit names for them, else by the writers too. Rights are the year and the label, and the
    sentence that a model made the music.
    """
    writers = ", ".join(track["writers"]) or ("" if track["artist"] == DEMO_ARTIST else track["artist"])
    credited = [credit["name"] for credit in track["credits"] if _is_for_words(credit["role"])]
    owner = " ".join(str(value) for value in (album["year"], album["label"] or album["artist"]) if value)
    return SheetHead(
        title=track["title"],
        composer=writers,
        lyricist=(", ".join(credited) or writers) if has_words else "",
        rights=f"{owner}. {disclosure}",
        language=track["language"] if has_words else "",
    )


def _is_for_words(role: str) -> bool:
    return any(part in role.casefold() for part in _WORDS_ROLES)
