"""``songline lyrics check``: the faults of a file of lyrics, and how fast each of its lines is sung."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.text import Text

from catalog.common.text import counted
from catalog.lyrics.formats.formats import format_of, read_any
from catalog.lyrics.formats.tags import bpm_of, length_of
from catalog.lyrics.lines import LyricsError
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.singing_rate import FAST_SYLLABLES_PER_S, singing_rate_warnings
from catalog.lyrics.stamps import stamp
from catalog.lyrics.sung_marks import sung_mark_warnings
from catalog.lyrics.syllables import count_syllables
from flows.cli.lyrics.files import LyricsFileError, language_of, read_bytes
from flows.console import SafeTable, print_json, stderr, stdout, warn

BEATS = 4
ON_BAR_S = 0.03
"""A line that begins this near to a bar begins on it: half a hundredth of rounding aside, nobody hears less."""


@dataclass(frozen=True, slots=True)
class CheckedLine:
    """A line with its time, or without where the lyrics have none.

    ``time_s`` lasts until the next stamp or the end of the song, and is None where that is not known. ``bar`` counts
    from 1, and ``after_bar_s`` is how long after the nearest bar the line begins (negative: before it); both are None
    without a tempo.
    """

    line: int
    section: str
    text: str
    syllables: int
    start_s: float | None = None
    time_s: float | None = None
    syllables_per_s: float | None = None
    bar: int | None = None
    after_bar_s: float | None = None

    @property
    def is_fast(self) -> bool:
        """Whether words are likely to be swallowed."""
        return self.syllables_per_s is not None and self.syllables_per_s > FAST_SYLLABLES_PER_S

    @property
    def is_off_bar(self) -> bool:
        """Whether the line begins apart from every bar."""
        return self.after_bar_s is not None and abs(self.after_bar_s) > ON_BAR_S


def check(path: Path, *, length_s: float | None, language: str, bpm: float | None, as_json: bool) -> None:
    """Print the faults, lines and rates of a file; exits 1 where there is a fault.

    Length and tempo that are left out are those of the file's tags.
    """
    language = language_of(language)
    data = read_bytes(path)
    try:
        lyrics, faults = read_any(data, length_s=length_s), LyricsError([])
        if length_s is None and (length_s := length_of(lyrics.tags)):
            lyrics = read_any(data, length_s=length_s)
    except LyricsError as error:
        lyrics, faults = Lyrics(()), error
    bpm = bpm or bpm_of(lyrics.tags)
    lines = tuple(_checked(lyrics, length_s=length_s, language=language, bpm=bpm))
    warnings = sorted(_warnings(lyrics, length_s=length_s, language=language))
    if as_json:
        facts = {"file": str(path), "format": format_of(data), "timed": lyrics.timed, "language": language}
        figures = {"length_s": length_s, "bpm": bpm, "lines": [asdict(line) for line in lines]}
        notes = {
            "faults": [fault._asdict() for fault in faults.faults],
            "warnings": [{"line": line, "message": message} for line, message in warnings],
        }
        print_json({**facts, **figures, **notes})
    else:
        _print(path, lyrics, lines, warnings, faults)
    if faults.faults:
        sys.exit(1)


def _checked(lyrics: Lyrics, *, length_s: float | None, language: str, bpm: float | None) -> Iterator[CheckedLine]:
    """The lines with words or a mark."""
    ends_s = [line.start_s for line in lyrics.lines[1:]] + [length_s]
    for line, end_s in zip(lyrics.lines, ends_s, strict=False):
        if not (line.text or line.section):
            continue
        syllables = count_syllables(line.text, language)
        if not lyrics.timed:
            yield CheckedLine(line.line, line.section, line.text, syllables)
            continue
        time_s = round(end_s - line.start_s, 2) if end_s is not None and end_s > line.start_s else None
        bar, after_bar_s = _place(line, bpm)
        yield CheckedLine(
            line=line.line,
            section=line.section,
            text=line.text,
            syllables=syllables,
            start_s=line.start_s,
            time_s=time_s,
            syllables_per_s=round(syllables / time_s, 2) if time_s and line.text else None,
            bar=bar,
            after_bar_s=after_bar_s,
        )


def _place(line: LyricLine, bpm: float | None) -> tuple[int | None, float | None]:
    """The nearest bar of a line, and how long after it the line begins."""
    if bpm is None:
        return None, None
    bar_s = BEATS * 60 / bpm
    bar = round(line.start_s / bar_s)
    return bar + 1, round(line.start_s - bar * bar_s, 2)


def _warnings(lyrics: Lyrics, *, length_s: float | None, language: str) -> Iterator[tuple[int, str]]:
    yield from sung_mark_warnings(lyrics)
    last_s = lyrics.lines[-1].start_s if lyrics.lines else 0.0
    # Without a length nothing is known of the last line: it gets more time than any warning asks for.
    yield from singing_rate_warnings(lyrics, length_s=length_s or last_s + 1000, language=language)


def _print(
    path: Path,
    lyrics: Lyrics,
    lines: Sequence[CheckedLine],
    warnings: Sequence[tuple[int, str]],
    faults: LyricsError,
) -> None:
    if faults.faults:
        for fault in LyricsFileError(path, faults).faults:
            stderr().print(fault, soft_wrap=True)
        stderr().print(f"{path}: {counted(len(faults.faults), 'fault')}", soft_wrap=True)
        return
    stdout().print(_table(lyrics, lines))
    for line, message in warnings:
        warn(f"{path}:{line}: {message}")
    sections = sum(bool(line.section) for line in lines)
    words = f"{counted(len(lyrics.sung), 'line')}, {counted(sections, 'section')}, no faults"
    advice = "" if lyrics.timed else "; no times: `songline lyrics time` makes some"
    stdout().print(f"{path}: {words}{advice}", soft_wrap=True)


def _table(lyrics: Lyrics, lines: Sequence[CheckedLine]) -> SafeTable:
    has_bars = any(line.bar is not None for line in lines)
    timing = ["start", "seconds", "a second", *(["bar"] if has_bars else [])] if lyrics.timed else []
    table = SafeTable("line", *timing, "syllables", "section", "words")
    for line in lines:
        cells: list[str | Text] = []
        if lyrics.timed:
            rate = "" if line.syllables_per_s is None else f"{line.syllables_per_s:.1f}"
            cells = [
                stamp(line.start_s or 0.0)[1:-1],
                "" if line.time_s is None else f"{line.time_s:.2f}",
                Text(f"{rate} fast", style="yellow") if line.is_fast else rate,
                *([_bar(line)] if has_bars else []),
            ]
        table.add_row(str(line.line), *cells, str(line.syllables or ""), Text(line.section), Text(line.text))
    return table


def _bar(line: CheckedLine) -> str | Text:
    if not line.is_off_bar:
        return str(line.bar)
    return Text(f"{line.bar} {line.after_bar_s:+.2f} s", style="yellow")
