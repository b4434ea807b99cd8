"""Reads lyrics in either form: LRC where a line begins with a stamp, plain text otherwise."""

from __future__ import annotations

from catalog.lyrics.lines import read_lines
from catalog.lyrics.lrc import parse_lrc
from catalog.lyrics.lyrics import Lyrics
from catalog.lyrics.stamps import begins_with_stamp
from catalog.lyrics.text import parse_text


def is_stamped(data: bytes | str) -> bool:
    """Whether a line of the text begins with a stamp, or with what is meant as one."""
    return any(begins_with_stamp(line.visible) for line in read_lines(data, []))


def read_lyrics(data: bytes | str, *, length_s: float | None = None) -> Lyrics:
    """Lyrics from LRC or plain text, as :mod:`catalog.lyrics.lrc` and :mod:`catalog.lyrics.text` read them.

    ``length_s`` bounds the stamps. Raises LyricsError with every fault.
    """
    return parse_lrc(data, length_s=length_s) if is_stamped(data) else parse_text(data)


def stored_lyrics(text: str) -> Lyrics:
    """The lyrics that :meth:`Lyrics.to_lrc` wrote; empty text is a song without words."""
    return read_lyrics(text) if text else Lyrics(())
