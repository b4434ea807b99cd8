"""Chords, pads and figures of single notes of the chord."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tasks.engines.guide.arrangement.feel import SIXTEENTHS, Feel
from tasks.engines.guide.arrangement.form.layers import Layers
from tasks.engines.guide.arrangement.harmony import (
    Harmony,
    close_voicing,
    open_voicing,
    power_voicing,
    shell_voicing,
)
from tasks.engines.guide.arrangement.score import Note, Section
from tasks.engines.guide.genres.chords import ChordTones
from tasks.engines.guide.genres.schema import Genre, GrooveFile

CHORDS_FROM, PADS_FROM, PLUCKS_FROM, POWER_FROM = 53, 55, 67, 40
FINAL_BARS = 2.0
STOP_BEATS = 1.0
HALF_BAR = SIXTEENTHS // 2
_STROKE = {"X": 92, "x": 80, "o": 62}
_WHOLE_BAR = "X" + "." * (SIXTEENTHS - 1)

Voicings = dict[tuple[int, int], tuple[int, ...]]
"""By bar and half of it."""


def voicings(harmony: Harmony, bars: Sequence[int], manner: str, *, lowest: int) -> Voicings:
    """A voicing of each half bar's chord, each with the smallest movement from the one before."""
    found: Voicings = {}
    voicing: tuple[int, ...] = ()
    last: ChordTones | None = None
    for bar in bars:
        for half in (0, 1):
            chord = harmony.at(bar, 2 * half)
            if chord != last:
                voicing = _voiced(chord, voicing, manner, lowest=lowest)
            found[bar, half] = voicing
            last = chord
    return found


def _voiced(chord: ChordTones, before: Sequence[int], manner: str, *, lowest: int) -> tuple[int, ...]:
    if manner == "power":
        return power_voicing(chord, lowest=POWER_FROM)
    if manner == "shell":
        return shell_voicing(chord, before, lowest=lowest)
    if manner == "open":
        return open_voicing(chord, before, lowest=lowest)
    return close_voicing(chord, before, lowest=lowest)


def _bars(sections: Sequence[Section]) -> list[int]:
    return list(range(sections[0].first_bar, sections[-1].end_bar))


def comp(
    sections: Sequence[Section],
    layers: Sequence[Layers],
    genre: Genre,
    groove: GrooveFile,
    harmony: Harmony,
    feel: Feel,
) -> tuple[Note, ...]:
    """The chord instrument in the groove's rhythm; guitars strum; the last chord rings or stops."""
    chords = voicings(harmony, _bars(sections), genre.voicing, lowest=CHORDS_FROM)
    last_bar = sections[-1].end_bar - 1
    notes: list[Note] = []
    for section, layer in zip(sections, layers, strict=True):
        for bar in range(section.first_bar, section.end_bar):
            if layer.chords == "none" and bar != last_bar:
                continue
            figure = _WHOLE_BAR if bar == last_bar else _figure(groove, layer, bar)
            ring = _ring(genre) if bar == last_bar else float(SIXTEENTHS)
            notes.extend(_strokes(bar, figure, chords, ring, layer, genre, feel))
    return tuple(sorted(notes))


def _ring(genre: Genre) -> float:
    """How long the final chord is held, in sixteenths."""
    return 4 * STOP_BEATS if genre.ending == "stop" else FINAL_BARS * SIXTEENTHS


