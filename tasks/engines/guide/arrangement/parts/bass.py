"""The bass: figures of the groove, or a line in quarters that walks from chord to chord."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tasks.engines.guide.arrangement.feel import SIXTEENTHS, Feel
from tasks.engines.guide.arrangement.form.layers import Layers
from tasks.engines.guide.arrangement.harmony import Harmony
from tasks.engines.guide.arrangement.score import Note, Section
from tasks.engines.guide.genres.chords import ChordTones
from tasks.engines.guide.genres.schema import Genre, GrooveFile

LOWEST_BASS, HIGHEST_BASS = 28, 50
HALF_BAR = SIXTEENTHS // 2
FINAL_BARS = 1.6
STOP_BEATS = 1.0
GLIDE_OVERLAP_S = 0.05
"""A note that is held this far into the next one glides to it, on instruments that can."""

_HELD = "R..............."


def bass_line(
    sections: Sequence[Section],
    layers: Sequence[Layers],
    genre: Genre,
    groove: GrooveFile,
    harmony: Harmony,
    feel: Feel,
) -> tuple[Note, ...]:
    """Bass notes on the first beats and where chords change, then the groove's figure, steps towards the next note."""
    notes: list[Note] = []
    last_bar = sections[-1].end_bar - 1
    for section, layer in zip(sections, layers, strict=True):
        for place in range(section.bars):
            bar = section.first_bar + place
            if bar == last_bar:
                length_s = STOP_BEATS * feel.grid.beat_s if genre.ending == "stop" else FINAL_BARS * feel.grid.bar_s
                root = _low(harmony.at(bar).bass)
                notes.append(Note(feel.time_s(bar, 0), max(0.1, length_s), root, round(100 * layer.level)))
            elif layer.bass == "none" and (place + 2 < section.bars or section.kind != "intro"):
                continue
            elif genre.bass_manner == "walking" and layer.bass == "full" and groove.swing != 0.0:
                notes.extend(_walk(bar, layer, harmony, feel))
            else:
                figure = _figure(groove, layer, bar)
                notes.extend(_bass_bar(bar, figure, layer, genre, harmony, feel))
    return tuple(sorted(notes))


def _figure(groove: GrooveFile, layer: Layers, bar: int) -> str:
    if layer.bass in ("none", "light"):
        return _HELD
    figure = (groove.full if layer.bass == "full" else groove.calm).bass
    return figure[SIXTEENTHS * (bar % (len(figure) // SIXTEENTHS)) :][:SIXTEENTHS]


def _low(pitch_class: int) -> int:
    return LOWEST_BASS + (pitch_class - LOWEST_BASS) % 12


def _with_change(figure: str, harmony: Harmony, bar: int) -> str:
    """The figure with a bass note where the chord changes in the middle of the bar."""
    if harmony.at(bar).bass == harmony.at(bar, 2).bass:
        return figure
    return figure[:HALF_BAR] + "R" + figure[HALF_BAR + 1 :]


def _bass_bar(bar: int, figure: str, layer: Layers, genre: Genre, harmony: Harmony, feel: Feel) -> Iterator[Note]:
    figure = _with_change(figure, harmony, bar)
    steps = [step for step in range(SIXTEENTHS) if figure[step] != "."]
    before = None
    for step, next_step in zip(steps, [*steps[1:], SIXTEENTHS], strict=True):
        if figure[step] == "_":
            continue
        chord = harmony.at(bar, step / 4)
        following = harmony.at(bar, next_step / 4) if next_step < SIXTEENTHS else harmony.at(bar + 1)
        pitch = _pitch(figure[step], chord, following, harmony)
        if figure[step] == "g" and before == pitch:
            pitch += 12
        is_held_on = next_step < SIXTEENTHS and figure[next_step] == "g"
        start_s = feel.time_s(bar, step, loose_s=0.003)
        length_s = (next_step - step) / 4 * feel.grid.beat_s * (1.0 if is_held_on else genre.bass_length)
        length_s += GLIDE_OVERLAP_S if is_held_on else 0.0
        accent = 8 if step == 0 else 0
        before = pitch
        yield Note(start_s, max(0.05, length_s), pitch, feel.velocity((92 + accent) * layer.level))


def _pitch(sign: str, chord: ChordTones, following: ChordTones, harmony: Harmony) -> int:
    root = _low(chord.bass)
    if sign == "8":
        return root + 12
    if sign == "a":
        return _approach(_low(following.bass), harmony.scale_over(chord))
    degree = {"3": (3, 4, 2, 5), "5": (7, 6, 8), "7": (10, 11, 9)}.get(sign)
    interval = next((interval for interval in degree or () if interval in chord.intervals), None)
    if interval is None:
        return root
    pitch = _low((chord.root + interval) % 12)
    return pitch + 12 if pitch < root and pitch + 12 <= HIGHEST_BASS and sign != "5" else pitch


def _approach(target: int, scale: frozenset[int]) -> int:
    """The scale's step just below the next note, above it at the bottom of the range."""
    below = next(pitch for pitch in range(target - 1, target - 4, -1) if pitch % 12 in scale)
    return below if below >= LOWEST_BASS else target + next(step for step in (1, 2, 3) if (target + step) % 12 in scale)


def _walk(bar: int, layer: Layers, harmony: Harmony, feel: Feel) -> Iterator[Note]:
    """Four quarters: the bass note, two notes of the chord on the way, and a neighbour of the next bar's note."""
    target = _low(harmony.at(bar + 1).bass)
    first = harmony.at(bar)
    start = _low(first.bass)
    if start + 12 <= HIGHEST_BASS and feel.rng.random() < 0.25:
        start += 12
    pitches = [start]
    for beat in (1, 2):
        chord = harmony.at(bar, beat)
        if beat == 2 and chord is not first and chord.bass != first.bass:
            pitches.append(_nearest(pitches[-1], frozenset([chord.bass])))
            continue
        aim = start + (target - start) * beat / 4 + float(feel.rng.uniform(-3, 3))
        pitches.append(_nearest(round(aim), chord.pitch_classes - {pitches[-1] % 12}))
    is_chromatic = feel.rng.random() < 0.5
    goal = target if abs(target - pitches[-1]) <= abs(target + 12 - pitches[-1]) else target + 12
    step = 1 if goal < pitches[-1] else -1
    neighbour = goal + step if is_chromatic else _scale_step(goal, step, harmony.scale_over(harmony.at(bar, 3)))
    pitches.append(min(HIGHEST_BASS, max(LOWEST_BASS, neighbour)))
    for beat, pitch in enumerate(pitches):
        start_s = feel.time_s(bar, 4 * beat, loose_s=0.003)
        velocity = feel.velocity((94 + (4 if beat % 2 else 0)) * layer.level)
        yield Note(start_s, feel.grid.beat_s * 0.95, pitch, velocity)


def _scale_step(goal: int, step: int, scale: frozenset[int]) -> int:
    return next(goal + step * size for size in (1, 2, 3) if (goal + step * size) % 12 in scale)


def _nearest(aim: int, classes: frozenset[int]) -> int:
    choices = [pitch for pitch in range(LOWEST_BASS, HIGHEST_BASS + 1) if pitch % 12 in classes]
    return min(choices, key=lambda pitch: (abs(pitch - aim), pitch))
