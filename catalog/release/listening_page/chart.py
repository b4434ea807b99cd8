"""The words of a song with its chords: lines cut into syllables with times, chords over them, sections.

Everything is in seconds of the delivered master, whose head may have been cut: ``head_s`` of the take.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from catalog.lyrics.sections import section_kind
from catalog.notation.lead_sheet import LeadSheet, MelodyNote
from catalog.notation.section_names import BEATS_OF_A_BAR, PICK_UP_BARS, is_name_of, section_names
from catalog.release.listening_page.places import ChordStart, letter_spacing, over_syllable, over_words
from catalog.release.listening_page.view import LyricView, SectionView, SyllableView

PASSAGE_BARS = 2.0
"""A gap between lines that is as long has a row of chords of its own; at either end of a song one bar does."""
SHORTEST_S = 0.05
"""What is shorter is not shown."""


@dataclass(slots=True)
class _Row:
    """A row of the words while it is being put together; ``index`` is the row's place among the lines of the lyrics,
    None for a passage without words."""

    start_s: float
    end_s: float
    index: int | None = None
    syllables: list[SyllableView] = field(default_factory=list)
    section: str = ""
    spacing: int = 0


def charted(
    lines: Sequence[LyricView], sheet: LeadSheet | None, *, head_s: float, duration_s: float
) -> tuple[LyricView, ...]:
    """The lines with the syllables and chords of the lead sheet, and rows of chords where nobody sings.

    A line whose words are not those of the lead sheet stays whole. Without a lead sheet, and where a line has no time
    in either, the lines are as they were.
    """
    if sheet is None:
        return tuple(lines)
    rows = _sung_rows(lines, sheet, head_s)
    if len(rows) < sum(bool(line.text) for line in lines):
        return tuple(lines)
    bar_s = BEATS_OF_A_BAR * sheet.beat_s
    sections = sheet_sections(lines, sheet, head_s=head_s, duration_s=duration_s)
    chords = _chord_starts(sheet, sections, head_s, duration_s)
    passages = _place_chords(rows, chords, sections, duration_s=duration_s, bar_s=bar_s)
    rests = _rests(lines, rows, passages)
    ordered = sorted([*rows, *passages, *rests], key=lambda row: (row.start_s, row.index is not None))
    _head_sections(ordered, lines, sections, bar_s)
    return tuple(_view(row, lines) for row in ordered)


def sheet_sections(
    lines: Sequence[LyricView], sheet: LeadSheet, *, head_s: float, duration_s: float
) -> tuple[SectionView, ...]:
    """The sections of a lead sheet in seconds of the master, named as on the written sheet."""
    marks = [(line.start_s + head_s, line.section) for line in lines if line.section and line.start_s is not None]
    spans = (
        SectionView(max(0.0, span.start_s - head_s), min(duration_s, span.end_s - head_s), span.kind, name)
        for span, name in zip(sheet.sections, section_names(sheet, marks), strict=True)
    )
    return tuple(span for span in spans if span.end_s - span.start_s > SHORTEST_S)


def marked_sections(lines: Sequence[LyricView], *, duration_s: float) -> tuple[SectionView, ...]:
    """The sections that the marks of timed lyrics begin, each up to the next one."""
    begun = [(line.start_s, line.section) for line in lines if line.section and line.start_s is not None]
    ends_s = [*(start_s for start_s, _ in begun), duration_s][1:]
    return tuple(
        SectionView(start_s, end_s, section_kind(label) or "", label)
        for (start_s, label), end_s in zip(begun, ends_s, strict=True)
        if end_s > start_s
    )


def _sung_rows(lines: Sequence[LyricView], sheet: LeadSheet, head_s: float) -> list[_Row]:
    """A row for every line with words that has a time, in order."""
    rows = []
    sung = [index for index, line in enumerate(lines) if line.text]
    notes_of: dict[int, list[MelodyNote]] = {}
    for note in sheet.melody:
        if note.line is not None:
            notes_of.setdefault(note.line, []).append(note)
    for nth, index in enumerate(sung):
        line, notes = lines[index], notes_of.get(nth, [])
        if syllables := _syllables(line.text, notes, head_s):
            start_s = syllables[0].start_s
            rows.append(_Row(start_s, max(start_s, notes[-1].end_s - head_s), index, syllables))
        elif line.start_s is not None:
            end_s = next((later.start_s for later in lines[index + 1 :] if later.start_s is not None), line.start_s)
            rows.append(_Row(line.start_s, end_s, index, [SyllableView(line.start_s, line.text)]))
    return sorted(rows, key=_start_s)


def _syllables(text: str, notes: Sequence[MelodyNote], head_s: float) -> list[SyllableView]:
    """The line's text cut at its syllables; empty where the pieces of the notes are not the words of the line."""
    sung = [note for note in notes if note.text]
    cuts = _cut(text, [note.text for note in sung])
    return [
        SyllableView(max(0.0, note.start_s - head_s), piece, before)
        for note, (before, piece) in zip(sung, cuts, strict=False)
    ]


