"""Rules for all texts that users write."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from functools import cache

_CONTROL = "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"
"""The categories Cc, Zl, Zp and Cs."""

_REORDERING = "[\u202a-\u202e\u2066-\u2069]"
"""Embeddings, overrides and isolates (Unicode Standard Annex 9): they show text in a different order."""

_FLAGS = (
    "\U0001f3f4(?:"
    + "|".join("".join(chr(0xE0000 + ord(letter)) for letter in region) for region in ("gbeng", "gbsct", "gbwls"))
    + ")\U000e007f"
)
"""England, Scotland and Wales, whose emoji are the only ones written with tag characters
(Unicode Technical Standard 51)."""

_UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\u1950-\u19df\u1a00-\u1aaf\u1b00-\u1bbf"
    "\ua980-\ua9ff\uaa60-\uaa7f\uaa80-\uaadf"
)
"""Thai, Lao, Tibetan, Myanmar, Khmer, Tai Le, New Tai Lue, Tai Tham, Balinese, Sundanese, Javanese and others that
are written without spaces: a zero-width space between their letters marks a word boundary (Unicode Standard, 23.2)."""

_NEEDED = (
    f"(?<=[{_UNSPACED}])\u200b(?=[^\\W_])|(?<=[^\\W_])\u200b(?=[{_UNSPACED}])"
    "|(?<=[\u1820-\u18aa])[\u180b-\u180d\u180f]"
    "|\u061c(?=[\\d\u0600-\u07bf\u0860-\u08ff\ufb50-\ufdff\ufe70-\ufefc])|(?<=[\u0600-\u07bf\u0860-\u08ff])\u061c"
)
"""Invisible characters that are needed in their place: zero-width spaces as above, the variation selectors of
Mongolian, and the Arabic letter mark beside Arabic letters and digits."""

_HIDDEN = (
    "[\u00ad\u061c\u180b-\u180d\u180f\u200b\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\u17b4\u17b5\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
    "|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2}|[\u200c-\u200f\ufe00-\ufe0f\U000e0100-\U000e01ef]{4}"
)
"""Characters that are drawn as nothing and could carry hidden text (Default_Ignorable_Code_Point of Unicode).

Scripts and emoji need the joiners (U+200C, U+200D), the direction marks (U+200E, U+200F) and one variation selector
after a character, but never a run of them.
"""

_EMPTY = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159\U00013441\U00013442\U00016fe4")
"""Letters and marks that are drawn as nothing: fillers and blanks, the grapheme joiner, Braille without a dot, and
the empty note head."""

_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Cs", "Zl", "Zp", "Zs"})
_VARIATION_SELECTORS = ("\u180b", "\u180c", "\u180d", "\u180f")

INVISIBLE = "".join(
    [
        "\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u180b\u180c\u180d\u180e\u180f\u2060\u202f\u205f\u2800\u3000\u3164\ufeff\uffa0"
    ]
    + ["\ufff9\ufffa\ufffb"]
    + [chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0000, 0xE01F0))]
    + [chr(code) for code in (*range(0x2000, 0x2010), *range(0x202A, 0x202F), *range(0x2061, 0x2070))]
)
"""Spaces other than the ordinary one, and invisible characters: copied text often has them at the ends of its lines."""

_DEVICES = frozenset({"con", "prn", "aux", "nul", "conin$", "conout$"})
_NUMBERED_DEVICE = r"(?:com|lpt)[0-9\u00b9\u00b2\u00b3]"

_COMMANDS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
"""Characters that a terminal interprets or does not show: C0 and C1 (including ESC and CSI), DEL, direction overrides
and isolates, line and paragraph separators, zero-width and tag characters, surrogates (bytes that are not UTF-8)."""


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """A pattern, compiled on first use: every command imports this module, and most use one pattern only."""
    return re.compile(text)


def has_control(text: str) -> bool:
    """Whether a text contains control characters, line breaks or surrogates."""
    return _pattern(_CONTROL).search(text) is not None


def reorders(text: str) -> bool:
    """Whether a text contains characters that change the displayed order of its own or of adjacent text."""
    return _pattern(_REORDERING).search(text) is not None


def hides(text: str) -> bool:
    """Whether a text contains invisible characters that no script and no emoji needs in their place."""
    remainder = _pattern(_NEEDED).sub("", _pattern(_FLAGS).sub("", text))
    return _pattern(_HIDDEN).search(remainder) is not None


def shows_nothing(text: str) -> bool:
    """Whether a text is drawn as nothing at all, or as space."""
    return not any(map(_is_drawn, text))


def is_reserved(name: str) -> bool:
    """Whether Windows reads a file of this name as a device, whatever follows its first dot.

    See https://learn.microsoft.com/windows/win32/fileio/naming-a-file.
    """
    stem = name.partition(".")[0].strip(" ").lower()
    return stem in _DEVICES or _pattern(_NUMBERED_DEVICE).fullmatch(stem) is not None


def _is_drawn(character: str) -> bool:
    if character in _EMPTY or character in _VARIATION_SELECTORS:
        return False
    if "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return False
    return unicodedata.category(character) not in _UNSEEN


def visible(text: str, *, line_breaks: bool = True) -> str:
    """A text that is safe for a terminal: characters that it would interpret or not show are written as escapes.

    Tabs are kept, and line breaks too unless ``line_breaks`` is False. Applying it twice changes nothing.
    """
    visible_text = _COMMANDS.sub(_escape, text) if _pattern(_NEEDED).search(text) is None else _visible_but_needed(text)
    return visible_text if line_breaks else visible_text.replace("\n", "\\n").replace("\t", "\\t")


def _visible_but_needed(text: str) -> str:
    """The same, but characters that a script needs in their place are kept."""
    parts, offset = [], 0
    for match in _pattern(_NEEDED).finditer(text):
        parts += [_COMMANDS.sub(_escape, text[offset : match.start()]), match[0]]
        offset = match.end()
    return "".join([*parts, _COMMANDS.sub(_escape, text[offset:])])


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is not UTF-8, as Python represents it in file names
        return f"\\x{number - 0xDC00:02x}"
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def sentence(text: str) -> str:
    """A text with its full stop; a question such as "Did you mean 'seeds'?" needs none."""
    return text if text.endswith(("?", ".")) else f"{text}."


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 song``, ``2 songs``."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def listed(parts: Sequence[str], conjunction: str = "and") -> str:
    """Items joined for a sentence: ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {conjunction} {parts[-1]}"


def first_of(names: Sequence[str], most: int = 3) -> str:
    """The first names of a list, and the number of the others: ``a, b, c and 2 more``."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def did_you_mean(name: str, known: Collection[str], *, otherwise: str = "") -> str:
    """A remedy for an unknown name: the most similar known name, or all of them."""
    if matches := get_close_matches(name, sorted(known), n=1, cutoff=0.7):
        return f"Did you mean {matches[0]!r}?"
    return otherwise or f"There are {', '.join(sorted(known))}"
