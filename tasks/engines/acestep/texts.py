"""The two texts that the model reads, exactly as they are tokenised, and what does not fit into its budgets.

The pipeline cuts a text that is too long from its end, where the prompt states tempo, key, meter and length: so the
caption is shortened here, and lyrics that are too long are refused by the line at which they end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from catalog.common.errors import InputError
from catalog.lyrics.lyrics import Lyrics
from tasks.engines.acestep.tokens import Count
from tasks.engines.acestep.words import lyrics_rows, text_of

MAX_PROMPT_TOKENS, MAX_LYRIC_TOKENS = 256, 2048

GENERATE = "Fill the audio semantic mask based on the given conditions:"
REPAINT = "Repaint the mask area based on the given conditions:"
"""The instructions that the model was trained with: for a whole song, and for a passage."""

END = "<|endoftext|>"
_SPECIAL = re.compile(r"<\|.{0,64}?\|>")
"""Marks that the tokenizer reads as its own symbols and not as words."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the prompt states in its last lines; None is left to the model."""

    bpm: int | None
    key: str | None
    time_signature: int | None
    length_s: int

    def text(self) -> str:
        """The lines, in the model's own form."""
        stated = (self.bpm, self.time_signature, self.key)
        bpm, time_signature, key = ("N/A" if value is None else str(value) for value in stated)
        return (
            f"- bpm: {bpm}\n- timesignature: {time_signature}\n- keyscale: {key}\n- duration: {self.length_s} seconds\n"
        )


class TooLong(InputError):
    """Lyrics with more tokens than the model reads; ``line`` is the first line of the file that it would not sing."""

    def __init__(self, tokens: int, line: int) -> None:
        problem = f"the lyrics have {tokens} tokens, and ACE-Step reads {MAX_LYRIC_TOKENS}: it would stop here"
        super().__init__(problem, remedy="Shorten the lyrics")
        self.line = line


def prompt_text(caption: str, conditions: Conditions, *, instruction: str = GENERATE) -> str:
    """The prompt as it is tokenised."""
    return f"# Instruction\n{instruction}\n\n# Caption\n{caption}\n\n# Metas\n{conditions.text()}{END}\n"


def as_repaint(prompt: str) -> str:
    """The same prompt with the instruction for a passage."""
    return prompt.replace(f"# Instruction\n{GENERATE}\n", f"# Instruction\n{REPAINT}\n", 1)


def lyric_text(words: str, language: str) -> str:
    """The lyrics as they are tokenised; ``language`` is an ISO 639-1 code."""
    return f"# Languages\n{language}\n\n# Lyric\n{words}{END}"


def fitting_caption(caption: str, conditions: Conditions, count: Count) -> str:
    """As many words of the caption as fit, from its beginning, for a whole song and for a passage of it alike."""

    def fits(part: str) -> bool:
        texts = (prompt_text(part, conditions, instruction=instruction) for instruction in (GENERATE, REPAINT))
        return all(count(text) <= MAX_PROMPT_TOKENS for text in texts)

    if fits(caption):
        return caption
    words_end = [match.end() for match in re.finditer(r"\S+", caption)]
    if kept := _longest(words_end, lambda end: fits(caption[:end])):
        return caption[:kept].rstrip(",;: ")
    return caption[: _longest(list(range(1, len(caption) + 1)), lambda end: fits(caption[:end]))]


def song_lyrics(lyrics: Lyrics, language: str, count: Count) -> str:
    """The lyrics of a song as they are tokenised. Raises TooLong."""
    rows = lyrics_rows(lyrics)
    text = lyric_text(text_of(rows), language)
    if (tokens := count(text)) <= MAX_LYRIC_TOKENS:
        return text
    fitting = _longest(
        list(range(1, len(rows) + 1)),
        lambda end: count(lyric_text(text_of(rows[:end]), language)) <= MAX_LYRIC_TOKENS,
    )
    raise TooLong(tokens, rows[fitting].line)


def special_mark(text: str) -> str | None:
    """The first mark in a text that the tokenizer would not read as words."""
    match = _SPECIAL.search(text)
    return match[0] if match else None


def _longest(ends: list[int], fits: Callable[[int], bool]) -> int:
    """The greatest of these increasing ends that fits, by bisection; 0 where none does."""
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(ends[middle - 1]) else (low, middle - 1)
    return ends[low - 1] if low else 0
