"""Figures of the guide's notes: breath, contours, stress, ranges, form, and how seeds differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from catalog.recipe import Recipe
from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.arrangement.form.groups import words_of
from tasks.engines.guide.arrangement.score import Arrangement, Note, SectionKind

BREATH_S = 0.25
SAME_ONSET_S = 0.03
ON_BEAT = 0.12
DRUM_CLASSES = ({36}, {38}, {37, 39}, {42, 44, 46}, {49, 51, 53}, {54, 70}, {41, 43, 45, 47, 48, 50, 56, 60, 63})


@dataclass(frozen=True)
class SungLine:
    """One line as it is sung: its words, section, notes and each note's stress."""

    words: str
    kind: SectionKind
    notes: tuple[Note, ...]
    stress: tuple[int, ...]


def part_notes(arrangement: Arrangement, name: str) -> tuple[Note, ...]:
    """The notes of a part; none where it does not play."""
    return next((part.notes for part in arrangement.parts if part.name == name), ())


def sung_lines(arrangement: Arrangement) -> list[SungLine]:
    """Every line with its notes."""
    notes = part_notes(arrangement, "vocals")
    found = []
    index = 0
    for section in arrangement.sections:
        for line in section.lines:
            own = notes[index : index + line.syllables]
            found.append(SungLine(words_of(line), section.kind, own, line.stress))
            index += line.syllables
    return found


def longest_singing_s(arrangement: Arrangement) -> float:
    """The longest time without a pause of a breath's length."""
    notes = part_notes(arrangement, "vocals")
    longest = start = 0.0
    for index, note in enumerate(notes):
        before = notes[index - 1] if index else None
        if before is None or note.start_s - before.start_s - before.duration_s >= BREATH_S - 1e-6:
            start = note.start_s
        longest = max(longest, note.start_s + note.duration_s - start)
    return longest


def same_contours(lines: Sequence[SungLine]) -> tuple[int, int]:
    """How many repeats of words in sections of one kind have the contour of their first time, and how many there
    are."""
    contours: dict[tuple[str, str], list[list[int]]] = defaultdict(list)
    for line in lines:
        contours[line.words, line.kind].append(signs(line.notes))
    repeats = [(each[0], other) for each in contours.values() for other in each[1:]]
    return sum(first == other for first, other in repeats), len(repeats)


def signs(notes: Sequence[Note]) -> list[int]:
    """Whether each interval rises, stays or falls."""
    return [int(np.sign(after.pitch - before.pitch)) for before, after in pairwise(notes)]


def stress_figures(arrangement: Arrangement, lines: Sequence[SungLine]) -> dict[str, float]:
    """Pitch, length and place of stressed syllables against unstressed ones; a line's last note has no length here."""
    pitch: dict[bool, list[float]] = {True: [], False: []}
    length: dict[bool, list[float]] = {True: [], False: []}
    on_beat: dict[bool, list[float]] = {True: [], False: []}
    for line in lines:
        mean = float(np.mean([note.pitch for note in line.notes]))
        for index, (note, mark) in enumerate(zip(line.notes, line.stress, strict=True)):
            stressed = mark == 1
            pitch[stressed].append(note.pitch - mean)
            if index + 1 < len(line.notes):
                length[stressed].append(line.notes[index + 1].start_s - note.start_s)
            if index:
                beats = arrangement.grid.beats(note.start_s)
                on_beat[stressed].append(float(abs(beats - round(beats)) < ON_BEAT))
    shares = {stressed: float(np.mean(values)) for stressed, values in on_beat.items()}
    return {
        "pitch": float(np.mean(pitch[True]) - np.mean(pitch[False])),
        "length": float(np.mean(length[True]) / np.mean(length[False])),
        "on beats": shares[True],
        "on beats, ratio": shares[True] / max(0.01, shares[False]),
    }


