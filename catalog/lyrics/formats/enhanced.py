"""Enhanced LRC: a stamp such as ``<00:12.50>`` before every word, and one at the end of a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from catalog.lyrics.formats.cues import cues_of
from catalog.lyrics.lines import MAX_LYRICS_BYTES, LyricsError, LyricsFault
from catalog.lyrics.lrc import parse_lrc
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.stamps import read_stamp, stamp
from catalog.lyrics.syllables import count_syllables

_WORD_STAMP = re.compile(r"<\s*([0-9]+:[0-9]+(?:\.[0-9]*)?)\s*>")
_STAMPED_LINE = re.compile(r"\s*((?:\[[^\[\]]*\]\s*)+)(.*)", re.DOTALL)
_BREAKS = re.compile("\r\n|\n|\r")
_OFFSET = re.compile(r"\s*\[offset:\s*([+-]?[0-9]{1,7})\s*\]\s*", re.IGNORECASE)
_UNITS = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7a3]|[^\\s\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7a3]+"
)
"""Words, and single characters of scripts that are written without spaces."""


def is_enhanced(text: str) -> bool:
    """Whether a line of the text has stamps for single words."""
    return any(line.lstrip().startswith("[") and _WORD_STAMP.search(line) for line in _BREAKS.split(text))


def parse_enhanced(text: str, *, length_s: float | None = None) -> Lyrics:
    """Lyrics from enhanced LRC: the lines with their times; a stamp after the last word is a rest.

    Raises LyricsError with every fault, also of word stamps that do not increase.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_LYRICS_BYTES:
        return parse_lrc(text)  # which says that it is too long
    faults: list[LyricsFault] = []
    offset_ms, plain, ends_ms = 0, [], {}
    for number, line in enumerate(_BREAKS.split(text), start=1):
        if offset := _OFFSET.fullmatch(line):
            offset_ms = int(offset[1])
        match = _STAMPED_LINE.fullmatch(line)
        if match and (times := _WORD_STAMP.findall(match[2])):
            end_ms = _end_ms(number, match[1], match[2], times, faults)
            if end_ms is not None:
                ends_ms[number] = end_ms
        plain.append(_WORD_STAMP.sub("", line) if match else line)
    try:
        lyrics = parse_lrc("\n".join(plain), length_s=length_s)
    except LyricsError as error:
        raise LyricsError(sorted([*faults, *error.faults])) from error
    if faults:
        raise LyricsError(sorted(faults))
    return replace(lyrics, lines=tuple(_with_rests(lyrics, ends_ms, offset_ms)))


def write_enhanced(lyrics: Lyrics, *, length_s: float | None, language: str) -> str:
    """Lyrics with times as enhanced LRC, after their tags.

    Words begin where their syllables fall if a line is sung evenly until the next stamp.
    """
    ends_s = {cue.start_ms: cue.end_ms / 1000 for cue in cues_of(lyrics, length_s=length_s)}
    pieces = [f"[{name}:{value}]\n" for name, value in lyrics.tags.items()]
    for line in lyrics.lines:
        mark = f"[{line.section}]\n" if line.section else ""
        end_s = ends_s.get(round(100 * line.start_s) * 10, line.start_s)
        words = _stamped_words(line, end_s, language) if line.text else ""
        pieces.append(f"{mark}{stamp(line.start_s)}{words}\n")
    return "".join(pieces)


def _stamped_words(line: LyricLine, end_s: float, language: str) -> str:
    units = list(_UNITS.finditer(line.text))
    weights = [max(1, count_syllables(unit[0], language)) for unit in units]
    pieces, sung, position = [], 0, 0
    for unit, weight in zip(units, weights, strict=True):
        time_s = line.start_s + (end_s - line.start_s) * sung / sum(weights)
        pieces += [line.text[position : unit.start()], _word_stamp(time_s), unit[0]]
        sung, position = sung + weight, unit.end()
    return "".join(pieces) + _word_stamp(end_s)


def _word_stamp(time_s: float) -> str:
    return f"<{stamp(time_s)[1:-1]}>"


def _end_ms(number: int, stamps: str, words: str, times: list[str], faults: list[LyricsFault]) -> int | None:
    """The stamp after the last word of a line in milliseconds, None without one; checks all stamps of its words."""
    line_times = [time for time in map(read_stamp, re.findall(r"\[([^\[\]]*)\]", stamps)) if time is not None]
    if len(line_times) > 1:
        what = "a line that comes at several times has stamps for single words"
        faults.append(LyricsFault(number, what, "Write it once for each time"))
        return None
    word_times = [read_stamp(time) for time in times]
    known = [*line_times, *(time for time in word_times if time is not None)]
    if None in word_times:
        faults.append(LyricsFault(number, "a word's stamp is not a time", "Write minutes and seconds as <mm:ss.xx>"))
    elif known != sorted(known):
        what = "the stamps of the words do not increase from the line's own"
        faults.append(LyricsFault(number, what, "Put them in the order of their times"))
    elif not _WORD_STAMP.split(words)[-1].strip():
        return word_times[-1]
    return None


def _with_rests(lyrics: Lyrics, ends_ms: dict[int, int], offset_ms: int) -> Iterator[LyricLine]:
    """The lines, with a rest where the last word of one ends before the next begins."""
    starts_s = [line.start_s for line in lyrics.lines[1:]] + [float("inf")]
    for line, next_s in zip(lyrics.lines, starts_s, strict=True):
        yield line
        if line.text and line.line in ends_ms:
            end_s = (ends_ms[line.line] - offset_ms + 5) // 10 / 100
            if line.start_s < end_s < next_s:
                yield LyricLine(end_s, "", line.line)
