"""Drums and bass: figures of the groove, bar by bar, with fills where a section ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from numpy.random import Generator

from tasks.engines.guide.arrangement.grooves import Beat, Groove
from tasks.engines.guide.arrangement.harmony import Harmony
from tasks.engines.guide.arrangement.score import Grid, Note, Section

KICK, RIM, SNARE, CLAP = 36, 37, 38, 39
CLOSED_HAT, OPEN_HAT, CRASH, RIDE, TAMBOURINE = 42, 46, 49, 51, 54
TOMS = (50, 48, 45, 43)
STROKE = {"X": 112, "x": 92, "o": 58}
SIXTEENTHS = 16
FULL_ENERGY = 0.7
HIT_S = 0.3
LOWEST_BASS = 31

_FILLS = (
    ((12, SNARE), (13, SNARE), (14, TOMS[1]), (15, TOMS[3])),
    ((8, SNARE), (10, TOMS[0]), (11, TOMS[0]), (12, TOMS[1]), (13, TOMS[1]), (14, TOMS[2]), (15, TOMS[3])),
    ((10, SNARE), (12, SNARE), (14, SNARE), (15, SNARE)),
    ((12, TOMS[0]), (13, TOMS[1]), (14, TOMS[2]), (15, TOMS[3])),
)


@dataclass(frozen=True, slots=True)
class Feel:
    """Timing and strength of strokes: off-beat swing (0 to 1), whether it applies to sixteenths, random variation."""

    grid: Grid
    swing: float
    sixteenths: bool
    rng: Generator

    def time_s(self, bar: int, sixteenth: float, *, loose_s: float = 0.004) -> float:
        """The time of a sixteenth of a bar, with random variation; bars' first beats stay exact."""
        time = self.grid.time_s(bar, sixteenth / 4)
        unit = 1 if self.sixteenths else 2
        if sixteenth % (2 * unit) == unit:
            time += self.swing * self.grid.beat_s * unit / 12
        if sixteenth == 0:
            return time
        return time + float(self.rng.uniform(-loose_s, loose_s))

    def velocity(self, base: float) -> int:
        """``base`` with random variation."""
        return int(min(127, max(1, round(base + float(self.rng.normal(0, 4))))))


def drum(sections: Sequence[Section], groove: Groove, feel: Feel) -> tuple[Note, ...]:
    """The drum part: the groove's figures by energy, a fill at each section's end, a crash at each entry."""
    calm_beat = groove.calm[int(feel.rng.integers(len(groove.calm)))]
    full_beat = groove.full[int(feel.rng.integers(len(groove.full)))]
    ride = bool(feel.rng.integers(2))
    notes: list[Note] = []
    for index, section in enumerate(sections):
        final_bar = section.end_bar - 1 if index + 1 == len(sections) else None
        beat = full_beat if section.energy >= FULL_ENERGY else calm_beat
        for bar in range(section.first_bar, section.end_bar):
            if bar == final_bar:
                notes.extend(_last_hit(bar, feel))
            elif section.kind == "intro" and bar < section.first_bar + (section.end_bar - section.first_bar) // 2:
                notes.extend(_hats(bar, calm_beat, section.energy, feel))
            else:
                fill = _fill(section, bar, feel)
                is_entry = bar == section.first_bar and section.energy >= 0.5 and bar >= 0
                notes.extend(_bar(bar, beat, section, feel, ride=ride, fill=fill, is_first=is_entry))
    return tuple(sorted(notes))


def _fill(section: Section, bar: int, feel: Feel) -> tuple[tuple[int, int], ...]:
    length = section.end_bar - section.first_bar
    if bar == section.end_bar - 1 and length > 1 and section.kind != "outro":
        return _FILLS[int(feel.rng.integers(len(_FILLS)))]
    if length >= 8 and (bar - section.first_bar) % 4 == 3:
        return _FILLS[0][2:] if feel.rng.random() < 0.5 else ()
    return ()


