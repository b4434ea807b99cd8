"""The tune: one note a syllable, the same for the same words, with a hook that has the song's highest note."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tasks.engines.guide.arrangement.feel import Feel
from tasks.engines.guide.arrangement.form.groups import words_of
from tasks.engines.guide.arrangement.form.layers import Layers
from tasks.engines.guide.arrangement.harmony import Harmony
from tasks.engines.guide.arrangement.score import Line, Note, Section, SectionKind
from tasks.engines.guide.arrangement.tune.onsets import Pace, onsets, sung_s
from tasks.engines.guide.arrangement.tune.pitches import Brief, pitches_of, refitted
from tasks.engines.guide.arrangement.tune.words import split_words

LOWEST, HIGHEST = 57, 74
"""A3 to D5: an alto's range; a tenor sings it an octave lower."""

PHRASE_RANGE = 12
HOOK_FIGURE = 5
LONGEST_LAST_BEATS = 2.5
SHORTEST_S = 0.05
SAME_PHASE_BEATS = 0.06
PACES = (0.5, 0.78, 0.62, 0.95)
"""Beats a syllable among which seeds choose."""

GROUNDS = (0.0, 3.0, 1.0, 4.0)
"""Semitones from the tonic to where a verse rests, by the seed's variant."""

STRESSED_PLACES = ((0, 4, 8, 12), (0, 6, 8, 12), (0, 4, 8, 14), (0, 4, 10, 12))
"""The sixteenths on which stressed syllables like to stand, by variant: the beats, or three of them and an
anticipation."""

REPEATED = (0.16, 0.24)
"""The share of intervals that repeat a note, approached by trying costs of it."""

REPEAT_COST, REPEAT_STEP, ATTEMPTS = 0.2, 0.16, 4


@dataclass(frozen=True, slots=True)
class Motif:
    """What the lines of one kind of section have in common: pace, contours, resting pitch and width."""

    pace: Pace
    contours: tuple[tuple[float, ...], ...]
    base_pitch: float
    span: float


@dataclass(frozen=True, slots=True)
class _Tune:
    """The tune of one line as it was sung first: beats after its start, pitches, and where its start was in a bar."""

    beats: tuple[float, ...]
    pitches: tuple[int, ...]
    phase: float


def invent_motifs(tonic: int, variant: int, rng: Generator) -> Mapping[SectionKind, Motif]:
    """A motif for each kind of section; a chorus lies higher than a verse and is declaimed at another pace."""
    # The tonic's own octave determines the resting pitch of a verse, whatever the key.
    home = 60 + (tonic - 60 + 5) % 12 - 5
    verse_ground = min(65.0, max(61.0, home + GROUNDS[variant % len(GROUNDS)]))
    order = [PACES[(variant + index) % len(PACES)] for index in range(len(PACES))]
    chorus_ground = min(69.0, verse_ground + 4 + variant % 2)
    return {
        "verse": _motif(order[0], verse_ground, 3.5, variant, rng),
        "pre-chorus": _motif(order[2], min(67.0, verse_ground + 2), 3.5, variant + 1, rng),
        "chorus": _motif(order[1], chorus_ground, 4.0, variant + 2, rng),
        "bridge": _motif(order[3], min(68.0, verse_ground + float(rng.integers(1, 4))), 4.5, variant + 3, rng),
    }


def _motif(beats: float, base_pitch: float, span: float, shape: int, rng: Generator) -> Motif:
    likings = rng.random(16) * 1.6
    contours = tuple(tuple(float(value) for value in _contour(shape + index, rng)) for index in range(3))
    pace = Pace(beats, tuple(float(value) for value in likings), STRESSED_PLACES[shape % 4])
    return Motif(pace, contours, base_pitch, span)


def _contour(shape: int, rng: Generator) -> NDArray[np.float64]:
    """Seventeen points between -1 and 1: an arch, a fall, a rise or a wave, never twice the same."""
    x = np.linspace(0, 1, 17)
    shapes = (np.sin(np.pi * x) * 2 - 1, 1 - 1.8 * x, 1.8 * x - 1, np.sin(2 * np.pi * (x + rng.random())))
    curve = shapes[shape % len(shapes)] + 0.35 * np.sin(2 * np.pi * (rng.integers(2, 5) * x + rng.random()))
    clipped_curve: NDArray[np.float64] = np.clip(curve, -1, 1)
    return clipped_curve


