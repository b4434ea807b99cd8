"""``songline lyrics time``: singable times for plain text, as LRC to edit."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from catalog.album.tempo_and_key import parse_key
from catalog.common.errors import InputError
from catalog.lyrics.formats.tags import BPM, KEY, LENGTH, length_tag
from catalog.lyrics.lyrics import Lyrics
from catalog.lyrics.timing.times import Timed, WordsDoNotFit, time_lyrics
from flows.cli.lyrics.files import language_of, read_lyrics_file, write_or_print
from flows.console import print_json, stdout


def time(
    path: Path, out: Path | None, *, bpm: float, length_s: float | None, language: str, key: str | None, as_json: bool
) -> None:
    """Print or write the words of a file with times, after tags that state tempo, length and key."""
    lyrics = read_lyrics_file(path)
    if lyrics.timed:
        remedy = "See them with `songline lyrics check`, or drop them with `songline lyrics convert --to txt` first"
        raise InputError(f"{path} has times already", remedy=remedy)
    canonical_key = parse_key(key) if key is not None else None
    timed = _timed(lyrics, bpm=bpm, length_s=length_s, language=language_of(language))
    tags = {**lyrics.tags, BPM: f"{bpm:g}", LENGTH: length_tag(timed.length_s)}
    if canonical_key:
        tags[KEY] = canonical_key
    text = replace(timed.lyrics, tags=tags).to_lrc(with_tags=True)
    write_or_print(text, out, source=path, as_json=as_json)
    if as_json:
        print_json(_document(timed, text, out=out, language=language, key=canonical_key))
    elif out is not None:
        stdout().print(
            f"wrote {out}: {len(timed.lyrics.sung)} lines at {bpm:g} BPM in {timed.length_s:g} s, "
            f"sung until {timed.sung_until_s:.1f} s",
            soft_wrap=True,
        )


def _timed(lyrics: Lyrics, *, bpm: float, length_s: float | None, language: str) -> Timed:
    try:
        return time_lyrics(lyrics, bpm=bpm, length_s=length_s, language=language)
    except WordsDoNotFit as error:
        tempo = f" or --bpm {error.faster_bpm:g}" if error.faster_bpm else ""
        raise InputError(error.what, remedy=f"Give --length {error.usual_s:g}{tempo}, or shorten the words") from error


def _document(timed: Timed, text: str, *, out: Path | None, language: str, key: str | None) -> dict[str, object]:
    return {
        "bpm": timed.bpm,
        "length_s": timed.length_s,
        "language": language,
        "key": key,
        "sung_until_s": timed.sung_until_s,
        "lines": [asdict(line) for line in timed.lyrics.lines],
        "lrc": text,
        "out": str(out) if out else None,
    }
