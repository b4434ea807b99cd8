"""What all texts that people write must keep to."""

from __future__ import annotations

import unicodedata

_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})


def has_control(text: str) -> bool:
    """Whether a text holds control characters, line breaks or halves of characters."""
    return any(unicodedata.category(character) in _CONTROL for character in text)
