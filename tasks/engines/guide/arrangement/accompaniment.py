"""Chords, pads, arpeggios, the second voice and fills between the lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from tasks.engines.guide.arrangement.grooves import Groove
from tasks.engines.guide.arrangement.harmony import Harmony, voice
from tasks.engines.guide.arrangement.rhythm import SIXTEENTHS, Feel
from tasks.engines.guide.arrangement.score import Note, Section

CHORDS_FROM, PADS_FROM, PLUCKS_FROM = 53, 55, 67
GUITARS = range(24, 32)
STRUM_S = 0.011
FINAL_BARS = 2.0
ANSWER_GAP_BEATS = 3.0
_STROKE = {"X": 92, "x": 80, "o": 62}


def voicings(harmony: Harmony, bars: Sequence[int], *, lowest: int) -> dict[int, tuple[int, ...]]:
    """A voicing of each bar's chord, each with the smallest movement from the one before."""
    chords: dict[int, tuple[int, ...]] = {}
    voicing: tuple[int, ...] = ()
    for bar in bars:
        voicing = voice(harmony.at(bar), voicing, lowest=lowest)
        chords[bar] = voicing
    return chords


def _bars(sections: Sequence[Section]) -> list[int]:
    return list(range(sections[0].first_bar, sections[-1].end_bar))


def comp(
    sections: Sequence[Section], groove: Groove, harmony: Harmony, feel: Feel, *, program: int
) -> tuple[Note, ...]:
    """The chord instrument in the groove's rhythm; guitars strum; the last chord rings."""
    figures = [str(figure) for figure in feel.rng.permutation(groove.chords)]
    chords = voicings(harmony, _bars(sections), lowest=CHORDS_FROM)
    strum_s = STRUM_S if program in GUITARS else 0.003
    final_bar = sections[-1].end_bar - 1
    notes: list[Note] = []
    for section in sections:
        figure = figures[0] if section.kind != "bridge" else figures[-1]
        base = 0.78 + 0.22 * section.energy
        for bar in range(section.first_bar, section.end_bar):
            bar_figure = "X..............." if bar == final_bar else figure
            ring = FINAL_BARS * SIXTEENTHS if bar == final_bar else SIXTEENTHS
            notes.extend(_strokes(bar, bar_figure, chords[bar], ring, base, strum_s, feel, held=groove.sustained))
    return tuple(sorted(notes))


def _strokes(
    bar: int,
    figure: str,
    pitches: Sequence[int],
    ring: float,
    scale: float,
    strum_s: float,
    feel: Feel,
    *,
    held: bool,
) -> Iterator[Note]:
    steps = [step for step in range(SIXTEENTHS) if figure[step] != "."]
    for count, (step, next_step) in enumerate(zip(steps, [*steps[1:], ring], strict=True)):
        start = feel.time_s(bar, step)
        length = (ring - step if held else next_step - step) / 4 * feel.grid.beat_s * (0.98 if held else 0.9)
        is_upward = figure[step] == "o"
        order = tuple(reversed(pitches)) if is_upward else tuple(pitches)
        for index, pitch in enumerate(order):
            velocity = feel.velocity(_STROKE[figure[step]] * scale - (4 if count else 0))
            yield Note(start + index * strum_s, max(0.06, length - index * strum_s), pitch, velocity)


def pad(sections: Sequence[Section], harmony: Harmony, feel: Feel, *, threshold: float) -> tuple[Note, ...]:
    """Held chords under sections at or over ``threshold`` energy, and under the opening and the close."""
    chords = voicings(harmony, _bars(sections), lowest=PADS_FROM)
    final_bar = sections[-1].end_bar - 1
    notes: list[Note] = []
    for section in sections:
        if section.energy < threshold and section.kind not in ("intro", "outro"):
            continue
        for bar in range(section.first_bar, section.end_bar):
            length = (FINAL_BARS if bar == final_bar else 1.0) * feel.grid.bar_s
            velocity = 62 + 30 * section.energy
            notes.extend(Note(feel.time_s(bar, 0), length, pitch, feel.velocity(velocity)) for pitch in chords[bar])
    return tuple(sorted(notes))


def pluck(sections: Sequence[Section], harmony: Harmony, feel: Feel, *, threshold: float) -> tuple[Note, ...]:
    """Arpeggios in eighths over sections at or over ``threshold`` energy, and over the intro."""
    chords = voicings(harmony, _bars(sections), lowest=PLUCKS_FROM)
    order = tuple(int(index) for index in feel.rng.permutation(4)) * 2
    final_bar = sections[-1].end_bar - 1
    notes: list[Note] = []
    for section in sections:
        if section.energy < threshold and section.kind != "intro":
            continue
        for bar in range(section.first_bar, min(section.end_bar, final_bar)):
            pitches = (*chords[bar], chords[bar][0] + 12)
            for eighth in range(8):
                pitch = pitches[order[eighth] % len(pitches)]
                velocity = feel.velocity(66 + 14 * section.energy + (6 if eighth % 4 == 0 else 0))
                notes.append(Note(feel.time_s(bar, 2 * eighth), feel.grid.beat_s * 0.9, pitch, velocity))
    return tuple(sorted(notes))


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
        tones = harmony.at(int((feel.grid.beats(note.start_s) + 0.2) // 4)).pitch_classes
        pitch = next(pitch for pitch in range(note.pitch - 3, note.pitch - 16, -1) if pitch % 12 in tones)
        if lowest is not None and pitch < lowest:
            pitch = next(pitch for pitch in range(note.pitch + 3, note.pitch + 16) if pitch % 12 in tones)
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
            tones = harmony.at(int(beat // 4)).pitch_classes
            pitch = _near(pitch + int(feel.rng.integers(-5, 6)), tones)
            length = float(feel.rng.choice((0.5, 0.5, 1.0)))
            start = feel.grid.time_s(0, beat)
            notes.append(Note(start, length * feel.grid.beat_s * 0.95, pitch, feel.velocity(76)))
            beat += length
    return tuple(notes)


def _near(pitch: int, tones: frozenset[int]) -> int:
    centre = min(84, max(67, pitch))
    return min(
        (other for other in range(64, 89) if other % 12 in tones), key=lambda other: (abs(other - centre), other)
    )