def _figure(groove: GrooveFile, layer: Layers, bar: int) -> str:
    if layer.chords == "light":
        return _WHOLE_BAR
    figure = (groove.full if layer.chords == "full" else groove.calm).chords
    return figure[SIXTEENTHS * (bar % (len(figure) // SIXTEENTHS)) :][:SIXTEENTHS]


def _strokes(
    bar: int, figure: str, chords: Voicings, ring: float, layer: Layers, genre: Genre, feel: Feel
) -> Iterator[Note]:
    """One bar of chords: strokes on all notes, or single ones where the figure counts them."""
    if chords[bar, 0] != chords[bar, 1] and figure[HALF_BAR] == ".":
        figure = figure[:HALF_BAR] + "x" + figure[HALF_BAR + 1 :]
    steps = [step for step in range(SIXTEENTHS) if figure[step] != "."]
    for step, next_step in zip(steps, [*steps[1:], ring], strict=True):
        sign = figure[step]
        pitches = chords[bar, step // HALF_BAR]
        end = _held_until(step, ring, chords, bar) if genre.chords_held or sign.isdigit() else next_step
        beats = (end - step) / 4 * (0.98 if genre.chords_held else 0.9)
        is_struck = not genre.chords_held and not sign.isdigit() and ring == SIXTEENTHS
        length_s = (min(beats, genre.chord_beats) if is_struck else beats) * feel.grid.beat_s
        start_s = feel.time_s(bar, step)
        base = 74 if sign.isdigit() else _STROKE[sign]
        for index, pitch in enumerate(_sounding(sign, pitches)):
            delay_s = index * genre.strum_ms / 1000
            velocity = feel.velocity(base * layer.level + (4 if step == 0 else 0))
            yield Note(start_s + delay_s, max(0.06, length_s - delay_s), pitch, velocity)
            if layer.octaves and pitch + 12 <= 84 and index == 0 and not sign.isdigit():
                yield Note(start_s + delay_s, max(0.06, length_s - delay_s), pitch + 12, max(1, velocity - 10))


def _held_until(step: int, ring: float, chords: Voicings, bar: int) -> float:
    """Held notes end with their chord."""
    changes = chords[bar, 0] != chords[bar, 1]
    return HALF_BAR if changes and step < HALF_BAR else ring


def _sounding(sign: str, pitches: Sequence[int]) -> Sequence[int]:
    if sign.isdigit():
        octaves, index = divmod(int(sign), len(pitches))
        return (pitches[index] + 12 * octaves,)
    return tuple(reversed(pitches)) if sign == "o" else pitches


def pad(
    sections: Sequence[Section], layers: Sequence[Layers], genre: Genre, harmony: Harmony, feel: Feel
) -> tuple[Note, ...]:
    """Held chords where the layers have a pad; a chord that stays is held on."""
    chords = voicings(harmony, _bars(sections), "shell" if genre.voicing == "shell" else "close", lowest=PADS_FROM)
    last_bar = sections[-1].end_bar - 1
    notes: list[Note] = []
    for section, layer in zip(sections, layers, strict=True):
        if not layer.pad:
            continue
        for bar in range(section.first_bar, section.end_bar):
            halves = (0,) if chords[bar, 0] == chords[bar, 1] else (0, 1)
            length_s = feel.grid.bar_s / len(halves)
            if bar == last_bar:
                length_s = _ring(genre) / 4 * feel.grid.beat_s
            for half in halves:
                start_s = feel.time_s(bar, HALF_BAR * half)
                notes.extend(
                    Note(start_s, length_s, pitch, feel.velocity(84 * layer.level)) for pitch in chords[bar, half]
                )
    return tuple(sorted(notes))


def pluck(
    sections: Sequence[Section], layers: Sequence[Layers], genre: Genre, harmony: Harmony, feel: Feel
) -> tuple[Note, ...]:
    """A figure of single notes where the layers have one, from the genre's figures."""
    chords = voicings(harmony, _bars(sections), "close", lowest=PLUCKS_FROM)
    figure = str(feel.rng.choice(genre.plucks))
    last_bar = sections[-1].end_bar - 1
    notes: list[Note] = []
    for section, layer in zip(sections, layers, strict=True):
        if not layer.pluck:
            continue
        for bar in range(section.first_bar, min(section.end_bar, last_bar)):
            notes.extend(_plucked(bar, figure[SIXTEENTHS * (bar % (len(figure) // SIXTEENTHS)) :], chords, layer, feel))
    return tuple(sorted(notes))


def _plucked(bar: int, figure: str, chords: Voicings, layer: Layers, feel: Feel) -> Iterator[Note]:
    steps = [step for step in range(SIXTEENTHS) if figure[step] != "."]
    for step, next_step in zip(steps, [*steps[1:], SIXTEENTHS], strict=True):
        length_s = (next_step - step) / 4 * feel.grid.beat_s * 0.95
        for pitch in _sounding(figure[step], chords[bar, step // HALF_BAR]):
            velocity = feel.velocity((80 + (6 if step % 8 == 0 else 0)) * layer.level)
            yield Note(feel.time_s(bar, step), length_s, pitch, velocity)
