"""What all texts that people write must keep to."""

from __future__ import annotations

import re
import unicodedata

_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
_COMMANDS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
"""What a terminal obeys or does not show: C0 and C1 (ESC and CSI among them), DEL, direction overrides and isolates,
line and paragraph separators, zero-width and tag characters, and halves of characters (bytes that are not UTF-8)."""


def has_control(text: str) -> bool:
    """Whether a text holds control characters, line breaks or halves of characters."""
    return any(unicodedata.category(character) in _CONTROL for character in text)


def visible(text: str, *, line_breaks: bool = True) -> str:
    """A text as it may reach a terminal: characters that it would obey or not show are written as escapes.

    Tabs stay, and line breaks unless ``line_breaks`` is False. What comes back passes unchanged a second time.
    """
    shown = _COMMANDS.sub(_escape, text)
    return shown if line_breaks else shown.replace("\n", "\\n").replace("\t", "\\t")


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is not UTF-8, as Python carries it in file names
        return f"\\x{number - 0xDC00:02x}"
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def sentence(text: str) -> str:
    """A text with its full stop; a question such as "Did you mean 'seeds'?" has its end already."""
    return text if text.endswith(("?", ".")) else f"{text}."


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 song``, ``2 songs``."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
