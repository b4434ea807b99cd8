"""Reads lyrics in any form that Songline knows, told by their content, and writes them in each."""

from __future__ import annotations

from typing import Literal, get_args

from catalog.common.errors import InputError
from catalog.lyrics.formats.enhanced import is_enhanced, parse_enhanced, write_enhanced
from catalog.lyrics.formats.subrip import TIMES, parse_subrip, write_subrip
from catalog.lyrics.formats.webvtt import is_webvtt, parse_webvtt, write_webvtt
from catalog.lyrics.lines import MAX_LYRICS_BYTES
from catalog.lyrics.lyrics import Lyrics
from catalog.lyrics.reading import is_stamped, read_lyrics

Format = Literal["lrc", "enhanced-lrc", "srt", "vtt", "txt"]
FORMATS: tuple[Format, ...] = get_args(Format)

_BEGINNING = 40
"""Lines of a file among which the first times of SubRip are looked for."""


def format_of(data: bytes | str) -> Format:
    """The form of a file of lyrics; plain text where no other is recognised."""
    text = data if isinstance(data, str) else data[:MAX_LYRICS_BYTES].decode("utf-8", errors="replace")
    lines = [line.strip() for line in text.removeprefix("\ufeff").splitlines() if line.strip()]
    if lines and is_webvtt(lines[0]):
        return "vtt"
    if any(TIMES.fullmatch(line) for line in lines[:_BEGINNING]):
        return "srt"
    if is_enhanced(text):
        return "enhanced-lrc"
    return "lrc" if is_stamped(data) else "txt"


def read_any(data: bytes | str, *, length_s: float | None = None) -> Lyrics:
    """The lyrics in a file of any form; with ``length_s``, lines after the end of the song are faults.

    Raises LyricsError with every fault.
    """
    form = format_of(data)
    if form == "vtt":
        return parse_webvtt(data, length_s=length_s)
    if form == "srt":
        return parse_subrip(data, length_s=length_s)
    if form == "enhanced-lrc" and (text := _decoded(data)) is not None:
        return parse_enhanced(text, length_s=length_s)
    return read_lyrics(data, length_s=length_s)


def _decoded(data: bytes | str) -> str | None:
    """The text of a file, None where it is not UTF-8."""
    try:
        return data if isinstance(data, str) else data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def written(lyrics: Lyrics, form: Format, *, length_s: float | None = None, language: str = "en") -> str:
    """Lyrics in a form. The end of the last line is ``length_s``, or what a tag says; ``language`` spreads words.

    Raises InputError where lyrics without times are to be written with them.
    """
    if form == "txt":
        return lyrics.to_text()
    if not lyrics.timed:
        remedy = "Run `songline lyrics time` on them first, or write them with --to txt"
        raise InputError("the lyrics have no times", remedy=remedy)
    if form == "srt":
        return write_subrip(lyrics, length_s=length_s)
    if form == "vtt":
        return write_webvtt(lyrics, length_s=length_s)
    if form == "enhanced-lrc":
        return write_enhanced(lyrics, length_s=length_s, language=language)
    return lyrics.to_lrc(with_tags=True)
