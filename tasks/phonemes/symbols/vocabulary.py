"""The model's table of symbols: phones in, tokens out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from catalog.common.errors import InputError

MARKS = ",.?!;:'…"
"""The punctuation that has a symbol of its own, in Chinese and in English."""
WORD_GAP = "_"
COMMA_TOKEN = 1
STOP_TOKEN = 2


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Phone to id. A token is an id plus one, because row 0 of the model's table is silence."""

    ids: Mapping[str, int]

    def tokens(self, phones: Iterable[str]) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """The tokens of the phones that are in the table, and the phones that are not."""
        tokens, dropped_phones = [], []
        for phone in phones:
            if phone in self.ids:
                tokens.append(self.ids[phone] + 1)
            else:
                dropped_phones.append(phone)
        return tuple(tokens), tuple(dropped_phones)


def load_vocabulary(path: Path) -> Vocabulary:
    """The table from ``vocab.json`` (an object whose key ``vocab`` maps symbol to id). Raises InputError."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))["vocab"]
        ids = {str(symbol): int(number) for symbol, number in table.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path.name} is no table of symbols", remedy="Pull diffrhythm-data again") from error
    if sorted(ids.values()) != list(range(len(ids))):
        raise InputError(f"The ids of {path.name} are not 0 to {len(ids) - 1}", remedy="Pull diffrhythm-data again")
    return Vocabulary(ids)


def without_gaps_and_marks(phones: Iterable[str]) -> tuple[str, ...]:
    """The phones that make a sound."""
    return tuple(phone for phone in phones if phone not in MARKS and phone != WORD_GAP)
