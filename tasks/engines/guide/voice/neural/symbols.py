"""From phones to what the network reads: numbers of characters of IPA with a blank between any two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from tasks.engines.guide.words.phonemes import Phone

BLANK, BEGIN, END, SPACE, STOP = "_", "^", "$", " ", "."
STRESSES: Mapping[int | None, str] = {1: "ˈ", 2: "ˌ"}
IPA: Mapping[str, str] = {
    "aa": "ɑː", "ae": "æ", "ah": "ʌ", "ao": "ɔː", "aw": "aʊ", "ax": "ə", "ay": "aɪ", "eh": "ɛ", "er": "ɜː",
    "ey": "eɪ", "ih": "ɪ", "iy": "iː", "ow": "oʊ", "oy": "ɔɪ", "uh": "ʊ", "uw": "uː", "ch": "tʃ", "dh": "ð",
    "g": "ɡ", "hh": "h", "jh": "dʒ", "ng": "ŋ", "r": "ɹ", "sh": "ʃ", "th": "θ", "y": "j", "zh": "ʒ",
}  # fmt: skip
"""The bank's phones of English as espeak-ng writes them; the others have one name in both."""

UNSTRESSED: Mapping[str, str] = {"er": "ɚ", "iy": "i"}
"""Of vowels without stress in words of several syllables."""

Owned = tuple[str, int]
"""A character, and the index of the phone that it belongs to; -1 for what belongs to none."""


def characters(phones: Sequence[Phone]) -> list[Owned]:
    """A line as the network reads it, blanks not included."""
    found: list[Owned] = [(BEGIN, -1)]
    for number, (_, word) in enumerate(groupby(enumerate(phones), key=lambda entry: entry[1].word)):
        own = list(word)
        is_long = sum(phone.is_nucleus for _, phone in own) > 1
        found += [(SPACE, -1)] if number else []
        found += [(each, index) for index, phone in own for each in _written(phone, is_long=is_long)]
    return [*found, (STOP, -1), (END, -1)]


def _written(phone: Phone, *, is_long: bool) -> Iterator[str]:
    yield from STRESSES.get(phone.stress, "")
    if phone.stress == 0 and is_long and phone.symbol in UNSTRESSED:
        yield from UNSTRESSED[phone.symbol]
    else:
        yield from IPA.get(phone.symbol, phone.symbol)


def with_blanks(line: Sequence[Owned]) -> list[Owned]:
    """The line with a blank after each character but the last; a blank belongs to the character before it."""
    return [entry for character, owner in line for entry in ((character, owner), (BLANK, owner))][:-1]


def bounds_of(owners: Sequence[int], lengths: NDArray[np.int64], phones: int) -> NDArray[np.int64]:
    """Where each phone begins, and the end of the last, in units of ``lengths``: (phones + 1,).

    The pause between words belongs half to the phone before it and half to the one after.
    """
    ends = np.cumsum(lengths)
    firsts = [owners.index(phone) for phone in range(phones)]
    bounds = []
    for index in firsts:
        gap = index
        while gap and owners[gap - 1] < 0:
            gap -= 1
        start = int(ends[index - 1]) if index else 0
        before = int(ends[gap - 1]) if gap else start
        bounds.append((start + before) // 2 if gap else start)
    last = max(index for index, owner in enumerate(owners) if owner == phones - 1)
    return np.array([*bounds, int(ends[last])], dtype=np.int64)
