"""The tune: one note per syllable, from each line's start on, in a rhythm and a contour that sections share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from catalog.album.syllables import count_syllables
from tasks.engines.guide.arrangement.harmony import Harmony
from tasks.engines.guide.arrangement.score import Grid, Line, Note, Section

LOWEST, HIGHEST = 57, 79
"""A3 to G5: the range of most singers."""

HIGHEST_SUNG = 74
"""D5: what the guide's own singers reach."""

FASTEST_STEP_BEATS = 0.25
BREATH = 0.92
SUNG_BEATS_PER_SYLLABLE = 1.0
PREFER_OFFSET_S = 0.03


@dataclass(frozen=True, slots=True)
class Motif:
    """The common features of the lines of one kind of section: long syllables, contour, and base pitch."""

    long_syllables: tuple[int, ...]
    contours: tuple[tuple[float, ...], ...]
    base_pitch: float
    span: float


def invent_motifs(tonic: int, rng: Generator) -> Mapping[str, Motif]:
    """A motif for verse, chorus and bridge; the chorus lies higher and has a wider range."""
    # The tonic's own octave determines the resting pitch of a verse, whatever the key.
    home = 60 + (tonic - 60 + 5) % 12 - 5
    verse_ground = min(66.0, max(62.0, home + float(rng.integers(1, 5))))
    return {
        "verse": _motif(verse_ground, 3.5, rng),
        "chorus": _motif(min(72.0, verse_ground + float(rng.integers(4, 7))), 4.5, rng),
        "bridge": _motif(min(70.0, verse_ground + float(rng.integers(2, 5))), 5.0, rng),
    }


def _motif(base_pitch: float, span: float, rng: Generator) -> Motif:
    syllable_order = tuple(int(value) for value in rng.permutation(8))
    contours = tuple(tuple(float(value) for value in _contour(rng)) for _ in range(3))
    return Motif(syllable_order, contours, base_pitch, span)


def _contour(rng: Generator) -> NDArray[np.float64]:
    """Seventeen points between -1 and 1: an arch, a fall, a rise or a wave, never twice the same."""
    x = np.linspace(0, 1, 17)
    shapes = (np.sin(np.pi * x) * 2 - 1, 1 - 1.8 * x, 1.8 * x - 1, np.sin(2 * np.pi * (x + rng.random())))
    curve = shapes[int(rng.integers(len(shapes)))] + 0.35 * np.sin(2 * np.pi * (rng.integers(2, 5) * x + rng.random()))
    clipped_curve: NDArray[np.float64] = np.clip(curve, -1, 1)
    return clipped_curve


def sing(
    sections: Sequence[Section],
    grid: Grid,
    harmony: Harmony,
    *,
    language: str,
    rng: Generator,
    highest: int = HIGHEST,
) -> tuple[Note, ...]:
    """The tune of all lines, sorted; each line's first note starts exactly at the line's time."""
    motifs = invent_motifs(harmony.tonic, rng)
    taste = rng.random(128)
    notes: list[Note] = []
    for section in sections:
        motif = motifs.get(section.kind, motifs["chorus" if section.kind == "interlude" else "verse"])
        for index, line in enumerate(section.lines):
            starts = _starts(line, grid, motif)
            # Lines answer each other: open, closed, open, and the last one ends on the tonic.
            is_closed = index % 2 == 1 or index + 1 == len(section.lines)
            contour = motif.contours[(0, 1, 0, 2)[index % 4]]
            previous_pitch = notes[-1].pitch if notes else None
            pitches = _pitches(
                starts,
                grid,
                harmony,
                motif,
                contour=contour,
                ends_phrase=is_closed,
                previous=previous_pitch,
                pitch_preferences=taste,
                highest=highest,
            )
            notes.extend(_notes(line, starts, pitches, grid, energy=section.energy, language=language))
    return tuple(notes)


def _starts(line: Line, grid: Grid, motif: Motif) -> list[float]:
    """A start for each syllable: the line's own time, then steps of the grid, evenly where the line is too fast."""
    count, room_s = line.syllables, (line.end_s - line.start_s) * BREATH
    if count == 1:
        return [line.start_s]
    for step in (0.5, FASTEST_STEP_BEATS):
        first_slot = int(np.ceil((grid.beats(line.start_s) + PREFER_OFFSET_S / grid.beat_s + 0.55 * step) / step))
        last_slot = int(np.floor((grid.beats(line.start_s + room_s)) / step + 1e-6))
        slots = last_slot - first_slot + 1
        if slots >= count:
            beats = _spread(count - 1, min(slots - 1, round(count * SUNG_BEATS_PER_SYLLABLE / step)), motif)
            return [line.start_s] + [grid.time_s(0, (first_slot + offset) * step) for offset in beats]
    return [line.start_s + room_s * index / count for index in range(count)]