def _bar(
    bar: int, beat: Beat, section: Section, feel: Feel, *, ride: bool, fill: tuple[tuple[int, int], ...], is_first: bool
) -> Iterator[Note]:
    scale = 0.8 + 0.25 * section.energy
    quiet_from = fill[0][0] if fill else SIXTEENTHS
    is_loud = section.energy >= FULL_ENERGY
    backbeat = SNARE if section.energy >= 0.45 else RIM
    for step in range(SIXTEENTHS):
        if beat.kick[step] != ".":
            yield _hit(bar, step, KICK, STROKE[beat.kick[step]] * scale, feel)
        if beat.snare[step] != "." and step < quiet_from:
            yield _hit(bar, step, backbeat, STROKE[beat.snare[step]] * scale, feel)
            if is_loud and beat.snare[step] == "X":
                yield _hit(bar, step, CLAP if ride else TAMBOURINE, 70 * scale, feel)
        if beat.hat[step] != "." and step < max(quiet_from, 8):
            is_open = is_loud and step == 14 and bar % 2 == 1
            instrument = OPEN_HAT if is_open else RIDE if is_loud and ride and step % 4 == 0 else CLOSED_HAT
            yield _hit(bar, step, instrument, STROKE[beat.hat[step]] * scale * 0.86, feel)
    for step, instrument in fill:
        yield _hit(bar, step, instrument, (84 + 2 * step) * scale, feel)
    if is_first:
        yield _hit(bar, 0, CRASH, 104 * scale, feel)


def _hats(bar: int, beat: Beat, energy: float, feel: Feel) -> Iterator[Note]:
    for step in range(SIXTEENTHS):
        if beat.hat[step] != ".":
            yield _hit(bar, step, CLOSED_HAT, STROKE[beat.hat[step]] * (0.6 + 0.4 * energy), feel)


def _last_hit(bar: int, feel: Feel) -> Iterator[Note]:
    yield _hit(bar, 0, KICK, 104, feel)
    yield _hit(bar, 0, CRASH, 96, feel)


def _hit(bar: int, step: int, instrument: int, velocity: float, feel: Feel) -> Note:
    return Note(feel.time_s(bar, step), HIT_S, instrument, feel.velocity(velocity))


def bass_line(sections: Sequence[Section], groove: Groove, harmony: Harmony, feel: Feel) -> tuple[Note, ...]:
    """The bass: roots on the first beats, then the groove's figure, a step towards the next root at section ends."""
    calm_figure = groove.bass_calm[int(feel.rng.integers(len(groove.bass_calm)))]
    full_figure = groove.bass_full[int(feel.rng.integers(len(groove.bass_full)))]
    notes: list[Note] = []
    for index, section in enumerate(sections):
        is_last = index + 1 == len(sections)
        figure = full_figure if section.energy >= FULL_ENERGY else calm_figure
        for bar in range(section.first_bar, section.end_bar):
            if section.kind == "intro" and bar + 2 < section.end_bar:
                continue
            if is_last and bar == section.end_bar - 1:
                root = _low(harmony.at(bar).root)
                notes.append(Note(feel.time_s(bar, 0), max(0.1, 1.6 * feel.grid.bar_s), root, 100))
                continue
            is_turning = bar == section.end_bar - 1
            notes.extend(_bass_bar(bar, figure, section.energy, harmony, feel, is_last=is_turning))
    return tuple(sorted(notes))


def _low(root: int) -> int:
    return LOWEST_BASS + (root - LOWEST_BASS) % 12


def _bass_bar(bar: int, figure: str, energy: float, harmony: Harmony, feel: Feel, *, is_last: bool) -> Iterator[Note]:
    chord = harmony.at(bar)
    root = _low(chord.root)
    fifth = root + 7 if root < LOWEST_BASS + 7 else root - 5
    pitches = {"R": root, "5": fifth, "8": root + 12}
    steps = [step for step in range(SIXTEENTHS) if figure[step] != "."]
    if is_last and steps[-1] < 14:
        steps.append(14)
    for step, next_step in zip(steps, [*steps[1:], SIXTEENTHS], strict=True):
        sign = figure[step]
        pitch = pitches[sign] if sign != "." else _approach(_low(harmony.at(bar + 1).root), bar, harmony)
        velocity = 88 + 14 * energy + (8 if step == 0 else 0)
        start = feel.time_s(bar, step, loose_s=0.003)
        yield Note(start, (next_step - step) / 4 * feel.grid.beat_s * 0.92, pitch, feel.velocity(velocity))


def _approach(target: int, bar: int, harmony: Harmony) -> int:
    """The scale's step just below the next root, above it at the bottom of the range."""
    scale = harmony.scale_over(bar)
    pitch_below = next(pitch for pitch in range(target - 1, target - 4, -1) if pitch % 12 in scale)
    return pitch_below if pitch_below >= LOWEST_BASS else pitch_below + 12
