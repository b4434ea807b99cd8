"""``songline lyrics shift`` and ``stretch``: the times of lyrics moved by seconds or by a factor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from catalog.common.errors import InputError
from catalog.lyrics.formats.formats import Format, format_of, read_any, written
from catalog.lyrics.lines import LyricsError
from catalog.lyrics.lyrics import Lyrics
from catalog.lyrics.timing.moved import shifted, stretched
from flows.cli.console.times import seconds_of
from flows.cli.lyrics.files import LyricsFileError, read_bytes, write_or_print
from flows.console import print_json, stdout


def shift(path: Path, out: Path | None, *, by_s: float, start: str | None, end: str | None, as_json: bool) -> None:
    """Move the lines from ``start`` to before ``end`` by ``by_s`` seconds."""
    from_s = seconds_of(start) if start is not None else 0.0
    to_s = seconds_of(end) if end is not None else None
    if to_s is not None and to_s <= from_s:
        raise InputError("--to does not lie after --from", remedy="Correct one of them")
    _move(path, out, lambda lyrics: shifted(lyrics, by_s, from_s=from_s, to_s=to_s), as_json=as_json)


def stretch(path: Path, out: Path | None, *, factor: float, anchor: str | None, as_json: bool) -> None:
    """Move every line to ``factor`` times its distance from ``anchor``."""
    anchor_s = seconds_of(anchor) if anchor is not None else 0.0
    _move(path, out, lambda lyrics: stretched(lyrics, factor, anchor_s=anchor_s), as_json=as_json)


def stretch_factor(factor: float | None, from_bpm: float | None, to_bpm: float | None) -> float:
    """The factor of the options: stated, or that of two tempos. Raises InputError unless it is one of both."""
    if factor is not None and from_bpm is None and to_bpm is None:
        return factor
    if factor is None and from_bpm is not None and to_bpm is not None:
        return from_bpm / to_bpm
    raise InputError("the factor is not clear", remedy="Give --factor, or --from-bpm and --to-bpm")


def _move(path: Path, out: Path | None, moved: Callable[[Lyrics], Lyrics], *, as_json: bool) -> None:
    """Read a file, move its times and write it in its own form."""
    data = read_bytes(path)
    form = format_of(data)
    if form == "enhanced-lrc":
        remedy = "Run `songline lyrics convert --to lrc` on it first"
        raise InputError(f"{path} has times for single words, which would be lost", remedy=remedy)
    try:
        lyrics = read_any(data)
        _require_times(lyrics, path)
        new_lyrics = moved(lyrics)
    except LyricsError as error:
        raise LyricsFileError(path, error) from error
    text = written(new_lyrics, form)
    write_or_print(text, out, source=path, as_json=as_json)
    if as_json:
        print_json(_document(new_lyrics, text, form, out))
    elif out is not None:
        stdout().print(f"wrote {out}", soft_wrap=True)


def _require_times(lyrics: Lyrics, path: Path) -> None:
    if not lyrics.timed:
        raise InputError(f"{path} has no times", remedy="Run `songline lyrics time` on it first")


def _document(lyrics: Lyrics, text: str, form: Format, out: Path | None) -> dict[str, object]:
    starts_s = [line.start_s for line in lyrics.lines]
    return {"format": form, "starts_s": starts_s, "text": text, "out": str(out) if out else None}
