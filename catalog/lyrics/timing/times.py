"""Times for lyrics that have none: singable at a tempo, on its bars, in a given length or in the one they need.

The same words, tempo, length and language always give the same times: recipes depend on them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from catalog.common.errors import InputError
from catalog.lyrics.lines import MAX_LINES, MAX_LYRICS_BYTES
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.stamps import hundredths
from catalog.lyrics.timing.bars import Meter, meter_of, needs_rest, sung_s
from catalog.lyrics.timing.blocks import Block, blocks_of
from catalog.lyrics.timing.form import SHORTER, USUAL, Layout, fitted, lay_out

DEFAULT_BPM = 96.0
"""The tempo where a song states none."""

_FASTEST_TRIED = 1.5
"""Where words do not fit, tempos up to this multiple are tried for the remedy."""
_TOLERANCE_S = 1e-6


@dataclass(frozen=True, slots=True)
class Timed:
    """Lyrics with times, the length in seconds of the song that they are for, and when the last line ends."""

    lyrics: Lyrics
    length_s: float
    bpm: float
    sung_until_s: float


class WordsDoNotFit(InputError):
    """The words need more time than the song has.

    ``least_s`` is the shortest length in which they can be sung at this tempo and ``usual_s`` that with an intro,
    pauses and an outro, in whole seconds; ``faster_bpm`` is a tempo at which the given length is enough, if any is
    near.
    """

    kind = "words_do_not_fit"

    def __init__(
        self, *, bpm: float, length_s: float, least_s: float, usual_s: float, faster_bpm: float | None = None
    ) -> None:
        self.least_s, self.usual_s, self.faster_bpm = least_s, usual_s, faster_bpm
        tempo = f", a tempo of {faster_bpm:g} BPM" if faster_bpm else ""
        usual = f" ({usual_s:g} s with pauses)" if usual_s > least_s else ""
        super().__init__(
            f"the words need at least {least_s:g} s at {bpm:g} BPM{usual}, and the song has {length_s:g} s",
            remedy=f"Take a length of {usual_s:g} s{tempo}, or fewer words",
        )


def time_lyrics(lyrics: Lyrics, *, bpm: float, length_s: float | None = None, language: str = "en") -> Timed:
    """Singable times for lyrics without times, at ``bpm`` beats a minute in bars of four.

    Lines begin on bars and take as many as their syllables need. Sections begin at multiples of four bars after the
    one before: of two after a section of one or two bars, and of fewer where there is little room. Instrumental bars
    stand before the first words, before verses and after the last words, and a rest is written where a line ends long
    before the next. With ``length_s`` the instrumental bars and then those of the lines grow or shrink to fit the
    song; without, the length that the words need is chosen, in whole seconds.

    Words, marks, tags and line numbers stay. Raises WordsDoNotFit, and InputError for lyrics that have times, for a
    text without words, and for one that is too long with times.
    """
    if lyrics.timed:
        raise InputError("the lyrics have times", remedy="Give them as plain text")
    blocks = blocks_of(lyrics, language)
    if not any(block.is_sung for block in blocks):
        raise InputError("no line has words", remedy="Write some; a song without words needs no times")
    meter = meter_of(bpm)
    layout = lay_out(blocks, meter, USUAL) if length_s is None else fitted(blocks, meter, length_s)
    if layout is None:
        raise _does_not_fit(blocks, bpm=bpm, length_s=length_s or 0.0)
    end_s = _whole_seconds(layout, meter) if length_s is None else length_s
    timed = Lyrics(tuple(_lines(layout, meter, end_s)), lyrics.tags)
    _check_size(timed)
    return Timed(timed, end_s, bpm, _sung_until_s(timed, end_s))


def _lines(layout: Layout, meter: Meter, length_s: float) -> Iterator[LyricLine]:
    """Every line at its bar, with a rest after it where there is one."""
    rows = [(_rounded(bar * meter.bar_s), row) for bar, row in _rows(layout)]
    ends_s = [start_s for start_s, _ in rows[1:]] + [length_s]
    for (start_s, row), end_s in zip(rows, ends_s, strict=True):
        yield replace(row.line, start_s=start_s)
        if row.syllables:
            room_s = end_s - start_s
            line_s = sung_s(row.syllables, min(room_s, row.bars * meter.bar_s), meter)
            if needs_rest(row.syllables, room_s, line_s):
                yield LyricLine(_rounded(start_s + line_s), "")


class _Row(NamedTuple):
    """A line with its syllables and felt bars, 0 for a mark without words."""

    line: LyricLine
    syllables: int = 0
    bars: int = 0


def _rows(layout: Layout) -> Iterator[tuple[int, _Row]]:
    """Every line and every mark without words, with the felt bar that it begins at."""
    for placed in layout.placed():
        block, bar = placed.block, placed.first_bar
        if not block.is_sung:
            yield bar, _Row(block.lines[0])
            continue
        for row in map(_Row, block.lines, block.syllables, placed.line_bars):
            yield bar, row
            bar += row.bars


def _rounded(time_s: float) -> float:
    return hundredths(time_s) / 100


def _whole_seconds(layout: Layout, meter: Meter) -> float:
    """The length of a layout, rounded up to whole seconds."""
    return float(math.ceil(layout.total_bars * meter.bar_s - _TOLERANCE_S))


def _sung_until_s(lyrics: Lyrics, length_s: float) -> float:
    """When the last line with words ends, by the stamp after it."""
    ends_s = [line.start_s for line in lyrics.lines[1:]] + [length_s]
    return max((end_s for line, end_s in zip(lyrics.lines, ends_s, strict=True) if line.text), default=0.0)


def _does_not_fit(blocks: tuple[Block, ...], *, bpm: float, length_s: float) -> WordsDoNotFit:
    meter = meter_of(bpm)
    tempos = range(math.floor(bpm) + 1, math.floor(_FASTEST_TRIED * bpm) + 1)
    return WordsDoNotFit(
        bpm=bpm,
        length_s=length_s,
        least_s=_whole_seconds(lay_out(blocks, meter, SHORTER[-1]), meter),
        usual_s=_whole_seconds(lay_out(blocks, meter, USUAL), meter),
        faster_bpm=next((float(tempo) for tempo in tempos if fitted(blocks, meter_of(tempo), length_s)), None),
    )


def _check_size(lyrics: Lyrics) -> None:
    """Lyrics over the limits could not be read back."""
    if len(lyrics.lines) > MAX_LINES or len(lyrics.to_lrc(with_tags=True).encode()) > MAX_LYRICS_BYTES:
        what = f"with times and rests the lyrics have more than {MAX_LINES} lines or {MAX_LYRICS_BYTES} bytes"
        raise InputError(what, remedy="Shorten them")
