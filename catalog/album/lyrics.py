"""Lyrics with a time for every line: reads strict LRC and writes one normal form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from catalog.album.lrc import bad_stamp, hundredths, is_not_finite, read_stamp, shown, stamp, visible
from catalog.album.syllables import count_syllables
from catalog.common.digests import digest_value
from catalog.common.errors import InputError
from catalog.common.text import has_control

SCHEME = "lyrics/v1"
MAX_LYRICS_BYTES = 64 * 1024
MAX_LINES = 1000
MAX_LINE_CHARACTERS = 300

FAST_SYLLABLES_PER_S = 6.0
"""Above this rate words are likely to be swallowed (comfortable singing ends near 4, rap reaches 9 to 12)."""
PHYSICAL_SYLLABLES_PER_S = 9.0
SLOW_SYLLABLES_PER_S = 0.7
SLOW_GAP_S = 12.0
"""A line with this much time and few syllables is often repeated by a singing model."""


class LyricsFault(NamedTuple):
    """One fault of a lyrics text; ``line`` counts from 1."""

    line: int
    what: str
    remedy: str


class LyricsError(InputError):
    """All faults of one lyrics text, in line order."""

    kind = "lyrics"

    def __init__(self, faults: Sequence[LyricsFault]) -> None:
        super().__init__("\n".join(f"line {fault.line}: {fault.what}. {fault.remedy}." for fault in faults))
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return self.what


@dataclass(frozen=True, slots=True)
class LyricLine:
    """One sung line, or a rest where ``text`` is empty; ``line`` is its line number in the file."""

    start_s: float
    text: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Lyrics:
    """Lines ordered by time, which strictly increases in hundredths of a second, and metadata tags."""

    lines: tuple[LyricLine, ...]
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def sung(self) -> tuple[LyricLine, ...]:
        """The lines that have words."""
        return tuple(line for line in self.lines if line.text)

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the sung words and their times; tags and the layout of the file do not count."""
        return digest_value(SCHEME, {"lines": [[hundredths(line.start_s), line.text] for line in self.lines]})

    def earlier(self, seconds: float) -> Lyrics:
        """The same words shifted earlier, for audio whose leading silence was cut; no stamp before 0, order kept."""
        lines, earliest_cs = [], 0
        for line in self.lines:
            start_cs = max(hundredths(line.start_s) - hundredths(seconds), earliest_cs)
            lines.append(replace(line, start_s=start_cs / 100))
            earliest_cs = start_cs + 1
        return Lyrics(tuple(lines), self.tags)

    def to_lrc(self, *, with_tags: bool = False) -> str:
        """The normal form, one ``[mm:ss.xx]text`` per line, after the metadata tags where ``with_tags`` is set."""
        head = [f"[{name}:{value}]\n" for name, value in self.tags.items()] if with_tags else []
        return "".join(head + [f"{stamp(line.start_s)}{line.text}\n" for line in self.lines])


def parse_lrc(data: bytes | str, *, length_s: float | None = None) -> Lyrics:
    """Lyrics from the text of an LRC file.

    Stamps are rounded to hundredths of a second, a line with several stamps is repeated at each of them,
    ``[offset:ms]`` is applied to the stamps (positive is earlier), and a stamp without words is kept as a rest. With
    ``length_s``, a stamp after the end of the song is a fault. Raises LyricsError with every fault of the text.
    """
    reading = _Reading(length_s)
    for number, line in _lines(data, reading):
        for part in _BREAKS.split(line):
            reading.take(number, part)
    return reading.finish()


def stored_lyrics(lrc: str) -> Lyrics:
    """The lyrics that :meth:`Lyrics.to_lrc` wrote; empty text is a song without words."""
    return parse_lrc(lrc) if lrc else Lyrics(())


def singing_rate_warnings(lyrics: Lyrics, *, length_s: float, language: str) -> tuple[tuple[int, str], ...]:
    """The lines with too many or too few syllables for the time they have, as (line, message)."""
    warnings = []
    ends_s = [line.start_s for line in lyrics.lines[1:]] + [length_s]
    for line, end_s in zip(lyrics.lines, ends_s, strict=True):
        is_last = line is lyrics.lines[-1]
        message = _rate_warning(line, end_s - line.start_s, language=language, is_last=is_last) if line.text else ""
        if message:
            warnings.append((line.line, message))
    return tuple(warnings)


def _rate_warning(line: LyricLine, time_s: float, *, language: str, is_last: bool) -> str:
    syllables = count_syllables(line.text, language)
    facts = f"{stamp(line.start_s)} has {syllables} syllables in {time_s:.1f} s"
    if time_s <= 0 or syllables / time_s > PHYSICAL_SYLLABLES_PER_S:
        return f"{facts}, faster than anyone sings. Give the line more time or fewer words."
    rate = syllables / time_s
    if rate > FAST_SYLLABLES_PER_S:
        return f"{facts}, {rate:.1f} a second, so words may be swallowed. Give the line more time or fewer words."
    if rate < SLOW_SYLLABLES_PER_S and time_s > SLOW_GAP_S and not is_last:
        return f"{facts}, so it may be repeated or drawn out. Put a stamp without words where the singing stops."
    return ""


