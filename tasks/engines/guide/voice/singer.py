"""Sings the notes of a song: one voice, mono, dry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from tasks.engines.guide.arrangement.score import Note
from tasks.engines.guide.sound.source import RATE, Sound
from tasks.engines.guide.voice.level import VOWEL_RMS_DBFS, brightened, gains, lively, voiced_vowels
from tasks.engines.guide.voice.pitch import Tuning, pitch_hz
from tasks.engines.guide.voice.plan import Phrase, SungPhone, onset_s, phrases, planned
from tasks.engines.guide.voice.spectra import SpokenSpectra
from tasks.engines.guide.voice.stretch import frame_times, stretched
from tasks.engines.guide.voice.vocoder import FRAME_S, Frames, synthesise
from tasks.engines.guide.words.phonemes import Phone

BREATH_DB = -34.0
BREATH_BAND_HZ = (1000.0, 6000.0)
BREATH_S = (0.12, 0.18)
BREATH_BEFORE_S = 0.04
LAST_PHRASE_S = 1e9


class Source(Protocol):
    """What spectra are taken from."""

    def spoken(self, phrase: Phrase) -> SpokenSpectra:
        """The spectra of a phrase's phones, with a pause before and after."""


@dataclass(frozen=True, slots=True)
class Take:
    """One performance of a part: its own chance, tuning, and formants in log frequency; breaths are heard or not."""

    number: int = 0
    tuning: Tuning = field(default_factory=Tuning)
    formants: float = 0.0
    breathes: bool = True


class Singer:
    """One singer and the words of one song: ``lines`` are the phones of each line by its row in the recipe."""

    def __init__(self, source: Source, lines: Mapping[int, Sequence[Phone]], seed: int) -> None:
        self._source = source
        self._lines = lines
        self._seed = seed
        self._spoken: dict[Phrase, SpokenSpectra] = {}

    def sing(self, notes: Sequence[Note], take: Take, *, frames: int) -> Sound:
        """A part's dry sound, float32 (1, frames); its vowels have an RMS of -20 dBFS."""
        output = np.zeros((1, frames), dtype=np.float32)
        for index, (phrase, phones) in enumerate(self.plan(notes)):
            rng = self._rng(take, phrase)
            start_s, sound = self._phrase(phrase, phones, take, rng)
            _add(output[0], sound, round(start_s * RATE))
            if take.breathes and index % 2 == 0:
                breath = _breath(rng)
                _add(output[0], breath, round((phones[1].start_s - BREATH_BEFORE_S) * RATE) - len(breath))
        return output

    def plan(self, notes: Sequence[Note]) -> list[tuple[Phrase, list[SungPhone]]]:
        """The phrases of a part with their phones in time."""
        found = [phrase for row, line in _by_line(notes) for phrase in phrases(self._lines.get(row, ()), line)]
        natural = [self._natural_s(phrase) for phrase in found]
        starts_s = [onset_s(phrase, lengths) for phrase, lengths in zip(found, natural, strict=True)]
        plans: list[tuple[Phrase, list[SungPhone]]] = []
        free_s = -1.0
        for phrase, lengths, next_s in zip(found, natural, [*starts_s[1:], LAST_PHRASE_S], strict=True):
            phones = planned(phrase, lengths, free_from_s=free_s, next_start_s=next_s)
            plans.append((phrase, phones))
            free_s = phones[-1].start_s
        return plans

    def _natural_s(self, phrase: Phrase) -> list[float]:
        lengths: NDArray[np.float64] = np.diff(self._of(phrase).bounds) * FRAME_S
        return [float(length) for length in lengths[1:-1]]

    def _of(self, phrase: Phrase) -> SpokenSpectra:
        if phrase not in self._spoken:
            self._spoken[phrase] = self._source.spoken(phrase)
        return self._spoken[phrase]

    def _phrase(
        self, phrase: Phrase, phones: Sequence[SungPhone], take: Take, rng: Generator
    ) -> tuple[float, NDArray[np.float32]]:
        """A phrase's first time in seconds, and its sound."""
        spoken = self._of(phrase)
        times_s = frame_times(phones[0].start_s, phones[-1].end_s)
        spectrum, pulses = stretched(spoken, phones, times_s)
        pulses = voiced_vowels(phones, times_s, pulses)
        spectrum = brightened(spectrum, pulses, spoken.colour)
        hertz = pitch_hz(phrase.notes, times_s, take.tuning, rng)
        gain = gains(phones, phrase.notes, times_s, spectrum, pulses, hertz, spoken.colour)
        life, shift = lively(times_s, rng)
        formants = (shift + take.formants).astype(np.float32)
        frames = Frames(spectrum, pulses, hertz, gain * life, formants)
        return float(times_s[0]), synthesise(frames, spoken.colour, seed=int(rng.integers(1 << 62)))

    def _rng(self, take: Take, phrase: Phrase) -> Generator:
        """Chance of its own for every phrase and take: a changed line leaves the others as they are."""
        key = (self._seed, take.number, phrase.line, phrase.notes[0].syllable)
        return Generator(PCG64(SeedSequence(key)))


def _by_line(notes: Sequence[Note]) -> list[tuple[int, list[Note]]]:
    ordered = sorted(notes, key=lambda note: (note.line, note.syllable))
    lines = [(row, list(line)) for row, line in groupby(ordered, key=lambda note: note.line)]
    return sorted(lines, key=lambda line: line[1][0].start_s)


def _add(output: NDArray[np.float32], sound: NDArray[np.float32], start: int) -> None:
    """Add a sound that may begin before the output or end after it."""
    first, end = max(0, start), min(len(output), start + len(sound))
    if end > first:
        output[first:end] += sound[first - start : end - start]


def _breath(rng: Generator) -> NDArray[np.float32]:
    """A breath: noise of a band that swells and stops."""
    length = round(float(rng.uniform(*BREATH_S)) * RATE)
    noise = sosfilt(butter(2, BREATH_BAND_HZ, "bandpass", fs=RATE, output="sos"), rng.standard_normal(length))
    swell = np.sin(np.pi * np.linspace(0, 1, length) ** 1.5) ** 2
    breath = noise / noise.std() * swell * 10 ** ((VOWEL_RMS_DBFS + BREATH_DB) / 20)
    sound: NDArray[np.float32] = breath.astype(np.float32)
    return sound
