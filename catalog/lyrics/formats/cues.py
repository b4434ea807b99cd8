"""Subtitle cues and what they are as lyrics: a cue is a sung line with its end, or a section's mark."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from catalog.lyrics.formats.tags import length_of
from catalog.lyrics.lines import MAX_LINE_CHARACTERS, MAX_LINES, LyricsError, LyricsFault, too_long
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.sections import bracketed_mark
from catalog.lyrics.stamps import WORD_STAMP, hundredths, shown, stamp, visible

LAST_LINE_S = 5.0
"""How long the last line is shown where neither a rest nor the length of the song ends it."""

_NOTES = " ♪♫\t"


@dataclass(frozen=True, slots=True)
class Cue:
    """Text that is shown from ``start_ms`` to ``end_ms``; ``line`` is the line of its times in the file."""

    start_ms: int
    end_ms: int
    texts: tuple[str, ...]
    line: int = 0


def cues_of(lyrics: Lyrics, *, length_s: float | None) -> tuple[Cue, ...]:
    """A cue for every line with words or a mark, shown until the next stamp; a mark has a line of its own in it.

    The last one ends with the song: at ``length_s``, else at the length that a tag states, else after five seconds.
    """
    starts_ms = [10 * hundredths(line.start_s) for line in lyrics.lines]
    ends_ms = [*starts_ms[1:], _end_ms(lyrics, length_s)][: len(starts_ms)]
    cues = []
    for line, start_ms, end_ms in zip(lyrics.lines, starts_ms, ends_ms, strict=True):
        texts = tuple(text for text in (f"[{line.section}]" if line.section else "", line.text) if text)
        if texts:
            cues.append(Cue(start_ms, end_ms, texts))
    return tuple(cues)


def lyrics_of(cues: Sequence[Cue], faults: list[LyricsFault], *, length_s: float | None) -> Lyrics:
    """The cues as lyrics, with a rest where one ends before the next begins.

    The lines of a cue are one line of lyrics; a section's mark in brackets may stand before the words. Raises
    LyricsError with ``faults`` and those of the cues.
    """
    lines: list[LyricLine] = []
    for cue in cues:
        line = _line_of(cue, faults)
        if line is None:
            continue
        _check_time(line, lines, faults, length_s=length_s)
        if lines and not lines[-1].text and not lines[-1].section and lines[-1].start_s >= line.start_s:
            lines.pop()  # the cue before it is shown until here, or longer
        lines.append(line)
        if line.text and cue.end_ms > cue.start_ms:
            lines.append(
                LyricLine(max(_hundredths_of(cue.end_ms), _hundredths_of(cue.start_ms) + 1) / 100, "", cue.line)
            )
    if not lines and not faults:
        faults.append(LyricsFault(1, "there are no words", "Name a file of lyrics"))
    if len(lines) > MAX_LINES:
        faults.append(LyricsFault(lines[MAX_LINES].line, f"there are more than {MAX_LINES} lines", "Remove some"))
    if faults:
        raise LyricsError(sorted(faults))
    return Lyrics(tuple(lines))


def _words(text: str) -> str:
    """Text as lyrics hold it, without the note signs that subtitles put around sung words."""
    return visible(unicodedata.normalize("NFC", " ".join(text.split())).strip(_NOTES))


def _end_ms(lyrics: Lyrics, length_s: float | None) -> int:
    """Where the last line ends, at least a hundredth after it begins."""
    last_s = lyrics.lines[-1].start_s if lyrics.lines else 0.0
    end_s = length_s or length_of(lyrics.tags) or last_s + LAST_LINE_S
    return 10 * max(hundredths(end_s), hundredths(last_s) + 1)


def _line_of(cue: Cue, faults: list[LyricsFault]) -> LyricLine | None:
    """The cue as a line; None where it has no words, or where they are a fault."""
    if cue.end_ms < cue.start_ms:
        faults.append(LyricsFault(cue.line, "the cue ends before it begins", "Correct its times"))
        return None
    text = _words(" ".join(cue.texts))
    if not text:
        return None
    line = LyricLine(_hundredths_of(cue.start_ms) / 100, text, cue.line)
    if mark := bracketed_mark(text):
        line = replace(line, text=_words(mark[1]), section=mark[0])
    if line.text.startswith("["):
        remedy = "Remove it, or its brackets if it is sung; marks such as [Verse] may stay"
        faults.append(LyricsFault(cue.line, f"{shown(line.text)} names no section", remedy))
        return None
    if WORD_STAMP.search(line.text):
        faults.append(LyricsFault(cue.line, "the cue holds times for single words", "Remove them"))
        return None
    if len(line.text) > MAX_LINE_CHARACTERS:
        faults.append(too_long(cue.line, line.text))
    return line


def _check_time(
    line: LyricLine, lines: Sequence[LyricLine], faults: list[LyricsFault], *, length_s: float | None
) -> None:
    """Check that a line begins after the one before it and within the song."""
    before = next((other for other in reversed(lines) if other.text or other.section), None)
    if before is not None and line.start_s <= before.start_s:
        what = f"the cue at {stamp(line.start_s)} does not begin after the one before it"
        faults.append(LyricsFault(line.line, what, "Put the cues in the order of their times"))
    if length_s is not None and line.start_s >= length_s:
        what = f"{stamp(line.start_s)} lies past the song's length of {length_s:g} s"
        faults.append(LyricsFault(line.line, what, "Move the line or make the song longer"))


def _hundredths_of(time_ms: int) -> int:
    return (time_ms + 5) // 10