_TAG = re.compile(r"\[(#|[A-Za-z][A-Za-z0-9_-]*):((?:[^\[\]]|\[[^\[\]]*\])*)\]")
_OFFSET = re.compile(r"[+-]?[0-9]{1,7}")
_WORD_STAMP = re.compile(r"<[0-9]+:[0-9]+(?:\.[0-9]+)?>")
_BYTE_ORDER_MARK = "\ufeff"
_BREAKS = re.compile("[\x0b\x0c\x85\u2028\u2029]")
"""Characters other than the usual line ends that break a line (Unicode Standard Annex 14, BK and NL), as word
processors write them."""


def _lines(data: bytes | str, reading: _Reading) -> list[tuple[int, str]]:
    """The numbered lines that are readable; the others become faults."""
    size = len(data)
    if size > MAX_LYRICS_BYTES:
        reading.fault(1, f"the lyrics have {size} bytes, more than {MAX_LYRICS_BYTES}", "Shorten them")
        return []
    if isinstance(data, str):
        pieces = re.split(r"\r\n|\n|\r", data.removeprefix(_BYTE_ORDER_MARK))
        return list(enumerate(pieces, start=1))
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        reading.fault(1, "the file is UTF-16, not UTF-8", "Save it as UTF-8")
        return []
    lines = []
    for number, piece in enumerate(re.split(rb"\r\n|\n|\r", data.removeprefix(b"\xef\xbb\xbf")), start=1):
        try:
            lines.append((number, piece.decode("utf-8")))
        except UnicodeDecodeError:
            reading.fault(number, "the bytes are not UTF-8", "Save the file as UTF-8")
    return lines


class _Row(NamedTuple):
    """One line of the file with its stamps in milliseconds, before the offset is applied."""

    line: int
    times_ms: tuple[int, ...]
    text: str


class _Reading:
    """The state of reading one text: rows, tags and faults so far."""

    def __init__(self, length_s: float | None) -> None:
        self.length_s = length_s
        self.rows: list[_Row] = []
        self.tags: dict[str, str] = {}
        self.offset_ms = 0
        self.faults: list[LyricsFault] = []

    def fault(self, line: int, what: str, remedy: str) -> None:
        self.faults.append(LyricsFault(line, what, remedy))

    def take(self, number: int, raw: str) -> None:
        """Read one line of the file."""
        text = raw.strip(" \t")
        visible_text = visible(text)
        if not visible_text:
            return
        # Invisible characters after words stay: lyrics rendered with them keep their digest.
        if visible_text.startswith("["):
            text = text[text.index("[") :]
        if has_control(text.replace("\t", " ")):
            self.fault(number, "the line holds a control character", "Remove it")
        elif len(text) > MAX_LINE_CHARACTERS:
            self.fault(
                number, f"the line has {len(text)} characters, more than {MAX_LINE_CHARACTERS}", "Break it into lines"
            )
        elif (tag := _TAG.fullmatch(visible_text)) and not is_not_finite(tag[1]):
            name = tag[1].lower()
            self._take_tag(number, name, visible(tag[2]) if name == "offset" else tag[2].strip())
        else:
            self._take_row(number, text)

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
        times_ms: list[int] = []
        rest = text
        while rest.startswith("["):
            stamp_text, bracket, remainder = rest[1:].partition("]")
            time_ms = read_stamp(stamp_text) if bracket else None
            if time_ms is None:
                self.fault(number, *bad_stamp(stamp_text, closed=bool(bracket), has_stamp=bool(times_ms)))
                return
            times_ms.append(time_ms)
            rest = remainder.lstrip()
            if visible(rest).startswith("["):  # invisible characters between two stamps
                rest = rest[rest.index("[") :]
        if not times_ms:
            self.fault(number, f"{shown(text)} has no stamp", "Put its time in front, for example [00:12.50]")
        elif _WORD_STAMP.search(rest):
            self.fault(number, "the line holds stamps for single words", "Keep the stamp of the line and remove those")
        else:
            words = unicodedata.normalize("NFC", " ".join(rest.split()))
            self.rows.append(_Row(number, tuple(times_ms), words))

    def finish(self) -> Lyrics:
        """The lyrics. Raises LyricsError with every fault."""
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
        """Every stamp of every row as a line of its own, ordered by time."""
        lines = []
        first_lines: dict[int, int] = {}
        for row in self.rows:
            for time_ms in row.times_ms:
                time_cs = self._moved_cs(time_ms)
                line = LyricLine(time_cs / 100, row.text, row.line)
                if self._is_within(line, before_offset=stamp(time_ms / 1000)):
                    if time_cs in first_lines:
                        self.fault(row.line, *_same_time(line, first_lines[time_cs]))
                    first_lines.setdefault(time_cs, row.line)
                    lines.append(line)
        return sorted(lines, key=lambda line: line.start_s)

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


def _same_time(line: LyricLine, other: int) -> tuple[str, str]:
    if other == line.line:
        return f"{stamp(line.start_s)} occurs twice in the line", "Remove one of them"
    return f"{stamp(line.start_s)} is also the time of line {other}", "Give each line a time of its own"
