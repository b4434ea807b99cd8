"""How many bars a line takes, and how much of them is sung.

Rates are syllables a second. Comfortable singing lies between 2.5 and 4.5, and words are swallowed above 6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

BEATS = 4
"""Beats of a bar."""

EASY_RATE = 2.5
COMFORTABLE_RATE = 4.5
BRISK_RATE = 5.0
"""The usual limit where a line would otherwise get four bars or more."""
FASTEST_RATE = 5.5
LEAST_RATE = 2.2
"""Below this rate a line gets a rest at its end."""

BREATH_S = 0.25
"""Least time between the last syllable of a line and the next line."""
REST_S = 0.5
"""A pause of this length or more is written as a rest."""

SLOWEST_BPM = 60.0
FASTEST_BPM = 160.0
_TOLERANCE = 1e-9

Spacing = Literal["wide", "usual", "close", "tight"]
"""How much time lines get: twice the usual, whole powers of two of bars at comfortable rates, the same at fast rates,
or for each line the fewest bars."""


@dataclass(frozen=True, slots=True)
class Meter:
    """The bars in which a tempo is felt.

    Below 60 beats a minute half a bar is felt as one, above 160 two bars are, so that a felt bar lasts 1.5 to 4 s.
    ``felt_in_bar`` is the number of felt bars in a bar, at least 1: sections begin at its multiples.
    """

    bar_s: float
    felt_in_bar: int

    @property
    def eighth_s(self) -> float:
        """Half of a felt beat."""
        return self.bar_s / (2 * BEATS)


def meter_of(bpm: float) -> Meter:
    """The meter of a tempo in beats a minute."""
    bar_s = BEATS * 60 / bpm
    if bpm < SLOWEST_BPM:
        return Meter(bar_s / 2, 2)
    return Meter(bar_s * 2 if bpm > FASTEST_BPM else bar_s, 1)


def line_bars(syllables: Sequence[int], meter: Meter, spacing: Spacing, multiple: int) -> tuple[int, ...]:
    """The felt bars of each line of a stanza; ``multiple`` is what the stanza as a whole is filled up to.

    Its lines are alike, except where a few long ones in bars of their own make the stanza shorter.
    """
    if spacing == "tight":
        return tuple(_least_bars(count, FASTEST_RATE, meter) for count in syllables)
    median = sorted(syllables)[len(syllables) // 2]
    usual = _power_of_two(_least_bars(median, FASTEST_RATE if spacing == "close" else COMFORTABLE_RATE, meter))
    if usual > 2:
        usual = min(usual, _power_of_two(_least_bars(median, BRISK_RATE, meter)))
    own = [max(usual, _power_of_two(_least_bars(count, FASTEST_RATE, meter))) for count in syllables]
    alike = [max(own)] * len(own)
    chosen = alike if filled(sum(alike), multiple) <= filled(sum(own), multiple) else own
    factor = 2 if spacing == "wide" and max(chosen) <= 2 else 1
    return tuple(factor * bars for bars in chosen)


def filled(bars: int, multiple: int) -> int:
    """``bars`` filled up to a whole ``multiple``."""
    return -(-bars // multiple) * multiple


def sung_s(syllables: int, room_s: float, meter: Meter) -> float:
    """How long a line is sung that has ``room_s`` until the next: at an easy rate, a breath before the next.

    It ends on an eighth where that is not too fast.
    """
    longest_s = min(room_s - BREATH_S, syllables / EASY_RATE)
    on_eighth_s = math.floor(longest_s / meter.eighth_s + _TOLERANCE) * meter.eighth_s
    is_singable = on_eighth_s > 0 and syllables / on_eighth_s <= COMFORTABLE_RATE
    return on_eighth_s if is_singable else longest_s


def needs_rest(syllables: int, room_s: float, line_s: float) -> bool:
    """Whether a line that is sung for ``line_s`` of ``room_s`` gets a rest at its end."""
    return room_s - line_s >= REST_S or syllables / room_s < LEAST_RATE


def _least_bars(syllables: int, rate: float, meter: Meter) -> int:
    return max(1, math.ceil((syllables / rate + BREATH_S) / meter.bar_s - _TOLERANCE))


def _power_of_two(count: int) -> int:
    return 1 << (count - 1).bit_length()
