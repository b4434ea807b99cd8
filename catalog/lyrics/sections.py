"""Section marks such as ``[Verse 1]``, ``[chorus]`` and ``(Bridge)``: recognised, and named by their kind."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

SectionKind = Literal[
    "intro", "verse", "pre-chorus", "chorus", "post-chorus", "hook", "bridge", "instrumental", "solo", "break", "build",
    "drop", "rap", "spoken", "outro",
]  # fmt: skip

MAX_LABEL_CHARACTERS = 80

_WORDS: Mapping[SectionKind, str] = {
    "intro": "intro introduction einleitung introduccion introducao introduzione 前奏 イントロ 인트로 вступление",
    "verse": "verse strophe couplet verso estrofa strofa zwrotka куплет 主歌 verse段 aメロ 절 bait",
    "pre-chorus": "pre-chorus prechorus pre-refrain pre-estribillo pre-refrao 导歌 pre-hook bメロ",
    "chorus": "chorus refrain refrein estribillo coro refrão ritornello refren припев 副歌 サビ 후렴 nakarat",
    "post-chorus": "post-chorus postchorus post-refrain",
    "hook": "hook",
    "bridge": "bridge brücke pont puente ponte most мост 桥段 间桥 ブリッジ 브릿지 köprü jembatan",
    "instrumental": "instrumental interlude zwischenspiel interludio interlúdio интерлюдия 间奏 間奏 간주",
    "solo": "solo соло",
    "break": "break breakdown",
    "build": "build build-up buildup",
    "drop": "drop",
    "rap": "rap",
    "spoken": "spoken spoken-word",
    "outro": "outro ending end coda fade-out schluss final finale salida 尾奏 アウトロ 아웃트로 кода",
}
_KIND_OF: Mapping[str, SectionKind] = MappingProxyType(
    {unicodedata.normalize("NFC", word): kind for kind, words in _WORDS.items() for word in words.split()}
)
PLAYED: frozenset[SectionKind] = frozenset({"intro", "instrumental", "solo", "break", "build", "drop", "outro"})
"""Kinds of sections that may well have no words."""
_IN_PARENTHESES = frozenset({"intro", "verse", "pre-chorus", "chorus", "post-chorus", "bridge", "outro"})
"""Kinds that are marks in parentheses too: there other words are more often sung by a second voice."""
_AMBIGUOUS = frozenset({"end", "ending", "final", "finale", "coro", "most", "pont", "coda"})
"""Words that may be sung where they stand in parentheses."""

_QUALIFIERS = re.compile(r"(?:\s+[-–—]|\s*[:,|(–—]|\s+[x×]\s?\d).*", re.DOTALL)
_NUMBER = re.compile(r"(?:\d{1,2}|[ivx]{1,4}|[a-d])", re.IGNORECASE)
_HYPHENATED = re.compile(r"\b(pre|post|build|fade|spoken)[ -](?=\w)")
_MOST_WORDS = 3
_BRACKETS = re.compile(r"\[([^\[\]]+)\]\s*(.*)", re.DOTALL)
_PARENTHESES = re.compile(r"\(([^()]+)\)|([^()\[\]:]+):")


def section_kind(label: str) -> SectionKind | None:
    """The kind of section that a label names, None where it names none.

    The last word before a qualifier counts, a number aside: "Verse 2", "Final Chorus", "Guitar solo - quiet" and
    "Refrain x2" are labels, a sentence that holds such a word is not. Words of a dozen languages are known.
    """
    words = _words(label)
    if not words or len(words) > _MOST_WORDS:
        return None
    return _KIND_OF.get(words[-1])


def bracketed_mark(text: str) -> tuple[str, str] | None:
    """The label of a section mark in brackets at the start of a line and the words after it; None without one."""
    match = _BRACKETS.fullmatch(text)
    if match is None or len(match[1]) > MAX_LABEL_CHARACTERS or section_kind(match[1]) is None:
        return None
    return " ".join(match[1].split()), match[2]


def spelled_mark(text: str) -> str | None:
    """The label of a mark that is written ``(Bridge)`` or ``Verse 2:`` and has its line to itself; None without one."""
    match = _PARENTHESES.fullmatch(text)
    if match is None:
        return None
    label = " ".join((match[1] or match[2]).split())
    words = _words(label)
    is_mark = section_kind(label) in _IN_PARENTHESES and len(words) == 1 and words[0] not in _AMBIGUOUS
    return label if is_mark and _QUALIFIERS.sub("", label) == label else None


def _words(label: str) -> list[str]:
    """The words of a label before its qualifier, in lower case, without a number at the end."""
    lowered = unicodedata.normalize("NFC", label).casefold().strip()
    words = _QUALIFIERS.sub("", _HYPHENATED.sub(r"\1-", lowered)).split()
    return words[:-1] if len(words) > 1 and _NUMBER.fullmatch(words[-1]) else words