def _spread(count: int, slots: int, motif: Motif) -> list[int]:
    """``count`` rising offsets within ``slots``, with the spare slots given to the motif's long syllables."""
    lengths = [1] * count
    spare_slots = min(slots - count, count)
    order = sorted(range(count - 1), key=lambda index: (motif.long_syllables[index % 8], index))
    for index in order[: max(0, spare_slots // 2 * 2)]:
        lengths[index] += 1
    offsets = [0]
    for length in lengths[:-1]:
        offsets.append(offsets[-1] + length)
    return offsets


def _pitches(
    starts: Sequence[float],
    grid: Grid,
    harmony: Harmony,
    motif: Motif,
    *,
    contour: Sequence[float],
    ends_phrase: bool,
    previous: int | None,
    pitch_preferences: NDArray[np.float64],
    highest: int,
) -> list[int]:
    """The cheapest path of pitches along the contour: near it, by small steps, in the chord on the beats."""
    candidates = np.arange(LOWEST, highest + 1)
    leap = np.abs(candidates[:, None] - candidates[None, :]).astype(float)
    step_cost = 0.16 * np.maximum(leap - 2, 0) ** 1.6 + np.where(leap == 0, 0.75, 0.0) + np.where(leap == 6, 3.0, 0.0)
    total = np.zeros(len(candidates)) if previous is None else 0.05 * np.abs(candidates - previous)
    choices: list[NDArray[np.intp]] = []
    for index, start_s in enumerate(starts):
        progress = index / max(1, len(starts) - 1)
        target = motif.base_pitch + motif.span * float(np.interp(progress, np.linspace(0, 1, len(contour)), contour))
        cost = (
            0.3 * np.abs(candidates - target)
            + 0.5 * pitch_preferences[(candidates * 7 + index * 3) % len(pitch_preferences)]
        )
        cost = cost + _tonal_cost(
            candidates, start_s, grid, harmony, last=index + 1 == len(starts), ends_phrase=ends_phrase
        )
        if index == 0:
            total = total + cost
            continue
        paths = total[:, None] + step_cost
        best_choice = np.argmin(paths, axis=0)
        choices.append(best_choice)
        total = paths[best_choice, np.arange(len(candidates))] + cost
    path = [int(np.argmin(total))]
    for best_choice in reversed(choices):
        path.append(int(best_choice[path[-1]]))
    return [int(candidates[index]) for index in reversed(path)]


def _tonal_cost(
    candidates: NDArray[np.int_], start_s: float, grid: Grid, harmony: Harmony, *, last: bool, ends_phrase: bool
) -> NDArray[np.float64]:
    """The cost of pitches: outside the scale excluded, outside the chord high on strong beats and at a line's end."""
    # A note just before the bar line belongs to the chord that follows.
    beats = grid.beats(start_s) + 0.2
    bar = int(beats // 4)
    chord = harmony.at(bar)
    scale = harmony.scale_over(bar)
    is_strong = beats % 2 < 0.4
    on_beat = beats % 1 < 0.4
    outside_cost = 6.0 if last else 2.2 if is_strong else 1.1 if on_beat else 0.25
    classes = [int(pitch) % 12 for pitch in candidates]
    cost = np.array([0.0 if cls in chord.pitch_classes else outside_cost if cls in scale else 60.0 for cls in classes])
    if last and ends_phrase:
        resting_classes = (chord.root, harmony.tonic)
        cost = cost + np.array([0.0 if cls in resting_classes else 1.5 for cls in classes])
    return cost


def _notes(
    line: Line, starts: Sequence[float], pitches: Sequence[int], grid: Grid, *, energy: float, language: str
) -> list[Note]:
    """Each note lasts until the next, the last one about half a bar, never into the next line."""
    end_s = min(line.end_s - 0.02, starts[-1] + 2.5 * grid.beat_s)
    ends = [*starts[1:], max(end_s, starts[-1] + 0.5 * (line.end_s - starts[-1]))]
    syllables = split_words(line.text, len(starts), language, line.word_syllables)
    return [
        Note(
            start_s=start,
            duration_s=(end - start) * 0.97,
            pitch=pitch,
            velocity=_velocity(grid.beats(start), energy, index),
            lyric=syllable,
            line=line.row,
            syllable=index,
        )
        for index, (start, end, pitch, syllable) in enumerate(zip(starts, ends, pitches, syllables, strict=True))
    ]


def _velocity(beats: float, energy: float, index: int) -> int:
    accent = 8 if (beats + 0.1) % 2 < 0.25 else 4 if (beats + 0.1) % 1 < 0.25 else 0
    return int(min(120, 78 + 22 * energy + accent + (4 if index == 0 else 0)))


def split_words(text: str, count: int, language: str = "en", known_shares: Sequence[int] = ()) -> list[str]:
    """The words of a line distributed to ``count`` notes: a long word spans several, marked by a hyphen.

    ``known_shares`` are the notes of each word where its phones are known.
    """
    words = text.split()
    if not words:
        return [""] * count
    is_known = len(known_shares) == len(words) and sum(known_shares) == count and all(known_shares)
    if len(words) >= count and not is_known:
        return [*words[: count - 1], " ".join(words[count - 1 :])]
    shares = known_shares if is_known else _shares(words, count, language)
    note_words: list[str] = []
    for word, share in zip(words, shares, strict=True):
        cuts = [round(index * len(word) / share) for index in range(share + 1)]
        pieces = [word[start:end] for start, end in pairwise(cuts)]
        note_words.extend(piece + "-" for piece in pieces[:-1])
        note_words.append(pieces[-1])
    return note_words


def _shares(words: Sequence[str], count: int, language: str) -> list[int]:
    """The number of notes for each word: its syllables where they add up, else more for words with more letters."""
    shares = [max(1, count_syllables(word, language)) for word in words]
    if sum(shares) == count:
        return shares
    shares = [1] * len(words)
    for _ in range(count - len(words)):
        longest_index = max(range(len(words)), key=lambda index: len(words[index]) / shares[index])
        shares[longest_index] += 1
    return shares
