"""The parts of a text that are placed in a song: stanzas with the kind of their section, and marks without words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.sections import SectionKind, section_kind
from catalog.lyrics.syllables import count_syllables


@dataclass(frozen=True, slots=True)
class Block:
    """A stanza, or a section without words, whose only line is its mark.

    ``syllables`` has a number for each line, at least 1, and none for a section without words. ``opens`` is False for
    a stanza that goes on with the section of the one before it.
    """

    kind: SectionKind
    lines: tuple[LyricLine, ...]
    syllables: tuple[int, ...]
    opens: bool = True

    @property
    def is_sung(self) -> bool:
        """Whether the block has words."""
        return bool(self.syllables)


def blocks_of(lyrics: Lyrics, language: str) -> tuple[Block, ...]:
    """The blocks of lyrics without times, in order.

    A stanza without a mark belongs to the section before it, unless the song begins without a mark: then each such
    stanza is a chorus where its words come again, and a verse where they do not, and is marked as that where a mark
    stands before it.
    """
    stanzas = _stanzas(lyrics.lines)
    counts = Counter(_words(stanza) for stanza in stanzas)
    marks_all = bool(stanzas) and bool(stanzas[0][0].section)
    blocks: list[Block] = []
    for stanza in stanzas:
        label = stanza[0].section
        continues = bool(blocks) and not label and marks_all
        if continues:
            kind = blocks[-1].kind
        elif label:
            kind = section_kind(label) or "verse"
        else:
            kind = "chorus" if counts[_words(stanza)] > 1 else "verse"
        if not label and not continues and any(block.lines[0].section for block in blocks):
            stanza = (replace(stanza[0], section=kind.capitalize()), *stanza[1:])
        syllables = tuple(max(1, count_syllables(line.text, language)) for line in stanza if line.text)
        blocks.append(Block(kind, stanza, syllables, opens=not continues))
    return tuple(blocks)


def _stanzas(lines: Sequence[LyricLine]) -> list[tuple[LyricLine, ...]]:
    """Runs of lines between empty lines and before marks; a mark that has a line to itself joins the words after it."""
    stanzas: list[tuple[LyricLine, ...]] = []
    for is_empty, run in groupby(lines, key=lambda line: not (line.text or line.section)):
        if is_empty:
            continue
        stanza: list[LyricLine] = []
        for line in run:
            if line.section and stanza:
                stanzas.append(tuple(stanza))
                stanza = []
            if stanza and not stanza[-1].text:
                stanza[-1] = replace(line, section=stanza[-1].section)
            else:
                stanza.append(line)
        stanzas.append(tuple(stanza))
    return stanzas


def _words(stanza: Sequence[LyricLine]) -> str:
    """The letters and digits of a stanza, by which its return is recognised; its mark does not count."""
    text = " ".join(line.text for line in stanza).casefold()
    return " ".join("".join(character if character.isalnum() else " " for character in text).split())
