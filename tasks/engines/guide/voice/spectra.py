"""The spectra of a spoken line, predicted from a bank: the material that singing stretches over its notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from tasks.engines.guide.voice.bank import BANDS, FEATURES, ORDER, PHONE_FEATURES, Bank, Context
from tasks.engines.guide.voice.vocoder import FRAME_S, Colour, Matrix
from tasks.engines.guide.words.phonemes import PAUSE, Phone
from tasks.engines.guide.words.syllables import Place, places

STRETCH = 1.15
"""Speech is predicted a little slower than it was spoken: clearer articulation, more frames to stretch."""

PAUSE_STATE_S = 0.02
FEWEST_FRAMES = 2
LEVEL_POINTS = 64


@dataclass(frozen=True, slots=True)
class SpokenSpectra:
    """A spoken line: frames every 5 ms, and the frame where each phone begins, with the end: (phones + 1,)."""

    colour: Colour
    spectrum: Matrix
    pulses: Matrix
    bounds: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _State:
    """One of a phone's three states: its name, first frame and number of frames, and its phone."""

    name: str
    first: int
    count: int
    phone: int


def bank_spectra(bank: Bank, phones: Sequence[Phone]) -> SpokenSpectra:
    """The most likely spectra of a line's phones, which begins and ends with a pause."""
    states = _states(bank, phones)
    rows = _rows(bank, states, places(phones))
    vectors = bank.vectors[rows]
    spectrum = _sharpened(_smooth(vectors), bank)
    voicing = vectors[:, 4 * ORDER + BANDS :]
    pulses = np.clip(vectors[:, 4 * ORDER : 4 * ORDER + BANDS], 0, 1) * (voicing > 0.5)
    firsts = [state.first for state in states if state.name == bank.states[phones[state.phone].symbol][0]]
    bounds = np.array([*firsts, len(rows)], dtype=np.int64)
    return SpokenSpectra(colour_of(bank), spectrum, pulses.astype(np.float32), bounds)


def colour_of(bank: Bank) -> Colour:
    """How the bank describes spectra."""
    return Colour(bank.rate_hz, ORDER, bank.warp)


def _states(bank: Bank, phones: Sequence[Phone]) -> list[_State]:
    states: list[_State] = []
    first = 0
    for index, phone in enumerate(phones):
        for name in bank.states[phone.symbol]:
            seconds = PAUSE_STATE_S if phone.symbol == PAUSE else bank.seconds[name] * STRETCH
            count = max(FEWEST_FRAMES, round(seconds / FRAME_S))
            states.append(_State(name, first, count, index))
            first += count
    return states


def _rows(bank: Bank, states: Sequence[_State], context: Sequence[Place]) -> list[int]:
    spoken = [state for state in states if context[state.phone].symbol != PAUSE]
    phrase = (spoken[0].first, spoken[-1].first + spoken[-1].count) if spoken else (0, 1)
    rows: list[int] = []
    for index, state in enumerate(states):
        siblings = [other for other in states[max(0, index - 2) : index + 3] if other.phone == state.phone]
        asked = _context(bank, states, index, context)
        phone_first, phone_end = siblings[0].first, siblings[-1].first + siblings[-1].count
        for offset in range(state.count):
            frame = state.first + offset
            asked[:8] = [
                "b" if offset == 0 else "e" if offset + 1 == state.count else "m",
                offset / (state.count - 1),
                float(offset),
                float(state.count - 1 - offset),
                (frame - phone_first) / (phone_end - phone_first - 1),
                float(frame - phone_first),
                float(phone_end - 1 - frame),
                -1.0 if context[state.phone].symbol == PAUSE else (frame - phrase[0]) / (phrase[1] - phrase[0]),
            ]
            rows.append(bank.row(state.name, asked))
    return rows


