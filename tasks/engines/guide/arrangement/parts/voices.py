"""The second voice and the instrument that answers the singer between two lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from tasks.engines.guide.arrangement.feel import Feel
from tasks.engines.guide.arrangement.harmony import Harmony
from tasks.engines.guide.arrangement.score import Note, Section

ANSWER_GAP_BEATS = 3.0
LOWEST_SECOND = 50


def second_voice(
    melody: Sequence[Note], sections: Sequence[Section], harmony: Harmony, feel: Feel, *, lowest: int | None = None
) -> tuple[Note, ...]:
    """A third or more below the tune in choruses, always in the chord; above it where it would go under ``lowest``."""
    spans = [
        (feel.grid.time_s(section.first_bar, -1), feel.grid.time_s(section.end_bar, -1))
        for section in sections
        if section.kind == "chorus"
    ]
    notes = []
    for note in melody:
        if not any(start <= note.start_s < end for start, end in spans):
            continue
        tones = harmony.at_beats(feel.grid.beats(note.start_s) + 0.2).pitch_classes
        pitch = next(pitch for pitch in range(note.pitch - 3, note.pitch - 16, -1) if pitch % 12 in tones)
        if lowest is not None and pitch < lowest:
            pitch = next(pitch for pitch in range(note.pitch + 3, note.pitch + 16) if pitch % 12 in tones)
        if pitch >= LOWEST_SECOND:
            notes.append(replace(note, pitch=pitch, velocity=max(1, note.velocity - 14), lyric=""))
    return tuple(notes)


def between_lines(notes: Sequence[Note], melody: Sequence[Note]) -> tuple[Note, ...]:
    """The notes that do not begin while a line is sung."""
    spans: dict[int, tuple[float, float]] = {}
    for note in melody:
        start_s, end_s = spans.get(note.line, (note.start_s, note.start_s))
        spans[note.line] = min(start_s, note.start_s), max(end_s, note.start_s + note.duration_s)
    return tuple(note for note in notes if not any(start <= note.start_s < end for start, end in spans.values()))


def answers(melody: Sequence[Note], sections: Sequence[Section], harmony: Harmony, feel: Feel) -> tuple[Note, ...]:
    """Short figures of chord tones in the singer's pauses between two lines."""
    begin_s, end_s = feel.grid.time_s(sections[0].first_bar), feel.grid.time_s(sections[-1].end_bar - 1)
    notes: list[Note] = []
    for note, next_note in pairwise(melody):
        free_from = feel.grid.beats(note.start_s + note.duration_s)
        free_until = min(feel.grid.beats(next_note.start_s), free_from + 8)
        if free_until - free_from < ANSWER_GAP_BEATS or not begin_s <= note.start_s < end_s:
            continue
        beat = float(-(-(free_from + 0.5) // 1))
        pitch = 72
        while beat < free_until - 0.75:
            pitch = _near(pitch + int(feel.rng.integers(-5, 6)), harmony.at_beats(beat).pitch_classes)
            length = float(feel.rng.choice((0.5, 0.5, 1.0)))
            start_s = feel.grid.time_s(0, feel.swung(beat))
            notes.append(Note(start_s, length * feel.grid.beat_s * 0.95, pitch, feel.velocity(72)))
            beat += length
    return tuple(notes)


def _near(pitch: int, tones: frozenset[int]) -> int:
    centre = min(84, max(67, pitch))
    return min(
        (other for other in range(64, 89) if other % 12 in tones), key=lambda other: (abs(other - centre), other)
    )
