"""``songline lyrics convert``: lyrics from one form of file to another."""

from __future__ import annotations

from pathlib import Path

from catalog.lyrics.formats.formats import Format, format_of, written
from catalog.lyrics.sung_marks import sung_mark_warnings
from flows.cli.lyrics.files import language_of, read_bytes, read_lyrics_file, write_or_print
from flows.console import print_json, stdout, warn


def convert(path: Path, out: Path | None, *, to: Format, length_s: float | None, language: str, as_json: bool) -> None:
    """Print or write the lyrics of a file in another form."""
    lyrics = read_lyrics_file(path, length_s=length_s)
    text = written(lyrics, to, length_s=length_s, language=language_of(language))
    for line, message in sung_mark_warnings(lyrics):
        warn(f"{path}:{line}: {message}")
    write_or_print(text, out, source=path, as_json=as_json)
    if as_json:
        form = format_of(read_bytes(path))
        print_json({"from": form, "to": to, "text": text, "out": str(out) if out else None})
    elif out is not None:
        stdout().print(f"wrote {out}", soft_wrap=True)
