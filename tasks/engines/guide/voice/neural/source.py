"""Spectra of lines that the network speaks: English."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.engines.guide.voice.analysis import FFT_SIZE, envelopes, fitted
from tasks.engines.guide.voice.neural.edges import HISSING, VOICELESS, first_frames
from tasks.engines.guide.voice.neural.network import HOP, Network
from tasks.engines.guide.voice.neural.pitch import spoken_pitch_hz
from tasks.engines.guide.voice.neural.symbols import bounds_of, characters, with_blanks
from tasks.engines.guide.voice.plan import Phrase
from tasks.engines.guide.voice.sources import PAUSE_FRAMES, PULSES
from tasks.engines.guide.voice.spectra import SpokenSpectra
from tasks.engines.guide.voice.vocoder import FRAME_S, Colour, Matrix
from tasks.engines.guide.words.phonemes import Phone

ORDER, WARP = 40, 0.45
FORMANTS: Mapping[str, float] = {"alto": 0.18, "tenor": 0.0}
"""In log frequency. The voice is a man's, and a woman's vocal tract is shorter: 20 % for the alto, which is
understood better so than with 15."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A spoken line: its mel-cepstra, and the first frame of each phone, with the end."""

    spectrum: Matrix
    starts: NDArray[np.int64]


class NeuralSource:
    """Spectra of the ``lines`` of a song, for one of the singers: all are spoken at once, the same words once, so that
    the network, which takes 0.2 GB, need not stay."""

    def __init__(self, network: Network, singer: str, lines: Iterable[Sequence[Phone]]) -> None:
        self._colour = Colour(network.rate_hz, ORDER, WARP)
        words = dict.fromkeys(tuple(line) for line in lines if line)
        self._lines = {phones: _spoken(network, phones, self._colour, FORMANTS[singer]) for phones in words}

    def spoken(self, phrase: Phrase) -> SpokenSpectra:
        """See :class:`tasks.engines.guide.voice.singer.Source`."""
        line = self._lines[phrase.line_phones]
        spectrum = line.spectrum
        bounds = np.minimum(line.starts[phrase.first : phrase.end + 1], len(spectrum))
        inside = spectrum[int(bounds[0]) : int(bounds[-1])]
        quiet = np.repeat(spectrum[-1:], PAUSE_FRAMES, axis=0)
        return SpokenSpectra(
            self._colour,
            np.concatenate([quiet, inside, quiet]),
            _pulses(phrase.phones, np.diff(bounds)),
            np.concatenate([[0], bounds - bounds[0] + PAUSE_FRAMES, [len(inside) + 2 * PAUSE_FRAMES]]).astype(np.int64),
        )


def _spoken(network: Network, phones: Sequence[Phone], colour: Colour, formants: float) -> _Line:
    written = with_blanks(characters(phones))
    samples, lengths = network.speak([character for character, _ in written])
    hops = bounds_of([owner for _, owner in written], lengths, len(phones))
    spectrum = _spectrum(samples, colour, formants)
    return _Line(spectrum, first_frames(hops, HOP / colour.rate_hz, spectrum, colour, phones))


def _spectrum(samples: NDArray[np.float64], colour: Colour, formants: float) -> Matrix:
    """The mel-cepstra of speech, a frame every 5 ms: those of each pitch together."""
    hertz = spoken_pitch_hz(samples, colour.rate_hz)
    centres = np.arange(len(hertz)) * FRAME_S * colour.rate_hz
    magnitudes = np.empty((len(hertz), FFT_SIZE // 2 + 1))
    for pitch_hz in np.unique(hertz):
        alike = hertz == pitch_hz
        magnitudes[alike] = envelopes(samples, centres[alike], float(pitch_hz), colour.rate_hz)
    return fitted(magnitudes, colour, formants=formants)


def _pulses(phones: Sequence[Phone], lengths: NDArray[np.int64]) -> Matrix:
    """The shares of pulses by kind of phone, with a pause on both sides."""
    kinds = [
        "voiceless" if phone.symbol in VOICELESS else "hissing" if phone.symbol in HISSING else "voiced"
        for phone in phones
    ]
    rows = np.array([PULSES[kind] for kind in ("voiceless", *kinds, "voiceless")], dtype=np.float32)
    return np.repeat(rows, np.concatenate([[PAUSE_FRAMES], lengths, [PAUSE_FRAMES]]), axis=0)