def _context(bank: Bank, states: Sequence[_State], index: int, context: Sequence[Place]) -> Context:
    """The answers that hold for all frames of a state, in the order of ``FEATURES``."""
    state = states[index]
    before = states[index - 1] if index else None
    after = states[index + 1] if index + 1 < len(states) else None
    place = context[state.phone]
    last = context[state.phone - 1] if state.phone else Place("0")
    following = context[state.phone + 1] if state.phone + 1 < len(context) else Place("0")
    words = _neighbour_classes(context, state.phone)
    answers: dict[str, str | float] = {
        "state_s": state.count * FRAME_S,
        "last_state_s": before.count * FRAME_S if before and before.phone == state.phone else 0.0,
        "next_state_s": after.count * FRAME_S if after and after.phone == state.phone else 0.0,
        "last_state": before.name if before else "0",
        "next_state": after.name if after else "0",
        "place_in_syllable": place.place,
        "ends_syllable": place.ends_syllable,
        "side": place.side,
        "last_side": last.side,
        "next_side": following.side,
        "next_is_pause": "1" if following.symbol == PAUSE else "0",
        "last_phone": last.symbol,
        "next_phone": following.symbol,
        "stress": place.stress,
        "accented": place.accented,
        "syllable_position": place.position,
        "break": place.break_after,
        "last_break": place.last_break,
        "word_class": place.word_class,
        "last_word_class": words[0],
        "next_word_class": words[1],
    }
    for side, neighbour in (("last", last), ("next", following)):
        features = bank.phones.get(neighbour.symbol, {})
        answers |= {f"{side}_{name}": features.get(name, "0") for name in PHONE_FEATURES}
    return [answers.get(name, 0.0) for name in FEATURES]


def _neighbour_classes(context: Sequence[Place], index: int) -> tuple[str, str]:
    """The classes of the words before and after a phone's; ``0`` at a pause."""
    word = context[index].word
    start, end = index, index
    while start > 0 and context[start - 1].word == word:
        start -= 1
    while end + 1 < len(context) and context[end + 1].word == word:
        end += 1
    return context[start - 1].word_class if start else "0", context[end + 1].word_class if end + 1 < len(
        context
    ) else "0"


def _smooth(vectors: Matrix) -> NDArray[np.float64]:
    """The cepstra that are most likely under the means and spreads of both cepstra and slopes (Tokuda, ICASSP 2000).

    The slope at a frame is half the difference of its neighbours; at both ends it is not asked for.
    """
    mean, slope = vectors[:, :ORDER].astype(float), vectors[:, 2 * ORDER : 3 * ORDER].astype(float)
    weight = np.exp(-2 * vectors[:, ORDER : 2 * ORDER].astype(float))
    slope_weight = np.exp(-2 * vectors[:, 3 * ORDER : 4 * ORDER].astype(float)) / 4
    slope_weight[[0, -1]] = 0
    frames = len(mean)
    smooth = np.empty((frames, ORDER))
    bands = np.zeros((3, frames, ORDER))
    bands[0] = weight
    bands[0, 1:] += slope_weight[:-1]
    bands[0, :-1] += slope_weight[1:]
    bands[2, :-2] = -slope_weight[1:-1]
    right = weight * mean
    right[1:] += (2 * slope_weight * slope)[:-1]
    right[:-1] -= (2 * slope_weight * slope)[1:]
    for column in range(ORDER):
        smooth[:, column] = solveh_banded(bands[:, :, column], right[:, column], lower=True, check_finite=False)
    return smooth


def _sharpened(spectrum: NDArray[np.float64], bank: Bank) -> Matrix:
    """Formants stand out more by ``sharpening`` (averages of many frames are too flat), at the same power."""
    angle = np.linspace(0, np.pi, LEVEL_POINTS)
    warped = angle + 2 * np.arctan2(bank.warp * np.sin(angle), 1 - bank.warp * np.cos(angle))
    cosines = np.cos(np.arange(ORDER)[:, None] * warped)
    sharp = spectrum.copy()
    sharp[:, 2:] *= 1 + bank.sharpening
    power = [np.exp(2 * cepstra @ cosines).mean(axis=1) for cepstra in (spectrum, sharp)]
    sharp[:, 0] += 0.5 * np.log(power[0] / power[1])
    return sharp.astype(np.float32)
