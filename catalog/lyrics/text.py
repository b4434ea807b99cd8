"""Reads plain lyrics without times: lines, stanzas apart by empty lines, and section marks."""

from __future__ import annotations

import re
import unicodedata

from catalog.lyrics.lines import MAX_LINE_CHARACTERS, MAX_LINES, LyricsError, LyricsFault, read_lines, too_long
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.sections import bracketed_mark, spelled_mark
from catalog.lyrics.stamps import WORD_STAMP, begins_with_stamp, shown, visible

_TAG = re.compile(r"\[(#|[A-Za-z][A-Za-z0-9_-]*):((?:[^\[\]]|\[[^\[\]]*\])*)\]")


def parse_text(data: bytes | str) -> Lyrics:
    """Lyrics without times from plain text.

    ``[Verse]``, ``(Bridge)`` and ``Chorus:`` on a line of their own begin a section, empty lines part stanzas, LRC's
    metadata tags are kept. Raises LyricsError with every fault of the text.
    """
    reading = _Reading()
    for line in read_lines(data, reading.faults):
        reading.take(line.number, line.text)
    return reading.finish()


class _Reading:
    """The state of reading one text; ``section`` waits for its first line."""

    def __init__(self) -> None:
        self.lines: list[LyricLine] = []
        self.tags: dict[str, str] = {}
        self.faults: list[LyricsFault] = []
        self.section = ""
        self.section_line = 0

    def take(self, number: int, text: str) -> None:
        """Read one line of the file; what stands after a mark in brackets is read like a line of its own."""
        visible_text = visible(text)
        if not visible_text:
            self._part()
        elif mark := bracketed_mark(visible_text):
            self._begin(number, mark[0])
            if mark[1]:
                self.take(number, visible(mark[1]))
        elif begins_with_stamp(visible_text):
            remedy = "Put the time first, for example [00:12.50][Verse], or remove it"
            self.faults.append(LyricsFault(number, f"{shown(visible_text)} is a time after a section's mark", remedy))
        elif tag := _TAG.fullmatch(visible_text):
            self._keep_tag(tag[1].lower(), tag[2])
        elif label := spelled_mark(visible_text):
            self._begin(number, label)
        elif visible_text.startswith("["):
            remedy = "Write a mark such as [Verse], [Chorus] or [Bridge], or remove the brackets if it is sung"
            self.faults.append(LyricsFault(number, f"{shown(visible_text)} names no section", remedy))
        elif WORD_STAMP.search(visible_text):
            self.faults.append(LyricsFault(number, "the line holds stamps for single words", "Remove them"))
        else:
            self._sing(number, visible_text)

    def _keep_tag(self, name: str, value: str) -> None:
        """Keep the first tag of a name; an offset means nothing without times, and would move those given later."""
        if name != "offset":
            self.tags.setdefault(name, " ".join(value.split()))

    def _begin(self, number: int, label: str) -> None:
        """Begin a section; one before it that has no words becomes a line of its own."""
        self._end_section()
        self._part()
        self.section, self.section_line = label, number

    def _sing(self, number: int, text: str) -> None:
        words = unicodedata.normalize("NFC", " ".join(text.split()))
        if len(words) > MAX_LINE_CHARACTERS:
            self.faults.append(too_long(number, words))
        self.lines.append(LyricLine(0.0, words, number, self.section))
        self.section = ""

    def _part(self) -> None:
        """An empty line between stanzas, at most one, none at the start."""
        if self.lines and (self.lines[-1].text or self.lines[-1].section):
            self.lines.append(LyricLine(0.0, ""))

    def _end_section(self) -> None:
        if self.section:
            self.lines.append(LyricLine(0.0, "", self.section_line, self.section))
            self.section = ""

    def finish(self) -> Lyrics:
        """The lyrics. Raises LyricsError with every fault."""
        self._end_section()
        while self.lines and not (self.lines[-1].text or self.lines[-1].section):
            self.lines.pop()
        if not self.lines and not self.faults:
            self.faults.append(LyricsFault(1, "no line has words", "Write some; a song without words has no `lyrics`"))
        if len(self.lines) > MAX_LINES:
            line = self.lines[MAX_LINES].line
            self.faults.append(LyricsFault(line, f"there are more than {MAX_LINES} lines", "Remove some"))
        if self.faults:
            raise LyricsError(sorted(self.faults))
        return Lyrics(tuple(self.lines), self.tags, timed=False)
