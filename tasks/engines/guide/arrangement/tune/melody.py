"""The tune: one note a syllable, the same for the same words, with a hook that has the song's highest note."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from tasks.engines.guide.arrangement.feel import Feel
from tasks.engines.guide.arrangement.form.groups import words_of
from tasks.engines.guide.arrangement.form.layers import Layers
from tasks.engines.guide.arrangement.harmony import Harmony
from tasks.engines.guide.arrangement.score import Line, Note, Section, SectionKind
from tasks.engines.guide.arrangement.tune.motifs import Motif, invent_motifs
from tasks.engines.guide.arrangement.tune.onsets import onsets, sung_s
from tasks.engines.guide.arrangement.tune.pitches import PHRASE_RANGE, Brief, other_end, pitches_of, refitted
from tasks.engines.guide.arrangement.tune.words import split_words

LOWEST, HIGHEST = 57, 74
"""A3 to D5: an alto's range; a tenor sings it an octave lower."""

HOOK_FIGURE = 5
BELOW_THE_HOOK, NARROWEST = 2, 9
"""Semitones from the hook's top note to that of other lines, and the range that they have at least."""

LONGEST_LAST_BEATS = 2.5
SHORTEST_S = 0.05
SAME_PHASE_BEATS = 0.06
VARIED_FROM = 3
"""Words that are sung this often end on other notes the last time."""

REPEATED = (0.16, 0.24)
"""The share of intervals that repeat a note, approached by trying costs of it between two bounds."""

REPEAT_COST, REPEAT_COSTS, ATTEMPTS = 0.2, (-0.8, 1.6), 7


@dataclass(frozen=True, slots=True)
class _Tune:
    """The tune of one line as it was sung first: beats after its start, pitches, and where its start was in a bar."""

    beats: tuple[float, ...]
    pitches: tuple[int, ...]
    phase: float


class Singer:
    """Makes the tune of a song, and remembers what was sung to which words."""

    def __init__(self, harmony: Harmony, feel: Feel, *, language: str, variant: int, highest: int = HIGHEST) -> None:
        rng = feel.rng
        self._harmony, self._feel, self._language = harmony, feel, language
        self._motifs = invent_motifs(variant, rng)
        self._tastes = rng.random(128)
        self._repeat_cost = REPEAT_COST
        self._lowest, self._stated_highest = LOWEST, highest
        self._highest = highest
        self._known: dict[tuple[str, SectionKind, int], _Tune] = {}
        self._left: Counter[tuple[str, SectionKind, int]] = Counter()
        self._previous: int | None = None
        self._hook_key: tuple[str, SectionKind, int] | None = None

    def sing(self, sections: Sequence[Section], layers: Sequence[Layers]) -> tuple[Note, ...]:
        """The tune of all lines, sorted; each line's first note starts exactly at the line's time."""
        least, most = REPEAT_COSTS
        tried: list[tuple[float, int, tuple[Note, ...]]] = []
        for _ in range(ATTEMPTS):
            notes = self._sung(sections, layers)
            share = repeated_share(notes)
            tried.append((abs(share - sum(REPEATED) / 2), len(tried), notes))
            if REPEATED[0] <= share <= REPEATED[1]:
                break
            if share > REPEATED[1]:
                least = self._repeat_cost
            else:
                most = self._repeat_cost
            self._repeat_cost = (least + most) / 2
        return min(tried)[2]

    def _sung(self, sections: Sequence[Section], layers: Sequence[Layers]) -> tuple[Note, ...]:
        """The tune at the present cost of repeated notes."""
        self._known, self._previous, self._highest = {}, None, self._stated_highest
        self._left = Counter(_key(line, section) for section in sections for line in section.lines)
        often = {key for key, count in self._left.items() if count >= VARIED_FROM}
        self._sing_hook(sections)
        notes: list[Note] = []
        for section, layer in zip(sections, layers, strict=True):
            for index, line in enumerate(section.lines):
                tune = self._tune(line, section, index)
                self._left[_key(line, section)] -= 1
                if _key(line, section) in often and not self._left[_key(line, section)]:
                    tune = self._with_other_end(tune)
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
        self._hook_key = _key(section.lines[index], section)
        self._highest = max(self._lowest + NARROWEST, max(tune.pitches) - BELOW_THE_HOOK)

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
        stays = _key(line, section) == self._hook_key
        pitches = refitted(known.pitches, beats, self._harmony, low=self._lowest, high=highest, stays=stays)
        return _Tune(tuple(beat - start for beat in beats), tuple(pitches), start)

    def _with_other_end(self, tune: _Tune) -> _Tune:
        """The tune with another end: the last time that words are sung, their last two notes may differ."""
        beats = [tune.phase + offset for offset in tune.beats]
        highest = max(self._highest, max(tune.pitches))
        return replace(tune, pitches=other_end(tune.pitches, beats, self._harmony, low=self._lowest, high=highest))

    def _new_tune(self, line: Line, section: Section, index: int, *, is_hook: bool) -> _Tune:
        motif = self._motif(section)
        stress = _stress(line)
        beats = onsets(line, stress, self._feel.grid, motif.pace)
        contour = motif.contours[(0, 1, 0, 2)[index % 4]]
        progress = np.linspace(0, 1, len(beats))
        targets = motif.base_pitch + motif.span * np.interp(progress, np.linspace(0, 1, len(contour)), contour)
        high = min(self._highest, round(motif.base_pitch) + 6)
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
    """The share of steps within lines without a change of pitch."""
    steps = [before.pitch == after.pitch for before, after in pairwise(notes) if before.line == after.line]
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
