"""The files of the commands for lyrics: read whole, and written whole to another file or printed."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from catalog.common.errors import InputError, MachineError, ManifestError, SonglineError, remedy_of_writing
from catalog.files.permissions import users_file_mode
from catalog.files.whole_file import write_whole
from catalog.lyrics.formats.formats import read_any
from catalog.lyrics.lines import MAX_LYRICS_BYTES, LyricsError
from catalog.lyrics.lyrics import Lyrics
from catalog.manifest.faults import MAX_FAULTS
from catalog.manifest.fields import Language
from catalog.manifest.files import read_file, regular_file
from flows.console import print_text


class LyricsFileError(ManifestError):
    """The faults of a file of lyrics, each as ``words.lrc:3: what. remedy.``; of very many the first, and a count."""

    kind = "lyrics"

    def __init__(self, path: Path, error: LyricsError) -> None:
        lines = [f"{path}:{fault.line}: {fault.what}. {fault.remedy}." for fault in error.faults[:MAX_FAULTS]]
        if more := len(error.faults) - len(lines):
            lines.append(f"{path}: there are {more} more faults. Correct these first.")
        super().__init__(lines)


def read_bytes(path: Path) -> bytes:
    """The bytes of a file of lyrics. Raises InputError where there is none, or a larger one than lyrics are."""
    return read_file(regular_file(path, str(path), max_bytes=MAX_LYRICS_BYTES), str(path))


def read_lyrics_file(path: Path, *, length_s: float | None = None) -> Lyrics:
    """The lyrics in a file of any form. Raises LyricsFileError with every fault."""
    try:
        return read_any(read_bytes(path), length_s=length_s)
    except LyricsError as error:
        raise LyricsFileError(path, error) from error


def language_of(text: str) -> str:
    """A checked language code. Raises InputError."""
    try:
        language: str = TypeAdapter(Language).validate_python(text)
    except ValidationError as error:
        context = error.errors()[0].get("ctx", {})
        what = str(context.get("what", f"{text[:40]!r} is not a language tag"))
        raise InputError(what, remedy=str(context.get("remedy", "Write a code such as 'en'"))) from error
    return language


def write_or_print(text: str, out: Path | None, *, source: Path, as_json: bool) -> None:
    """Write a text to ``out``, whole or not at all, or print it where there is none and JSON is not asked for.

    Raises InputError where ``out`` is the file that was read or cannot be written, MachineError for a full disk.
    """
    if out is None:
        if not as_json:
            print_text(text)
        return
    _check_out(out, source)
    try:
        write_whole(out, text.encode("utf-8"), mode=users_file_mode())
    except OSError as error:
        raise _unwritable(out, error) from error


def _check_out(out: Path, source: Path) -> None:
    """Raise InputError for what a file would replace and should not: its source, a folder, a device or a pipe."""
    try:
        is_file, is_source = out.is_file(), os.path.samefile(out, source)
    except OSError:
        return  # there is nothing yet
    if not is_file:
        raise InputError(f"{out} is not a regular file", remedy="Name a file with --out, or leave it out to print")
    if is_source:
        raise InputError(f"{out} is the file that is read", remedy="Name another file with --out")


def _unwritable(out: Path, error: OSError) -> SonglineError:
    what, remedy = f"{out} cannot be written: {error.strerror}", "Name another file with --out"
    full_remedy = remedy_of_writing(error, remedy)
    return InputError(what, remedy=remedy) if full_remedy == remedy else MachineError(what, remedy=full_remedy)
