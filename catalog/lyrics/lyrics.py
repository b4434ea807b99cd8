"""Lyrics as a value: lines with words, their times where they have some, and the sections that begin with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from catalog.common.digests import Json, digest_value
from catalog.lyrics.sections import bracketed_mark
from catalog.lyrics.stamps import hundredths, stamp, visible

SCHEME = "lyrics/v1"
TEXT_SCHEME = "lyrics-text/v1"

STANZA_GAP_S = 6.0
"""Lines that begin this far apart are of different stanzas where times are dropped."""


@dataclass(frozen=True, slots=True)
class LyricLine:
    """One sung line, or a rest where ``text`` is empty; ``line`` is its line number in the file.

    ``section`` is the label of the section that begins with the line, as it is written between the brackets. In
    lyrics without times ``start_s`` is 0 and an empty line stands between stanzas.
    """

    start_s: float
    text: str
    line: int = field(default=0, compare=False)
    section: str = ""


@dataclass(frozen=True, slots=True)
class Lyrics:
    """Lines in their order, and metadata tags.

    ``timed`` lyrics are ordered by time, which strictly increases in hundredths of a second; the others have words
    and sections only.
    """

    lines: tuple[LyricLine, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    timed: bool = True

    @property
    def sung(self) -> tuple[LyricLine, ...]:
        """The lines that have words."""
        return tuple(line for line in self.lines if line.text)

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the words, their times and sections; tags and the layout of the file do not count."""
        if not self.timed:
            return digest_value(TEXT_SCHEME, {"lines": [_entry(line) for line in self.lines]})
        return digest_value(SCHEME, {"lines": [[hundredths(line.start_s), *_entry(line)] for line in self.lines]})

    def earlier(self, seconds: float) -> Lyrics:
        """The same words shifted earlier, for audio whose leading silence was cut; no stamp before 0, order kept."""
        if not self.timed:
            return self
        lines, earliest_cs = [], 0
        for line in self.lines:
            start_cs = max(hundredths(line.start_s) - hundredths(seconds), earliest_cs)
            lines.append(replace(line, start_s=start_cs / 100))
            earliest_cs = start_cs + 1
        return Lyrics(tuple(lines), self.tags)

    def untimed(self) -> Lyrics:
        """The words and sections without their times.

        An empty line stands where two sung lines begin :data:`STANZA_GAP_S` or more apart, and before a section.
        """
        if not self.timed:
            return self
        return Lyrics(tuple(_without_times(self.lines)), self.tags, timed=False)

    def to_lrc(self, *, with_tags: bool = False) -> str:
        """The normal form, one ``[mm:ss.xx]text`` per line, after the metadata tags where ``with_tags`` is set.

        A section's mark stands on a line of its own before the section's first line, where players skip it. Lyrics
        without times are written by :meth:`to_text`; :func:`catalog.lyrics.reading.read_lyrics` tells both apart.
        """
        head, tail = self._tags() if with_tags else ("", "")
        if not self.timed:
            return head + self.to_text()
        lines = "".join(f"{_mark(line)}{stamp(line.start_s)}{line.text}\n" for line in self.lines)
        return head + lines + tail

    def to_text(self) -> str:
        """The words alone: each section's mark in brackets on a line of its own, an empty line between stanzas."""
        pieces: list[str] = []
        for line in self.untimed().lines:
            pieces.append(_mark(line))
            if line.text or not line.section:
                pieces.append(f"{line.text}\n")
        return "".join(pieces)

    def _tags(self) -> tuple[str, str]:
        """The tags that stand before the lines, and those that would be the mark of a line after them."""
        rows = [f"[{name}:{value}]\n" for name, value in self.tags.items()]
        marks = [row for row in rows if bracketed_mark(row.strip())]
        return "".join(row for row in rows if row not in marks), "".join(marks)


def _entry(line: LyricLine) -> list[Json]:
    """What a digest holds of a line beside its time: a section only where one begins."""
    return [line.text, line.section] if line.section else [line.text]


def _mark(line: LyricLine) -> str:
    return f"[{line.section}]\n" if line.section else ""


def _without_times(lines: tuple[LyricLine, ...]) -> Iterator[LyricLine]:
    """The lines of timed lyrics without times; a rest remains only where it begins a section."""
    previous: LyricLine | None = None
    for line in lines:
        if not (visible(line.text) or line.section):
            continue
        if previous is not None and (line.section or line.start_s - previous.start_s >= STANZA_GAP_S):
            yield LyricLine(0.0, "")
        yield replace(line, start_s=0.0, text=visible(line.text))
        previous = line
