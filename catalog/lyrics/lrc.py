"""Reads strict LRC: a time before every line, section marks, metadata tags; every fault with its line and remedy."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from catalog.lyrics.lines import (
    MAX_LINE_CHARACTERS,
    MAX_LINES,
    LyricsError,
    LyricsFault,
    TextLine,
    read_lines,
    too_long,
)
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.sections import bracketed_mark, spelled_mark
from catalog.lyrics.stamps import WORD_STAMP, bad_stamp, is_not_finite, read_stamp, shown, stamp, visible

_TAG = re.compile(r"\[(#|[A-Za-z][A-Za-z0-9_-]*):((?:[^\[\]]|\[[^\[\]]*\])*)\]")
_OFFSET = re.compile(r"[+-]?[0-9]{1,7}")


def parse_lrc(data: bytes | str, *, length_s: float | None = None) -> Lyrics:
    """Lyrics from the text of an LRC file.

    Stamps are rounded to hundredths of a second, a line with several stamps is repeated at each of them,
    ``[offset:ms]`` is applied to the stamps (positive is earlier), and a stamp without words is kept as a rest. A
    section mark stands after a stamp or on a line of its own before the section's first line. With ``length_s``, a
    stamp after the end of the song is a fault. Raises LyricsError with every fault of the text.
    """
    reading = _Reading(length_s)
    for line in read_lines(data, reading.faults):
        if line.visible:
            reading.take(line)
    return reading.finish()


class _Row(NamedTuple):
    """One line of the file with its stamps in milliseconds, before the offset is applied."""

    line: int
    times_ms: tuple[int, ...]
    text: str
    section: str


class _Mark(NamedTuple):
    """A section mark on a line of its own. ``tag`` are name and value where it may be a metadata tag as well."""

    line: int
    label: str
    tag: tuple[str, str] | None


class _Reading:
    """The state of reading one text: rows, tags and faults so far, and a mark that waits for its line."""

    def __init__(self, length_s: float | None) -> None:
        self.length_s = length_s
        self.rows: list[_Row] = []
        self.tags: dict[str, str] = {}
        self.offset_ms = 0
        self.faults: list[LyricsFault] = []
        self.waiting: _Mark | None = None

    def fault(self, line: int, what: str, remedy: str) -> None:
        self.faults.append(LyricsFault(line, what, remedy))

    def take(self, line: TextLine) -> None:
        """Read one line of the file."""
        tag = _tag(line.visible)
        if label := _lone_mark(line.visible):  # before tags: "[Verse: softly]" is a mark
            self._end_waiting()
            self.waiting = _Mark(line.number, label, tag)
        elif tag is not None:
            self._take_tag(line.number, *tag)
        else:
            self._take_row(line.number, line.text)

    def _take_tag(self, number: int, name: str, value: str) -> None:
        if name in self.tags:
            self.fault(number, f"the tag [{name}:] occurs twice", "Remove one of them")
        elif name == "offset" and not _OFFSET.fullmatch(value):
            self.fault(
                number, f"the offset {shown(value)} is no number of milliseconds", "Write for example [offset:250]"
            )
        else:
            self.tags[name] = " ".join(value.split())
            self.offset_ms = int(value) if name == "offset" else self.offset_ms

    def _take_row(self, number: int, text: str) -> None:
        if mark := bracketed_mark(text):
            remedy = f"Put its time in front, for example [00:12.50][{mark[0]}]{mark[1][:40]}"
            self.fault(number, f"the line after the mark [{mark[0]}] has no stamp", remedy)
            return
        times_ms: list[int] = []
        rest, section = text, ""
        while rest.startswith("["):
            if times_ms and (mark := bracketed_mark(rest)):
                section, rest = mark
                break
            stamp_text, bracket, remainder = rest[1:].partition("]")
            time_ms = read_stamp(stamp_text) if bracket else None
            if time_ms is None:
                self.fault(number, *bad_stamp(stamp_text, closed=bool(bracket), has_stamp=bool(times_ms)))
                return
            times_ms.append(time_ms)
            rest = remainder.lstrip()
            if visible(rest).startswith("["):  # invisible characters between two stamps
                rest = rest[rest.index("[") :]
        if section and visible(rest).startswith("["):
            remedy = "Write the stamps, then one mark, then the words"
            self.fault(number, f"{shown(visible(rest))} follows the section's mark", remedy)
        elif not times_ms:
            self.fault(number, f"{shown(text)} has no stamp", "Put its time in front, for example [00:12.50]")
        elif WORD_STAMP.search(rest):
            remedy = "Keep the stamp of the line, or run `songline lyrics convert` on the file"
            self.fault(number, "the line holds stamps for single words", remedy)
        else:
            words = unicodedata.normalize("NFC", " ".join(rest.split()))
            if len(words) > MAX_LINE_CHARACTERS:
                self.faults.append(too_long(number, words))
            self.rows.append(_Row(number, tuple(times_ms), words, self._section_of(section)))

    def _section_of(self, own: str) -> str:
        """The label of a row: its own, or the one that waits for it."""
        if own:
            self._end_waiting()
        label = own or (self.waiting.label if self.waiting else "")
        self.waiting = None
        return label

    def _end_waiting(self) -> None:
        """A mark without a line of its own has no time, unless it is the first of the song; one that may be a tag is
        one, as it was before there were marks."""
        mark, self.waiting = self.waiting, None
        if mark is None:
            return
        if mark.tag is not None:
            self._take_tag(mark.line, *mark.tag)
        elif self.rows:
            remedy = f"Put its time in front: [01:10.00][{mark.label}]"
            self.fault(mark.line, f"the section [{mark.label}] has no line and no time", remedy)
        else:
            self.rows.append(_Row(mark.line, (self.offset_ms,), "", mark.label))

    def finish(self) -> Lyrics:
        """The lyrics. Raises LyricsError with every fault."""
        self._end_waiting()
        lines = self._expanded()
        self._check_order()
        if not self.rows and not self.faults:
            remedy = "Put a time before each line, for example [00:12.50]; a song without words has no `lyrics`"
            self.fault(1, "no line has a stamp", remedy)
        if len(lines) > MAX_LINES:
            self.fault(lines[MAX_LINES].line, f"there are more than {MAX_LINES} lines", "Remove some")
        if self.faults:
            raise LyricsError(sorted(self.faults))
        tags = {name: value for name, value in self.tags.items() if name != "offset"}
        return Lyrics(lines=tuple(lines), tags=tags)

    def _expanded(self) -> list[LyricLine]:
        """Every stamp of every row as a line of its own, ordered by time; a mark and words at one time are one line."""
        lines: dict[int, LyricLine] = {}
        for row in self.rows:
            for time_ms in row.times_ms:
                time_cs = self._moved_cs(time_ms)
                line = LyricLine(time_cs / 100, row.text, row.line, row.section)
                if not self._is_within(line, before_offset=stamp(time_ms / 1000)):
                    continue
                first = lines.get(time_cs)
                if first is None:
                    lines[time_cs] = line
                elif first.section and not first.text and line.text and not line.section:
                    lines[time_cs] = LyricLine(first.start_s, line.text, line.line, first.section)
                else:
                    self.fault(row.line, *_same_time(line, first.line))
        return sorted(lines.values(), key=lambda line: line.start_s)

    def _moved_cs(self, time_ms: int) -> int:
        """A stamp in hundredths of a second with the offset applied."""
        return (time_ms - self.offset_ms + 5) // 10

    def _is_within(self, line: LyricLine, *, before_offset: str) -> bool:
        if line.start_s < 0:
            problem = f"the offset of {self.offset_ms} ms moves {before_offset} before the start of the song"
            self.fault(line.line, problem, "Make the offset smaller")
            return False
        if self.length_s is None or line.start_s < self.length_s + (0 if line.text else 0.005):
            return True
        problem = f"{stamp(line.start_s)} lies past the song's length of {self.length_s:g} s"
        self.fault(line.line, problem, "Move the line or make the song longer")
        return False

    def _check_order(self) -> None:
        """Checks that the first stamps of the rows increase; :meth:`_expanded` reports equal ones."""
        for previous, row in zip(self.rows, self.rows[1:], strict=False):
            if self._moved_cs(row.times_ms[0]) < self._moved_cs(previous.times_ms[0]):
                own_stamp, previous_stamp = stamp(row.times_ms[0] / 1000), stamp(previous.times_ms[0] / 1000)
                problem = f"{own_stamp} comes after {previous_stamp} of line {previous.line}"
                self.fault(row.line, problem, "Put the lines in the order of their times")


def _tag(text: str) -> tuple[str, str] | None:
    """Name and value of a line that is a metadata tag."""
    match = _TAG.fullmatch(text)
    if match is None or is_not_finite(match[1]):
        return None
    name = match[1].lower()
    return name, visible(match[2]) if name == "offset" else match[2].strip()


def _lone_mark(text: str) -> str | None:
    """The label of a line that is a section mark and nothing else."""
    mark = bracketed_mark(text)
    return mark[0] if mark and not mark[1] else spelled_mark(text)


def _same_time(line: LyricLine, other: int) -> tuple[str, str]:
    if other == line.line:
        return f"{stamp(line.start_s)} occurs twice in the line", "Remove one of them"
    return f"{stamp(line.start_s)} is also the time of line {other}", "Give each line a time of its own"
