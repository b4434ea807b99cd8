"""Finds a song's form: the grid of bars that fits its lines, and the sections between the gaps of its lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

import numpy as np

from tasks.engines.guide.arrangement.score import Grid, Line, Section, SectionKind

Row = tuple[int, str, int]
"""A line in the recipe: start in milliseconds, words, syllables."""

SHORTEST_LINE_S = 0.05
FINAL_RING_S = 2.7
"""The last chord rings at least this long where the song's length allows."""

INTERLUDE_BARS = 4
LONGEST_LINE_BARS = 2
PICKUP_BEATS = 1.05
SPLIT_FROM_LINES = 7
ENERGY: dict[SectionKind, float] = {
    "intro": 0.3,
    "verse": 0.5,
    "chorus": 0.85,
    "bridge": 0.6,
    "interlude": 0.65,
    "outro": 0.4,
}


def fit_grid(starts_s: Sequence[float], tempos_bpm: Sequence[float]) -> Grid:
    """The grid, among ``tempos_bpm``, whose bars, beats and eighths are closest to the lines' starts."""
    if not starts_s:
        return Grid(tempos_bpm[0], 0.0)
    starts = np.asarray(starts_s)
    best_fit: tuple[float, Grid] | None = None
    for bpm in tempos_bpm:
        beat_s = 60 / bpm
        origins = np.arange(192) / 192 * 4 * beat_s
        beats = (starts[None, :] - origins[:, None]) / beat_s
        score = sum(
            weight * np.exp(-(((beats / unit - np.round(beats / unit)) * unit * beat_s / 0.04) ** 2)).sum(axis=1)
            for unit, weight in ((4.0, 1.0), (1.0, 1.0), (0.5, 0.5))
        )
        # Ties go to the earliest origin and to the tempo named first.
        index = int(np.argmax(np.round(score, 6)))
        if best_fit is None or score[index] > best_fit[0] + 1e-6:
            best_fit = (float(score[index]), Grid(float(bpm), float(origins[index])))
    return best_fit[1] if best_fit else Grid(tempos_bpm[0], 0.0)


def lines_of(
    rows: Sequence[Row], length_s: float, grid: Grid, *, word_syllables: Sequence[tuple[int, ...]] = ()
) -> tuple[Line, ...]:
    """The recipe's rows as lines, each with its available time; a row without syllables is a rest that ends the last.

    ``word_syllables`` are those of each row's words where their phones are known.
    """
    starts_s = [start_ms / 1000 for start_ms, _, _ in rows]
    ends_s = [*starts_s[1:], length_s][: len(rows)]
    room_s = LONGEST_LINE_BARS * grid.bar_s
    return tuple(
        Line(
            start_s,
            min(following_s, start_s + room_s, length_s),
            text,
            syllables,
            row,
            word_syllables[row] if word_syllables else (),
        )
        for row, (start_s, following_s, (_, text, syllables)) in enumerate(zip(starts_s, ends_s, rows, strict=True))
        if syllables > 0 and start_s < length_s - SHORTEST_LINE_S
    )


def first_bar(grid: Grid) -> int:
    """-1 where a part of a bar precedes bar 0, else 0."""
    return -1 if grid.origin_s > 0.01 else 0


def final_bar(grid: Grid, length_s: float) -> int:
    """The bar whose first beat has the last chord."""
    ring_s = min(FINAL_RING_S, length_s / 2)
    return max(first_bar(grid), int(np.floor((length_s - ring_s - grid.origin_s) / grid.bar_s)))


def sections_of(lines: Sequence[Line], grid: Grid, length_s: float) -> tuple[Section, ...]:
    """Sections that cover every bar from the first to the final one, the last of them the outro."""
    end_bar = final_bar(grid, length_s)
    begin_bar = first_bar(grid)
    if not lines:
        return _template(begin_bar, end_bar)
    sections: list[Section] = []
    groups = _placed(_groups(lines), grid, begin_bar, end_bar)
    kinds = _kinds([group for _, group in groups])
    if groups[0][0] > begin_bar:
        sections.append(_section("intro", begin_bar, groups[0][0]))
    for index, ((bar, group), kind) in enumerate(zip(groups, kinds, strict=True)):
        next_start = groups[index + 1][0] if index + 1 < len(groups) else end_bar
        sung_until = min(next_start, max(bar + 1, _bar_after(group[-1], grid)))
        gap_kind: SectionKind = "interlude" if index + 1 < len(groups) else "outro"
        if next_start - sung_until < INTERLUDE_BARS and gap_kind == "interlude":
            sung_until = next_start
        sections.append(_section(kind, bar, sung_until, group))
        if sung_until < next_start:
            sections.append(_section(gap_kind, sung_until, next_start))
    return _closed(_risen(sections), end_bar)


def _section(kind: SectionKind, first: int, end: int, lines: Sequence[Line] = ()) -> Section:
    return Section(kind, first, end, ENERGY[kind], tuple(lines))


def _closed(sections: list[Section], final: int) -> tuple[Section, ...]:
    """The final bar belongs to the outro; empty sections are removed, their lines moved to the one before."""
    if sections and sections[-1].kind == "outro":
        sections[-1] = replace(sections[-1], end_bar=final + 1)
    else:
        sections.append(_section("outro", final, final + 1))
    kept_sections: list[Section] = []
    stray_lines: tuple[Line, ...] = ()
    for section in sections:
        if section.end_bar <= section.first_bar:
            stray_lines += section.lines
            continue
        kept_sections.append(replace(section, lines=stray_lines + section.lines))
        stray_lines = ()
    return tuple(kept_sections)


