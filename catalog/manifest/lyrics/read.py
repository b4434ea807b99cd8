"""Reads the lyrics of a song in a manifest: a file that it names, or the words themselves."""

from __future__ import annotations

import re

from catalog.common.errors import InputError
from catalog.lyrics.lines import MAX_LYRICS_BYTES, LyricsError
from catalog.lyrics.lyrics import Lyrics
from catalog.lyrics.reading import read_lyrics
from catalog.lyrics.singing_rate import singing_rate_warnings
from catalog.lyrics.sung_marks import mark_without_words, sung_mark_warnings
from catalog.manifest.context import ManifestContext
from catalog.manifest.faults import Fault, FieldPath, SourceLocation
from catalog.manifest.files import find_file, read_file
from catalog.manifest.schema import SongFile
from catalog.manifest.validation import Diagnostics

_LRC_LINE = re.compile(r"\s*\[[0-9]+:[0-9]")


def read_song_lyrics(context: ManifestContext, field_path: FieldPath, song: SongFile, *, length_s: float) -> Lyrics:
    """Lyrics from a file or from inline text, none for a song without words; faults and warnings have their own
    lines."""
    path = (*field_path, "lyrics")
    diagnostics, lyrics_field = context.diagnostics, song.lyrics
    if diagnostics.is_bad(path):
        return Lyrics(())
    if lyrics_field is None:
        if song.instrumental is False:
            diagnostics.add(
                field_path, "`instrumental` is false and the song has no lyrics", "Add `lyrics`, or leave both out"
            )
        return Lyrics(())
    limit_s = None if is_length_bad(diagnostics, field_path) else length_s
    is_file = names_file(lyrics_field)
    try:
        data: bytes | str = _lyrics_file(context, lyrics_field.strip("\n")) if is_file else lyrics_field
        lyrics = read_lyrics(data, length_s=limit_s)
    except LyricsError as error:
        for fault in error.faults:
            place = lyrics_place(diagnostics, path, lyrics_field if is_file else None, fault.line)
            diagnostics.faults.append(
                Fault(place, "" if is_file else f"songs[{field_path[1]}].lyrics", fault.what, fault.remedy)
            )
        return Lyrics(())
    except InputError as error:
        diagnostics.add(path, error.what, error.remedy)
        return Lyrics(())
    _check_words(diagnostics, field_path, song, lyrics)
    return lyrics if lyrics.sung or lyrics.timed else Lyrics((), lyrics.tags)


def _check_words(diagnostics: Diagnostics, field_path: FieldPath, song: SongFile, lyrics: Lyrics) -> None:
    """Check that `instrumental` agrees with the lyrics; warn where marks alone promise words."""
    at = (*field_path, "instrumental")
    if song.instrumental and lyrics.sung:
        diagnostics.add(at, "the song has lyrics, so it is not instrumental", "Remove one of them")
    elif song.instrumental is False and not lyrics.sung:
        problem = "`instrumental` is false, and no line of the lyrics has words"
        diagnostics.add(at, problem, "Write some, or leave both out")
    elif not song.instrumental and (mark := mark_without_words(lyrics)):
        path, file = (*field_path, "lyrics"), song.lyrics if song.lyrics and names_file(song.lyrics) else None
        remedy = "Write `instrumental: true` in place of the lyrics to say so"
        message = f"[{mark.section}] has no words, and no line has: the song is an instrumental. {remedy}."
        diagnostics.warn(path, message, at=lyrics_place(diagnostics, path, file, mark.line))


def warn_of_lines(
    context: ManifestContext,
    field_path: FieldPath,
    song: SongFile,
    lyrics: Lyrics,
    *,
    length_s: float,
    language: str,
) -> None:
    """Warn of lines that are too fast or too slow to sing, and of marks that would be sung."""
    path = (*field_path, "lyrics")
    file = song.lyrics if song.lyrics and names_file(song.lyrics) else None
    rates = singing_rate_warnings(lyrics, length_s=length_s, language=language)
    for line, message in (*rates, *sung_mark_warnings(lyrics)):
        place = lyrics_place(context.diagnostics, path, file, line)
        context.diagnostics.warn(path, message, at=place)


def is_length_bad(diagnostics: Diagnostics, field_path: FieldPath) -> bool:
    """Whether the length of a song is unknown, because its own or the defaults' is a fault."""
    return any(diagnostics.is_bad(bound) for bound in ((*field_path, "length_s"), ("defaults", "length_s")))


def names_file(lyrics_field: str) -> bool:
    """Whether a song's `lyrics` of one line name a file."""
    return "\n" not in lyrics_field.strip("\n")


def _lyrics_file(context: ManifestContext, name: str) -> bytes:
    if _LRC_LINE.match(name):
        remedy = "Put the lyrics into a file, or write more than one line after |"
        raise InputError("lyrics of one line are read as the name of a file", remedy=remedy)
    return read_file(find_file(context.folder, name, max_bytes=MAX_LYRICS_BYTES), name)


def lyrics_place(diagnostics: Diagnostics, path: FieldPath, file: str | None, line: int) -> SourceLocation:
    """The location of a line of lyrics: in its file, or in the manifest after the ``|`` that begins the text."""
    if file is not None:
        return SourceLocation(file.strip("\n"), line, order=int(path[1]) + 1)
    spot = diagnostics.source.spot(path)
    return SourceLocation(diagnostics.source.name, spot.line + line if spot.block else spot.line)
