"""Ids made from titles."""

from __future__ import annotations

import re
import unicodedata

from catalog.common.digests import digest_bytes

MAX_SLUG_CHARACTERS = 48
_SPELLED = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})


def slug(title: str, *, fallback: str) -> str:
    """A stable id of lower-case ASCII letters, digits and single hyphens, never empty.

    Where letters are lost (other scripts), the start of the title's digest is appended, so that different titles get
    different ids; ``fallback`` is used where no letter remains: ``song-3f9a1c2b``.
    """
    base_title = unicodedata.normalize("NFKD", title.lower()).translate(_SPELLED)
    letters = "".join(character for character in base_title if not unicodedata.combining(character))
    full_slug = re.sub(r"[^a-z0-9]+", "-", re.sub(r"['’]", "", letters)).strip("-")
    short_slug = full_slug[:MAX_SLUG_CHARACTERS].rstrip("-")
    is_whole = (
        short_slug == full_slug
        and bool(full_slug)
        and not any(letter.isalnum() and not letter.isascii() for letter in letters)
    )
    if is_whole:
        return short_slug
    digest = digest_bytes(unicodedata.normalize("NFC", title).encode("utf-8", "backslashreplace"))
    return f"{short_slug or fallback}-{digest[:8]}"