def intervals(lines: Sequence[SungLine]) -> dict[str, float]:
    """Share of repeated notes, largest leap, widest phrase and the song's range, in semitones."""
    steps = [abs(after.pitch - before.pitch) for line in lines for before, after in pairwise(line.notes)]
    ranges = [max(note.pitch for note in line.notes) - min(note.pitch for note in line.notes) for line in lines]
    pitches = [note.pitch for line in lines for note in line.notes]
    return {
        "repeated": float(np.mean([step == 0 for step in steps])),
        "leap": float(max(steps)),
        "phrase": float(max(ranges)),
        "song": float(max(pitches) - min(pitches)),
    }


def outro(arrangement: Arrangement) -> tuple[int, float]:
    """The outro's bars, and its share of the song."""
    section = arrangement.sections[-1]
    bars = section.bars if section.kind == "outro" else 0
    return bars, bars * arrangement.grid.bar_s / arrangement.length_s


def drum_grid(arrangement: Arrangement) -> NDArray[np.float64]:
    """Mean strength of each class of drums on each sixteenth of a bar, over the bars in which drums play."""
    grid = np.zeros((len(DRUM_CLASSES), 16))
    bars = set()
    for note in part_notes(arrangement, "drums"):
        beats = arrangement.grid.beats(note.start_s) + 0.06
        bars.add(int(beats // 4))
        step = int((beats % 4) * 4)
        for row, pitches in enumerate(DRUM_CLASSES):
            if note.pitch in pitches:
                grid[row, step] += (note.velocity / 127) ** 2
    return grid / max(1, len(bars))


def drum_distance(first: Arrangement, second: Arrangement) -> float:
    """Sum of differences over the sum of the larger values."""
    a, b = drum_grid(first), drum_grid(second)
    return float(np.abs(a - b).sum() / np.maximum(a, b).sum())


def chroma(arrangement: Arrangement) -> NDArray[np.float64]:
    """The weight of each pitch class in each bar, over all pitched parts: (bars, 12)."""
    first = arrangement.sections[0].first_bar
    table = np.zeros((arrangement.sections[-1].end_bar - first, 12))
    for part in arrangement.parts:
        if part.name == "drums":
            continue
        for note in part.notes:
            bar = int(arrangement.grid.beats(note.start_s + 0.02) // 4) - first
            if 0 <= bar < len(table):
                table[bar, note.pitch % 12] += min(note.duration_s, arrangement.grid.bar_s) * (note.velocity / 127) ** 2
    return table


def chroma_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """One minus the mean cosine of two songs' bars."""
    count = min(len(first), len(second))
    norms = np.linalg.norm(first[:count], axis=1) * np.linalg.norm(second[:count], axis=1)
    sounding = norms > 0
    cosines = (first[:count] * second[:count]).sum(axis=1)[sounding] / norms[sounding]
    return float(1 - cosines.mean())


def tunes_alike(first: Arrangement, second: Arrangement) -> tuple[float, float]:
    """The share of syllables with the same onset, and with the same pitch class."""
    a, b = part_notes(first, "vocals"), part_notes(second, "vocals")
    onsets = [abs(one.start_s - other.start_s) < SAME_ONSET_S for one, other in zip(a, b, strict=True)]
    classes = [one.pitch % 12 == other.pitch % 12 for one, other in zip(a, b, strict=True)]
    return float(np.mean(onsets)), float(np.mean(classes))


def pairs_of_seeds(by_genre: Mapping[str, Sequence[Recipe]]) -> dict[str, list[float]]:
    """Figures of every pair of seeds of one song."""
    found: dict[str, list[float]] = defaultdict(list)
    for recipes in by_genre.values():
        for first, second in combinations([arrange(recipe) for recipe in recipes], 2):
            onsets, classes = tunes_alike(first, second)
            found["chroma"].append(chroma_distance(chroma(first), chroma(second)))
            found["drums"].append(drum_distance(first, second))
            found["onsets"].append(onsets)
            found["classes"].append(classes)
    return found
