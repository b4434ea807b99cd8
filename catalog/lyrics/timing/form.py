"""The form of a song: where its blocks begin, and how the bars around them grow and shrink to fit a length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from catalog.lyrics.sections import SectionKind
from catalog.lyrics.timing.bars import Meter, Spacing, filled, line_bars
from catalog.lyrics.timing.blocks import Block

_AFTER_PAUSE: frozenset[SectionKind] = frozenset({"verse", "rap", "spoken", "bridge"})
"""Sections before which the band plays alone for some bars."""
_LONG_MARKS: frozenset[SectionKind] = frozenset({"instrumental", "solo"})
_TOLERANCE_S = 1e-6


@dataclass(frozen=True, slots=True)
class Form:
    """Lengths in felt bars: before the first words, after the last, before a verse, of a solo or interlude without
    words, of another mark without words.

    Sections last whole multiples of ``multiple``, or two bars where their words take no more.
    """

    intro: int
    outro: int
    pause: int
    long_mark: int
    short_mark: int
    multiple: int
    spacing: Spacing


WIDE = Form(intro=8, outro=8, pause=8, long_mark=8, short_mark=4, multiple=4, spacing="wide")
USUAL = Form(intro=4, outro=4, pause=4, long_mark=8, short_mark=4, multiple=4, spacing="usual")
SHORTER = (
    Form(intro=4, outro=4, pause=0, long_mark=4, short_mark=4, multiple=4, spacing="usual"),
    Form(intro=2, outro=2, pause=0, long_mark=4, short_mark=2, multiple=2, spacing="usual"),
    Form(intro=2, outro=2, pause=0, long_mark=2, short_mark=2, multiple=2, spacing="close"),
    Form(intro=1, outro=1, pause=0, long_mark=1, short_mark=1, multiple=1, spacing="tight"),
)
"""From the most to the least spacious; the last one is the shortest in which the words can be sung."""
LONGEST_INTRO = LONGEST_OUTRO = LONGEST_PAUSE = 8


@dataclass(frozen=True, slots=True)
class Placed:
    """A block with the felt bars that it begins at and lasts, and those of each of its lines."""

    block: Block
    first_bar: int
    bars: int
    line_bars: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Blocks with the felt bars played alone ``before`` each of them and after the last, their own, and their lines'.

    ``most_before`` is what the bars before each block may grow to.
    """

    blocks: tuple[Block, ...]
    before: tuple[int, ...]
    bars: tuple[int, ...]
    line_bars: tuple[tuple[int, ...], ...]
    outro: int
    most_before: tuple[int, ...]
    most_outro: int
    multiple: int

    @property
    def total_bars(self) -> int:
        """Felt bars of the whole song."""
        return sum(self.before) + sum(self.bars) + self.outro

    @property
    def step_bars(self) -> int:
        """The felt bars by which instrumental parts grow."""
        return max(4, self.multiple)

    def placed(self) -> tuple[Placed, ...]:
        """Every block with its first bar."""
        placed, bar = [], 0
        for block, before, bars, lines in zip(self.blocks, self.before, self.bars, self.line_bars, strict=True):
            placed.append(Placed(block, bar + before, bars, lines))
            bar += before + bars
        return tuple(placed)

    def grown(self, spare_bars: int) -> Layout:
        """The layout with up to ``spare_bars`` more bars between and around the blocks, in turn and evenly."""
        before, outro, spare = list(self.before), self.outro, spare_bars
        step = self.step_bars
        is_growing = True
        while is_growing and spare >= step:
            is_growing = False
            for index, most in enumerate(self.most_before):
                if before[index] + step <= most and spare >= step:
                    before[index], spare, is_growing = before[index] + step, spare - step, True
            if outro + step <= self.most_outro and spare >= step:
                outro, spare, is_growing = outro + step, spare - step, True
        return replace(self, before=tuple(before), outro=outro)


def lay_out(blocks: Sequence[Block], meter: Meter, form: Form) -> Layout:
    """The blocks in a form, as they are before any bars are added."""
    multiple = filled(form.multiple, meter.felt_in_bar)
    lines, bars = [], []
    for index, block in enumerate(blocks):
        taken = line_bars(block.syllables, meter, form.spacing, multiple) if block.is_sung else ()
        lines.append(taken)
        bars.append(
            _filled_section(sum(taken), meter, multiple) if taken else _mark_bars(blocks, index, form, multiple)
        )
    has_own_outro = not blocks[-1].is_sung
    return Layout(
        blocks=tuple(blocks),
        before=tuple(filled(_bars_before(blocks, index, form), multiple) for index in range(len(blocks))),
        bars=tuple(bars),
        line_bars=tuple(lines),
        outro=0 if has_own_outro else form.outro,
        most_before=tuple(_most_before(blocks, index) for index in range(len(blocks))),
        most_outro=0 if has_own_outro else LONGEST_OUTRO,
        multiple=multiple,
    )


def fitted(blocks: Sequence[Block], meter: Meter, length_s: float) -> Layout | None:
    """The most spacious layout that a song of ``length_s`` has room for; None where the words do not fit."""
    room_bars = int((length_s + _TOLERANCE_S) / meter.bar_s)
    for form in (USUAL, *SHORTER):
        layout = lay_out(blocks, meter, form)
        if layout.total_bars <= room_bars:
            grown = layout.grown(room_bars - layout.total_bars)
            has_room_left = grown.total_bars + grown.step_bars <= room_bars
            wide = lay_out(blocks, meter, WIDE)
            if form == USUAL and has_room_left and wide.total_bars <= room_bars:
                return wide.grown(room_bars - wide.total_bars)
            return grown
    return None


def _filled_section(bars: int, meter: Meter, multiple: int) -> int:
    """The bars of a sung section, filled up; one of one or two bars is not made longer than two."""
    return filled(bars, min(multiple, max(2, meter.felt_in_bar)) if bars <= 2 else multiple)


def _mark_bars(blocks: Sequence[Block], index: int, form: Form, multiple: int) -> int:
    """The bars of a section without words; the first and the last one stand for intro and outro."""
    bars = form.long_mark if blocks[index].kind in _LONG_MARKS else form.short_mark
    if index == 0:
        bars = max(bars, form.intro)
    elif index == len(blocks) - 1:
        bars = max(bars, form.outro)
    return filled(bars, multiple)


def _bars_before(blocks: Sequence[Block], index: int, form: Form) -> int:
    if index == 0:
        return form.intro if blocks[0].is_sung else 0
    return form.pause if _may_pause(blocks, index) else 0


def _most_before(blocks: Sequence[Block], index: int) -> int:
    if index == 0:
        return LONGEST_INTRO if blocks[0].is_sung else 0
    return LONGEST_PAUSE if _may_pause(blocks, index) else 0


def _may_pause(blocks: Sequence[Block], index: int) -> bool:
    block, previous = blocks[index], blocks[index - 1]
    return block.opens and block.is_sung and previous.is_sung and block.kind in _AFTER_PAUSE