def _cut(text: str, pieces: Sequence[str]) -> list[tuple[str, str]]:
    """The text before each piece and the piece, which together are the text; empty where they are not."""
    cuts: list[tuple[str, str]] = []
    at = 0
    for piece in pieces:
        found = text.find(piece, at)
        if found < 0 or _has_letters(text[at:found]):
            return []
        cuts.append((text[at:found], piece))
        at = found + len(piece)
    if not cuts or _has_letters(text[at:]):
        return []
    cuts[-1] = (cuts[-1][0], cuts[-1][1] + text[at:])
    return cuts


def _has_letters(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _chord_starts(
    sheet: LeadSheet, sections: Sequence[SectionView], head_s: float, duration_s: float
) -> list[ChordStart]:
    """Where a chord begins, in order; one that goes on is said again where a section begins."""
    section_starts_s = [section.start_s for section in sections]
    starts: list[ChordStart] = []
    for span in sheet.chords:
        start_s, end_s = max(0.0, span.start_s - head_s), min(duration_s, span.end_s - head_s)
        if end_s - start_s <= SHORTEST_S or not span.symbol.strip():
            continue
        first, after_start, end = (
            bisect_left(section_starts_s, at_s)
            for at_s in (start_s - SHORTEST_S, start_s + SHORTEST_S, end_s - SHORTEST_S)
        )
        if not starts or after_start > first or starts[-1].symbol != span.symbol:
            starts.append(ChordStart(start_s, span.symbol))
        starts.extend(ChordStart(at_s, span.symbol) for at_s in section_starts_s[after_start:end])
    return starts


def _place_chords(
    rows: Sequence[_Row],
    chords: Sequence[ChordStart],
    sections: Sequence[SectionView],
    *,
    duration_s: float,
    bar_s: float,
) -> list[_Row]:
    """Put each chord over a syllable of the rows, or into a row of a passage without words; these rows.

    A single chord between two lines of a section stands behind the words of the first.
    """
    over: dict[int, list[ChordStart]] = {}
    apart: list[ChordStart] = []
    for chord in chords:
        nth = _row_of(rows, chord.start_s, sections, duration_s=duration_s, bar_s=bar_s)
        if nth is None:
            apart.append(chord)
        else:
            over.setdefault(nth, []).append(chord)
    passages = list(_passages(apart, rows, sections))
    for passage in list(passages):
        before = _rows_before(rows, passage.start_s) - 1
        is_single = len(passage.syllables) == 1 and 0 <= before < len(rows) - 1
        if is_single and _section_at(sections, passage.start_s) == _section_at(sections, rows[before].start_s):
            passages.remove(passage)
            over.setdefault(before, []).append(ChordStart(passage.start_s, passage.syllables[0].text))
    for nth, begun in over.items():
        row = rows[nth]
        syllables = over_syllable(row.syllables, begun, row.end_s, beat_s=bar_s / BEATS_OF_A_BAR)
        row.spacing = letter_spacing(syllables)
        row.syllables = over_words(syllables, row.spacing)
    return passages


def _row_of(
    rows: Sequence[_Row], at_s: float, sections: Sequence[SectionView], *, duration_s: float, bar_s: float
) -> int | None:
    """The row over which a chord stands that begins at ``at_s``; None where it belongs to a passage without words."""
    following = _rows_before(rows, at_s + bar_s / 32)
    before = following - 1 if following else None
    next_s = rows[following].start_s if following < len(rows) else None
    if before is not None and at_s < rows[before].end_s:
        return before
    if next_s is not None and next_s - at_s <= PICK_UP_BARS * bar_s:
        return following
    gap_s = (duration_s if next_s is None else next_s) - (0.0 if before is None else rows[before].end_s)
    at_an_end = before is None or next_s is None
    if gap_s >= (1.0 if at_an_end else PASSAGE_BARS) * bar_s:
        return None
    if before is None:
        return following
    begins_section = _section_at(sections, at_s) > _section_at(sections, rows[before].start_s)
    return following if next_s is not None and begins_section else before


def _passages(chords: Sequence[ChordStart], rows: Sequence[_Row], sections: Sequence[SectionView]) -> Iterator[_Row]:
    """Rows of chords: a new one after each sung row, and where a section begins."""
    passage: _Row | None = None
    place: tuple[int, int] | None = None
    for chord in chords:
        here = _rows_before(rows, chord.start_s), _section_at(sections, chord.start_s)
        if passage is None or here != place:
            if passage is not None:
                yield passage
            passage, place = _Row(chord.start_s, chord.start_s), here
        before = " " if passage.syllables else ""
        passage.syllables.append(SyllableView(chord.start_s, chord.symbol, before))
        passage.end_s = chord.start_s
    if passage is not None:
        yield passage


def _rests(lines: Sequence[LyricView], rows: Sequence[_Row], passages: Sequence[_Row]) -> Iterator[_Row]:
    """The rests of the lyrics, except where a row of chords stands in the same gap."""
    filled = {_rows_before(rows, passage.start_s) for passage in passages}
    for index, line in enumerate(lines):
        if not line.text and line.start_s is not None and _rows_before(rows, line.start_s) not in filled:
            yield _Row(line.start_s, line.start_s, index)


def _section_at(sections: Sequence[SectionView], at_s: float) -> int:
    """How many sections have begun."""
    return bisect_right(sections, at_s + SHORTEST_S, key=_start_s)


def _rows_before(rows: Sequence[_Row], at_s: float) -> int:
    return bisect_right(rows, at_s, key=_start_s)


def _start_s(span: _Row | SectionView) -> float:
    return span.start_s


def _head_sections(
    rows: Sequence[_Row], lines: Sequence[LyricView], sections: Sequence[SectionView], bar_s: float
) -> None:
    """Write each section's label over its first row, and marks of the lyrics within a section over their lines."""
    headed: set[int] = set()
    for row in rows:
        marked = "" if row.index is None else lines[row.index].section
        pick_up_s = PICK_UP_BARS * bar_s if row.index is not None else SHORTEST_S
        nth = bisect_right(sections, row.start_s + pick_up_s, key=_start_s) - 1
        if nth >= 0 and nth not in headed:
            headed.add(nth)
            row.section = sections[nth].label
        elif marked and (nth < 0 or not is_name_of(sections[nth].label, marked)):
            row.section = marked


def _view(row: _Row, lines: Sequence[LyricView]) -> LyricView:
    if row.index is None:
        return LyricView(row.start_s, "", row.section, tuple(row.syllables))
    line = replace(lines[row.index], start_s=row.start_s, section=row.section)
    if not line.text:
        return line
    return replace(line, syllables=tuple(row.syllables), end_s=row.end_s, spacing=row.spacing)
