"""Where a singer's spectra come from: a bank for English, espeak-ng for every language that it speaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.engines.guide.voice.analysis import cepstra, steady_pitch_hz
from tasks.engines.guide.voice.bank import Bank
from tasks.engines.guide.voice.plan import Phrase
from tasks.engines.guide.voice.spectra import SpokenSpectra, bank_spectra
from tasks.engines.guide.voice.vocoder import FRAME_S, Colour, Matrix
from tasks.engines.guide.words.espeak import espeak_spoken
from tasks.engines.guide.words.phonemes import PAUSE, Phone, espeak_phone, nearest_places

ESPEAK_ORDER, ESPEAK_WARP = 40, 0.45
ESPEAK_WORDS_PER_MINUTE = 110
ALTO_FORMANTS = 0.13
"""espeak-ng's voice is a man's: a woman's vocal tract is shorter."""

PAUSE_FRAMES = 12
FULL_SCALE = 32768.0

VOICELESS = frozenset("p t k f s θ ʃ ʂ ɕ x χ h ħ ç c q ʔ ɬ ɸ ɧ".split())  # noqa: SIM905
HISSING = frozenset("v z ð ʒ ʐ ʑ ɣ ʁ β ʝ ɦ ʕ".split())  # noqa: SIM905
PULSES: Mapping[str, tuple[float, ...]] = {
    "voiced": (1.0, 0.97, 0.85, 0.65, 0.45),
    "hissing": (0.95, 0.75, 0.45, 0.25, 0.10),
    "voiceless": (0.0, 0.0, 0.0, 0.0, 0.0),
}
"""The share of pulses in each band of the vocoder, by kind of phone."""


class BankSource:
    """Spectra predicted from a bank: English."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def spoken(self, phrase: Phrase) -> SpokenSpectra:
        """See :class:`tasks.engines.guide.voice.singer.Source`."""
        return bank_spectra(self._bank, (Phone(PAUSE, word=-1), *phrase.phones, Phone(PAUSE, word=-2)))


class EspeakSource:
    """Spectra of lines that espeak-ng speaks on one tone; ``texts`` by the lines' rows in the recipe."""

    def __init__(self, texts: Mapping[int, str], language: str, singer: str) -> None:
        self._texts = texts
        self._language = language
        self._formants = ALTO_FORMANTS if singer == "alto" else 0.0
        self._lines: dict[int, tuple[Colour, Matrix, list[tuple[str, int]]]] = {}

    def spoken(self, phrase: Phrase) -> SpokenSpectra:
        """See :class:`tasks.engines.guide.voice.singer.Source`."""
        colour, spectrum, marks = self._line(phrase.line)
        bounds = _bounds(phrase, [symbol for symbol, _ in marks], [frame for _, frame in marks], len(spectrum))
        quiet = np.repeat(spectrum[-1:], PAUSE_FRAMES, axis=0)
        inside = spectrum[bounds[0] : bounds[-1]]
        pulses = [np.zeros((PAUSE_FRAMES, 5))]
        for phone, length in zip(phrase.phones, np.diff(bounds), strict=True):
            pulses.append(np.tile(PULSES[_kind(phone)], (length, 1)))
        pulses.append(np.zeros((PAUSE_FRAMES, 5)))
        return SpokenSpectra(
            colour,
            np.concatenate([quiet, inside, quiet]),
            np.concatenate(pulses).astype(np.float32),
            np.concatenate([[0], bounds - bounds[0] + PAUSE_FRAMES, [len(inside) + 2 * PAUSE_FRAMES]]).astype(np.int64),
        )

    def _line(self, row: int) -> tuple[Colour, Matrix, list[tuple[str, int]]]:
        """A line's mel-cepstra, and its phones with their first frames."""
        if row not in self._lines:
            texts = tuple(dict.fromkeys(text for text in self._texts.values() if text.strip()))
            lines = espeak_spoken(texts, self._language, words_per_minute=ESPEAK_WORDS_PER_MINUTE)
            spoken = lines[texts.index(self._texts[row])]
            samples = np.frombuffer(spoken.samples, dtype="<i2") / FULL_SCALE
            colour = Colour(spoken.rate_hz, ESPEAK_ORDER, ESPEAK_WARP)
            spectrum = cepstra(samples, steady_pitch_hz(samples, spoken.rate_hz), colour, formants=self._formants)
            marks = [
                (espeak_phone(phone).symbol if phone.strip() else "", round(sample / spoken.rate_hz / FRAME_S))
                for phone, sample in spoken.phones
            ]
            self._lines[row] = colour, spectrum, marks
        return self._lines[row]


def _bounds(phrase: Phrase, symbols: Sequence[str], frames: Sequence[int], end: int) -> NDArray[np.int64]:
    """The frame where each phone of a phrase begins, with the end; every phone has one frame at least.

    espeak-ng's events may differ in a phone or two from what it says of the text alone: the nearest ones are taken.
    """
    known = [index for index, symbol in enumerate(symbols) if symbol]
    expected = [symbols[index] for index in known]
    whole = [phone.symbol for phone in phrase.line_phones]
    places = nearest_places(whole, expected) if expected else [0] * len(whole)
    ends = {index: (frames[index + 1] if index + 1 < len(frames) else end) for index in known}
    starts, last = [], -1
    for place in places:
        frame = frames[known[place]] if known else 0
        last = max(last + 1, frame)
        starts.append(last)
    first, count = phrase.first, len(phrase.phones)
    after = starts[first + count] if first + count < len(starts) else ends.get(known[places[-1]], end) if known else end
    found = [*starts[first : first + count], max(starts[first + count - 1] + 1, after)]
    return np.minimum(np.array(found, dtype=np.int64), end + np.arange(-len(found) + 1, 1))


def _kind(phone: Phone) -> str:
    if phone.is_nucleus:
        return "voiced"
    first = phone.symbol[:1]
    return "voiceless" if first in VOICELESS else "hissing" if first in HISSING else "voiced"