def _risen(sections: list[Section]) -> list[Section]:
    """Each repeat of a kind has a little more energy than the last."""
    kind_counts: Counter[str] = Counter()
    risen_sections = []
    for section in sections:
        risen_sections.append(replace(section, energy=min(1.0, section.energy + 0.06 * kind_counts[section.kind])))
        kind_counts[section.kind] += 1
    return risen_sections


def _groups(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines split at long gaps, where repeated words begin or end, and in fours within long groups."""
    gaps = [next_line.start_s - line.start_s for line, next_line in pairwise(lines)]
    usual_gap = median(gaps) if gaps else 0.0
    refrain = _refrain(lines)
    groups = [[lines[0]]]
    for index, gap in enumerate(gaps):
        if gap > max(1.6 * usual_gap, usual_gap + 2.0) or refrain[index] != refrain[index + 1]:
            groups.append([])
        groups[-1].append(lines[index + 1])
    return [part for group in groups for part in _split(group)]


def _split(group: list[Line]) -> list[list[Line]]:
    """Groups of four from a long one; a single remaining line stays with the last four."""
    if len(group) < SPLIT_FROM_LINES:
        return [group]
    cuts = [*range(0, len(group) - 1, 4), len(group)]
    return [group[start:end] for start, end in pairwise(cuts)]


def _refrain(lines: Sequence[Line]) -> list[bool]:
    """Which lines belong to a run of two or more lines whose words recur elsewhere."""
    counts = Counter(_words(line) for line in lines)
    is_repeated = [counts[_words(line)] > 1 and bool(_words(line)) for line in lines]
    return [
        flag and ((is_repeated[max(0, index - 1)] and index > 0) or (index + 1 < len(lines) and is_repeated[index + 1]))
        for index, flag in enumerate(is_repeated)
    ]


def _words(line: Line) -> str:
    return " ".join("".join(character if character.isalnum() else " " for character in line.text.casefold()).split())


def _kinds(groups: Sequence[Sequence[Line]]) -> list[SectionKind]:
    """Verse, chorus or bridge of each group: by repeated words, else by the customary order."""
    counts = Counter(_words(line) for group in groups for line in group)
    chorus = [2 * sum(counts[_words(line)] > 1 and bool(line.text) for line in group) > len(group) for group in groups]
    if any(chorus) and not all(chorus):
        kinds: list[SectionKind] = ["chorus" if flag else "verse" for flag in chorus]
    else:
        kinds = ["chorus" if index % 2 else "verse" for index in range(len(groups))]
        if len(groups) > 2 and len(groups) % 2:
            kinds[-1] = "chorus"
    return _with_bridge(kinds)


def _with_bridge(kinds: list[SectionKind]) -> list[SectionKind]:
    """The last verse before the last chorus is the bridge where two choruses came before it."""
    last_verse = max((index for index, kind in enumerate(kinds) if kind == "verse"), default=0)
    has_enough = kinds[:last_verse].count("chorus") >= 2 or (
        len(kinds) >= 5 and kinds[:last_verse].count("chorus") == 1 and kinds[last_verse - 1] == "verse"
    )
    if has_enough and "chorus" in kinds[last_verse:]:
        kinds[last_verse] = "bridge"
    if len(kinds) >= 5 and kinds[-2:] == ["chorus", "chorus"] and kinds[-3] == "verse" and "bridge" not in kinds:
        kinds[-2] = "bridge"
    return kinds


def _placed(groups: Sequence[list[Line]], grid: Grid, start: int, final: int) -> list[tuple[int, list[Line]]]:
    """Each group with the bar it starts in; groups that would share a bar are merged."""
    placed_groups: list[tuple[int, list[Line]]] = []
    for group in groups:
        bar = int(np.floor((grid.beats(group[0].start_s) + PICKUP_BEATS) / 4))
        bar = min(max(start, bar), max(start, final - 1))
        if placed_groups and bar <= placed_groups[-1][0]:
            placed_groups[-1][1].extend(group)
        else:
            placed_groups.append((bar, list(group)))
    return placed_groups


def _bar_after(line: Line, grid: Grid) -> int:
    return int(np.ceil(grid.beats(line.end_s) / 4 - 0.3))


def _template(start: int, final: int) -> tuple[Section, ...]:
    """The form of a song without words, in units of four bars."""
    order: tuple[tuple[SectionKind, int], ...] = (
        ("verse", 2),
        ("chorus", 2),
        ("verse", 2),
        ("chorus", 2),
        ("bridge", 1),
        ("chorus", 2),
        ("interlude", 1),
    )
    sections: list[Section] = []
    bar = min(final, 4 if final >= 16 else start)
    if bar > start:
        sections.append(_section("intro", start, bar))
    index = 0
    while bar < final:
        kind, units = order[index % len(order)]
        end = min(final, bar + 4 * units if final >= 12 else bar + max(1, (final - start + 1) // 2))
        sections.append(_section(kind, bar, end))
        bar, index = end, index + 1
    if len(sections) > 2 and sections[-1].end_bar - sections[-1].first_bar <= 4:
        sections[-1] = _section("outro", sections[-1].first_bar, final)
    return _closed(_risen(sections), final)
