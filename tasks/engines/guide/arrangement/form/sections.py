"""A song's sections: every bar from the first to the final one belongs to one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tasks.engines.guide.arrangement.form.grid import final_bar, first_bar
from tasks.engines.guide.arrangement.form.groups import Group
from tasks.engines.guide.arrangement.score import Grid, Line, Section, SectionKind

INTERLUDE_BARS = 4
"""A shorter pause of the voice belongs to the section before it."""

PHRASE_BARS = 8
PICKUP_BEATS = 1.05
LONGEST_OUTRO = 8
"""Bars of an outro, and of an intro, at most."""

_TEMPLATE: tuple[tuple[SectionKind, int], ...] = (
    ("verse", 2),
    ("chorus", 2),
    ("verse", 2),
    ("chorus", 2),
    ("bridge", 1),
    ("chorus", 2),
    ("solo", 2),
)
"""The form of a song without words, in units of four bars."""


def sections_of(groups: Sequence[Group], grid: Grid, length_s: float) -> tuple[Section, ...]:
    """Sections that cover every bar from the first to the final one, the last of them the outro."""
    begin, end = first_bar(grid), final_bar(grid, length_s)
    if not any(group.lines for group in groups):
        return _numbered(_closed(_template(begin, end), end))
    placed = _placed(groups, grid, begin, end)
    sections = list(_gap(begin, placed[0][0], "intro", ()))
    for index, (bar, group) in enumerate(placed):
        is_last = index + 1 == len(placed)
        next_start = end if is_last else placed[index + 1][0]
        sung_until = _sung_until(group, bar, next_start, grid, is_last=is_last)
        sections.append(Section(group.kind or "verse", bar, sung_until, group.lines))
        turns = _turns(sections[-1].kind, groups)
        sections.extend(_gap(sung_until, next_start, "outro" if is_last else "interlude", turns))
    return _numbered(_closed(sections, end))


def _sung_until(group: Group, bar: int, next_start: int, grid: Grid, *, is_last: bool) -> int:
    """The bar with which a group's section ends: short pauses after its last line are its own."""
    if not group.lines:
        return next_start
    bar_after = int(np.ceil(grid.beats(group.lines[-1].end_s) / 4 - 0.3))
    sung_until = min(next_start, max(bar + 1, bar_after))
    return next_start if not is_last and next_start - sung_until < INTERLUDE_BARS else sung_until


def _placed(groups: Sequence[Group], grid: Grid, start: int, final: int) -> list[tuple[int, Group]]:
    """Each group with the bar it starts in; groups that would share a bar are merged."""
    placed: list[tuple[int, Group]] = []
    for group in groups:
        bar = int(np.floor((grid.beats(group.start_s) + PICKUP_BEATS) / 4))
        bar = min(max(start, bar), max(start, final - 1))
        if placed and bar <= placed[-1][0]:
            before = placed[-1][1]
            kind = before.kind if before.lines else group.kind
            placed[-1] = (placed[-1][0], Group(before.start_s, before.lines + group.lines, kind))
        else:
            placed.append((bar, group))
    return placed


def _gap(start: int, end: int, kind: SectionKind, turns: Sequence[SectionKind]) -> list[Section]:
    """Bars without words: an intro or outro of limited length, the rest as ``turns`` of solo and chorus."""
    bars = end - start
    if bars <= 0:
        return []
    if kind == "interlude":
        return [Section("interlude", start, end)] if bars < PHRASE_BARS else _instrumental(start, end, turns)
    edge = bars if bars <= LONGEST_OUTRO else 4 + bars % 4
    if kind == "intro":
        return [Section("intro", start, start + edge), *_instrumental(start + edge, end, ("interlude",))]
    # The final bar itself is the outro's, too.
    return [*_instrumental(start, end - edge, turns), Section("outro", end - edge, end)]


def _turns(after: SectionKind, groups: Sequence[Group]) -> Sequence[SectionKind]:
    """What is played after the words: the chorus again if the song has one, a solo first where one was just sung."""
    if not any(group.kind == "chorus" for group in groups):
        return ("solo",)
    return ("solo", "chorus") if after == "chorus" else ("chorus", "solo")


def _instrumental(start: int, end: int, turns: Sequence[SectionKind]) -> list[Section]:
    """Sections without words of eight bars each, in turn; a short rest is the last one's."""
    sections: list[Section] = []
    while start < end:
        rest = end - start
        length = rest if rest < PHRASE_BARS + 4 else PHRASE_BARS
        sections.append(Section(turns[len(sections) % len(turns)], start, start + length))
        start += length
    return sections


def _closed(sections: list[Section], final: int) -> list[Section]:
    """The final bar belongs to the outro; empty sections are removed, their lines moved to the one after."""
    if sections and sections[-1].kind == "outro":
        sections[-1] = replace(sections[-1], end_bar=final + 1)
    else:
        sections.append(Section("outro", final, final + 1))
    kept_sections: list[Section] = []
    stray_lines: tuple[Line, ...] = ()
    for section in sections:
        if section.bars <= 0:
            stray_lines += section.lines
            continue
        kept_sections.append(replace(section, lines=stray_lines + section.lines))
        stray_lines = ()
    return kept_sections


def _numbered(sections: Sequence[Section]) -> tuple[Section, ...]:
    totals = Counter(section.kind for section in sections)
    counts: Counter[str] = Counter()
    numbered = []
    for section in sections:
        counts[section.kind] += 1
        is_last = counts[section.kind] == totals[section.kind]
        numbered.append(replace(section, number=counts[section.kind], is_last=is_last))
    return tuple(numbered)


def _template(start: int, final: int) -> list[Section]:
    """The sections of a song without words."""
    sections: list[Section] = []
    bar = min(final, 4 if final >= 16 else start)
    if bar > start:
        sections.append(Section("intro", start, bar))
    outro_bars = 4 if final - bar >= 24 else 0
    index = 0
    while bar < final - outro_bars:
        kind, units = _TEMPLATE[index % len(_TEMPLATE)]
        end = min(final - outro_bars, bar + 4 * units if final >= 12 else bar + max(1, (final - start + 1) // 2))
        sections.append(Section(kind, bar, end))
        bar, index = end, index + 1
    if outro_bars:
        sections.append(Section("outro", final - outro_bars, final))
    return sections