class Singer:
    """Makes the tune of a song, and remembers what was sung to which words."""

    def __init__(self, harmony: Harmony, feel: Feel, *, language: str, variant: int, highest: int = HIGHEST) -> None:
        rng = feel.rng
        self._harmony, self._feel, self._language = harmony, feel, language
        self._motifs = invent_motifs(harmony.tonic, variant, rng)
        self._tastes = rng.random(128)
        self._repeat_cost = REPEAT_COST
        self._lowest, self._stated_highest = LOWEST, highest
        self._highest = highest
        self._known: dict[tuple[str, SectionKind, int], _Tune] = {}
        self._previous: int | None = None

    def sing(self, sections: Sequence[Section], layers: Sequence[Layers]) -> tuple[Note, ...]:
        """The tune of all lines, sorted; each line's first note starts exactly at the line's time."""
        step = REPEAT_STEP
        tried: list[tuple[float, int, tuple[Note, ...]]] = []
        for _ in range(ATTEMPTS):
            notes = self._sung(sections, layers)
            share = repeated_share(notes)
            tried.append((abs(share - sum(REPEATED) / 2), len(tried), notes))
            if REPEATED[0] <= share <= REPEATED[1]:
                break
            is_turning = (share < REPEATED[0]) == (step > 0)
            step = -step / 2 if is_turning else step
            self._repeat_cost += step
        return min(tried)[2]

    def _sung(self, sections: Sequence[Section], layers: Sequence[Layers]) -> tuple[Note, ...]:
        """The tune at the present cost of repeated notes."""
        self._known, self._previous, self._highest = {}, None, self._stated_highest
        self._sing_hook(sections)
        notes: list[Note] = []
        for section, layer in zip(sections, layers, strict=True):
            for index, line in enumerate(section.lines):
                tune = self._tune(line, section, index)
                self._previous = tune.pitches[-1]
                notes.extend(self._notes(line, tune, layer.level))
        return tuple(notes)

    def _sing_hook(self, sections: Sequence[Section]) -> None:
        """The hook comes first, so that nothing else is sung as high."""
        place = hook_place(sections)
        if place is None:
            return
        section, index = place
        tune = self._new_tune(section.lines[index], section, index, is_hook=True)
        self._remember(section.lines[index], section, tune)
        self._highest = max(self._lowest + PHRASE_RANGE, max(tune.pitches) - 1)

    def _tune(self, line: Line, section: Section, index: int) -> _Tune:
        known = self._known.get(_key(line, section))
        if known is None:
            tune = self._new_tune(line, section, index, is_hook=False)
            self._remember(line, section, tune)
            return tune
        return self._again(line, section, known)

    def _remember(self, line: Line, section: Section, tune: _Tune) -> None:
        if words_of(line):
            self._known[_key(line, section)] = tune

    def _again(self, line: Line, section: Section, known: _Tune) -> _Tune:
        """The tune of words that were sung before: its rhythm where the line begins at the same place of a bar."""
        grid = self._feel.grid
        start = grid.beats(line.start_s)
        shift = (start - known.phase + 2) % 4 - 2
        fits = known.beats[-1] * grid.beat_s <= sung_s(line) - 0.1
        if abs(shift) <= SAME_PHASE_BEATS and fits:
            beats = [start + offset for offset in known.beats]
        else:
            beats = onsets(line, _stress(line), grid, self._motif(section).pace)
        highest = max(self._highest, max(known.pitches))
        pitches = refitted(known.pitches, beats, self._harmony, low=self._lowest, high=highest)
        return _Tune(tuple(beat - start for beat in beats), tuple(pitches), start)

    def _new_tune(self, line: Line, section: Section, index: int, *, is_hook: bool) -> _Tune:
        motif = self._motif(section)
        stress = _stress(line)
        beats = onsets(line, stress, self._feel.grid, motif.pace)
        contour = motif.contours[(0, 1, 0, 2)[index % 4]]
        progress = np.linspace(0, 1, len(beats))
        targets = motif.base_pitch + motif.span * np.interp(progress, np.linspace(0, 1, len(contour)), contour)
        high = min(self._highest, round(motif.base_pitch) + 6 + 2 * is_hook)
        low = max(self._lowest, high - PHRASE_RANGE, round(motif.base_pitch) - 5)
        # Lines answer each other: open, closed, open, and the last one ends on the tonic.
        is_closed = index % 2 == 1 or index + 1 == len(section.lines)
        brief = Brief(
            beats, stress, [float(target) for target in targets], low, high, self._previous, is_closed,
            self._repeat_cost, self._tastes,
        )  # fmt: skip
        pitches = self._hook(brief) if is_hook else pitches_of(brief, self._harmony)
        start = self._feel.grid.beats(line.start_s)
        return _Tune(tuple(beat - start for beat in beats), tuple(pitches), start)

    def _hook(self, brief: Brief) -> list[int]:
        """A figure of a few notes with the song's top note, repeated as far as the line goes."""
        count = len(brief.beats)
        size = min(HOOK_FIGURE, max(2, count // 2)) if count > HOOK_FIGURE else count
        stressed = [index for index in range(size) if brief.stress[index] == 1] or [size // 2]
        peak = (brief.high, stressed[-1])
        figure = pitches_of(
            replace(
                brief,
                beats=brief.beats[:size],
                stress=brief.stress[:size],
                targets=brief.targets[:size],
                ends_phrase=False,
                peak=peak,
            ),
            self._harmony,
        )
        if size == count:
            return figure
        rest = replace(
            brief,
            beats=brief.beats[size:],
            stress=brief.stress[size:],
            targets=[float(figure[index % size]) for index in range(size, count)],
            high=max(figure),
            previous=figure[-1],
            pull=0.9,
        )
        return figure + pitches_of(rest, self._harmony)

    def _motif(self, section: Section) -> Motif:
        kind: SectionKind = "chorus" if section.kind in ("interlude", "solo") else section.kind
        return self._motifs.get(kind, self._motifs["verse"])

    def _notes(self, line: Line, tune: _Tune, level: float) -> list[Note]:
        """Each note lasts until the next, the last one until the breath before the next line."""
        grid = self._feel.grid
        starts = self._starts(line, tune)
        end_s = min(line.start_s + sung_s(line), starts[-1] + LONGEST_LAST_BEATS * grid.beat_s)
        ends = [*starts[1:], max(end_s, starts[-1] + SHORTEST_S)]
        syllables = split_words(line.text, len(starts), self._language, line.word_syllables)
        stress = _stress(line)
        return [
            Note(
                start_s=start,
                duration_s=(end - start) * (1.0 if index + 1 == len(starts) else 0.97),
                pitch=pitch,
                velocity=_velocity(stress[index], level, index),
                lyric=syllable,
                line=line.row,
                syllable=index,
            )
            for index, (start, end, pitch, syllable) in enumerate(
                zip(starts, ends, tune.pitches, syllables, strict=True)
            )
        ]

    def _starts(self, line: Line, tune: _Tune) -> list[float]:
        """The times of a line's syllables: swung where they stand on the grid and the line has room for it."""
        grid = self._feel.grid
        beats = [grid.beats(line.start_s) + offset for offset in tune.beats[1:]]
        plain = [line.start_s, *(grid.time_s(0, place) for place in beats)]
        swung = [line.start_s, *(grid.time_s(0, self._swung(place)) for place in beats)]
        rises = all(before < after for before, after in pairwise(swung))
        return swung if rises and swung[-1] <= line.start_s + sung_s(line) - SHORTEST_S else plain

    def _swung(self, beats: float) -> float:
        return self._feel.swung(beats) if abs(beats * 4 - round(beats * 4)) < 1e-6 else beats


def hook_place(sections: Sequence[Section]) -> tuple[Section, int] | None:
    """The section and place of the hook's first line: the words sung most often, in a chorus if there is one."""
    sung = [(section, index) for section in sections for index in range(len(section.lines))]
    in_choruses = [place for place in sung if place[0].kind == "chorus"] or sung
    if not in_choruses:
        return None
    counts = Counter(words_of(section.lines[index]) for section, index in in_choruses)
    most = max(counts[words] for words in counts)
    return next(place for place in in_choruses if counts[words_of(place[0].lines[place[1]])] == most)


def repeated_share(notes: Sequence[Note]) -> float:
    """The share of steps from note to note without a change of pitch."""
    steps = [before.pitch == after.pitch for before, after in pairwise(notes)]
    return sum(steps) / max(1, len(steps))


def _key(line: Line, section: Section) -> tuple[str, SectionKind, int]:
    return words_of(line), section.kind, line.syllables


def _stress(line: Line) -> tuple[int, ...]:
    """The stresses of a line's syllables; every second one where the line does not tell."""
    if len(line.stress) == line.syllables:
        return line.stress
    return tuple(1 - index % 2 for index in range(line.syllables))


def _velocity(stress: int, level: float, index: int) -> int:
    return int(min(120, max(1, 76 + 26 * level + (6 if stress == 1 else 0) + (3 if index == 0 else 0))))
