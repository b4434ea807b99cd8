"""The script of the listening page's words and sections as a module: here the words are followed as they are there."""

from __future__ import annotations

from functools import cache
from importlib import resources

PACKAGE = "catalog.release.listening_page"
PARTS = ("shared.js", "words.js", "form.js")

_ENDS = """
const seek = (song, s) => song.seek(s);
const play = (song) => song.play();
export { all, clock, formOf, listenToWords, one, showForm, showWords, wordsOf };
"""
"""What these parts need of a page's player, and what they give to a module."""


@cache
def words_module() -> bytes:
    """The module's source."""
    parts = [resources.files(PACKAGE).joinpath(name).read_text("utf-8") for name in PARTS]
    return "\n".join([*parts, _ENDS]).encode()
