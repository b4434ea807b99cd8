"""Groups the lines of a song into sections and tells their kinds: by section marks, else by words and gaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from tasks.engines.guide.arrangement.score import Line, SectionKind

SPLIT_FROM_LINES = 7
REFRAINS_OF_A_CHORUS = 3
"""The words that a song begins with are its chorus where they come this often."""

_KINDS: Mapping[str, SectionKind] = {
    "intro": "intro",
    "verse": "verse",
    "rap": "verse",
    "spoken": "verse",
    "pre-chorus": "pre-chorus",
    "build": "pre-chorus",
    "chorus": "chorus",
    "post-chorus": "chorus",
    "hook": "chorus",
    "drop": "chorus",
    "bridge": "bridge",
    "break": "bridge",
    "instrumental": "interlude",
    "solo": "solo",
    "outro": "outro",
}
"""The kinds of sections in lyrics, and what the band plays in them."""


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of one section, from ``start_s`` on; none where an instrument plays. ``kind`` is None until told."""

    start_s: float
    lines: tuple[Line, ...]
    kind: SectionKind | None = None


def groups_of(rows: Sequence[tuple[float, Line | None, str]]) -> list[Group]:
    """The groups of a song's rows: start, line and section mark ("" for none) of each."""
    if any(mark in _KINDS for _, _, mark in rows):
        return _with_known_order(_marked(rows))
    lines = [line for _, line, _ in rows if line is not None]
    if not lines:
        return []
    grouped = _by_gaps(lines)
    return [Group(group[0].start_s, tuple(group), kind) for group, kind in zip(grouped, _kinds(grouped), strict=True)]


def words_of(line: Line) -> str:
    """The words of a line without signs and capitals, by which lines are compared."""
    return " ".join("".join(character if character.isalnum() else " " for character in line.text.casefold()).split())


def _marked(rows: Sequence[tuple[float, Line | None, str]]) -> list[Group]:
    groups: list[tuple[float, list[Line], SectionKind]] = []
    for start_s, line, mark in rows:
        if mark in _KINDS:
            groups.append((start_s, [], _KINDS[mark]))
        elif not groups and line is not None:
            groups.append((start_s, [], "verse"))
        if line is not None:
            groups[-1][1].append(line)
    return [Group(lines[0].start_s if lines else start_s, tuple(lines), kind) for start_s, lines, kind in groups]


def _with_known_order(groups: list[Group]) -> list[Group]:
    """An outro or intro with words is sung as a verse where it does not stand at the end or the beginning."""
    return [
        Group(group.start_s, group.lines, "verse")
        if group.lines and ((group.kind == "intro" and index) or (group.kind == "outro" and index + 1 < len(groups)))
        else group
        for index, group in enumerate(groups)
    ]


def _by_gaps(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines split at long gaps; long stanzas where repeated words begin or end, and in fours."""
    gaps = [next_line.start_s - line.start_s for line, next_line in pairwise(lines)]
    usual_gap = median(gaps) if gaps else 0.0
    refrain = _refrain(lines)
    stanzas: list[list[int]] = [[0]]
    for index, gap in enumerate(gaps):
        if gap > max(1.6 * usual_gap, usual_gap + 2.0):
            stanzas.append([])
        stanzas[-1].append(index + 1)
    groups: list[list[Line]] = []
    for stanza in stanzas:
        pieces: list[list[int]] = [[stanza[0]]]
        for before, index in pairwise(stanza):
            if len(stanza) >= SPLIT_FROM_LINES and refrain[before] != refrain[index]:
                pieces.append([])
            pieces[-1].append(index)
        groups.extend(part for piece in pieces for part in _split([lines[index] for index in piece]))
    return groups


def _split(group: list[Line]) -> list[list[Line]]:
    """Groups of four from a long one; a single remaining line stays with the last four."""
    if len(group) < SPLIT_FROM_LINES:
        return [group]
    cuts = [*range(0, len(group) - 1, 4), len(group)]
    return [group[start:end] for start, end in pairwise(cuts)]


def _refrain(lines: Sequence[Line]) -> list[bool]:
    """Which lines belong to a run of two or more lines whose words recur elsewhere."""
    counts = Counter(words_of(line) for line in lines)
    is_repeated = [counts[words_of(line)] > 1 and bool(words_of(line)) for line in lines]
    return [
        flag and ((is_repeated[max(0, index - 1)] and index > 0) or (index + 1 < len(lines) and is_repeated[index + 1]))
        for index, flag in enumerate(is_repeated)
    ]


def _kinds(groups: Sequence[Sequence[Line]]) -> list[SectionKind]:
    """Verse, pre-chorus, chorus or bridge of each group: by repeated words, else by the customary order."""
    texts = [" / ".join(words_of(line) for line in group) for group in groups]
    repeated = _repeated(groups)
    if not any(repeated):
        inner = [len({words_of(line) for line in group}) < len(group) for group in groups]
        is_told = any(inner) and not all(inner) and not inner[0]
        told: list[SectionKind] = ["chorus" if flag else "verse" for flag in inner]
        return _with_bridge(told if is_told else _customary(len(groups)), texts)
    if all(repeated) and len(set(texts)) == 1:
        return ["chorus"] * len(groups)
    opening = texts[0] if repeated[0] else None
    if opening is not None and not _opens_with_its_chorus(texts, repeated):
        repeated = [flag and text != opening for flag, text in zip(repeated, texts, strict=True)]
        if not any(repeated):
            return _with_middle(["verse"] * len(groups), texts)
    kinds: list[SectionKind] = ["chorus" if flag else "verse" for flag in repeated]
    return _with_bridge(_with_pre_choruses(kinds, texts), texts)


def _opens_with_its_chorus(texts: Sequence[str], repeated: Sequence[bool]) -> bool:
    """Whether the words that a song begins with come often, and more often than any others."""
    counts = Counter(text for text, flag in zip(texts, repeated, strict=True) if flag)
    others = [count for text, count in counts.items() if text != texts[0]]
    return counts[texts[0]] >= REFRAINS_OF_A_CHORUS and counts[texts[0]] > max(others, default=0)


def _repeated(groups: Sequence[Sequence[Line]]) -> list[bool]:
    """Whether half of a group's lines or more come again in another group."""
    counts = Counter(words for group in groups for words in {words_of(line) for line in group})
    return [2 * sum(counts[words_of(line)] > 1 and bool(line.text) for line in group) >= len(group) for group in groups]


def _customary(count: int) -> list[SectionKind]:
    """Verse and chorus in turn, three groups or more ending with a chorus."""
    kinds: list[SectionKind] = ["chorus" if index % 2 else "verse" for index in range(count)]
    if count > 2 and count % 2:
        kinds[-1] = "chorus"
    return kinds


def _with_middle(kinds: list[SectionKind], texts: Sequence[str]) -> list[SectionKind]:
    """In a song of verses whose first comes again at the end, the one before it is the bridge."""
    if len(kinds) >= 3 and texts[-1] == texts[0]:
        kinds[-2] = "bridge"
    return kinds


def _with_pre_choruses(kinds: list[SectionKind], texts: Sequence[str]) -> list[SectionKind]:
    """Of two groups of repeated words that always follow each other, the first is the pre-chorus, or a verse that
    comes again where it does not always follow a verse."""
    followers: dict[str, set[str]] = {}
    after_verses: dict[str, bool] = {}
    for index, text in enumerate(texts):
        if kinds[index] == "chorus":
            followed_by_chorus = index + 1 < len(kinds) and kinds[index + 1] == "chorus"
            followers.setdefault(text, set()).add(texts[index + 1] if followed_by_chorus else "")
            after_verses[text] = after_verses.get(text, True) and index > 0 and kinds[index - 1] == "verse"
    leading = {text for text, after in followers.items() if len(after) == 1 and not after & {"", text}}
    return [
        kind if text not in leading or kind != "chorus" else "pre-chorus" if after_verses[text] else "verse"
        for kind, text in zip(kinds, texts, strict=True)
    ]


def _with_bridge(kinds: list[SectionKind], texts: Sequence[str]) -> list[SectionKind]:
    """The last verse before the last chorus is the bridge where two choruses came before it and its words are new."""
    last_verse = max((index for index, kind in enumerate(kinds) if kind == "verse"), default=0)
    has_enough = kinds[:last_verse].count("chorus") >= 2 or (
        len(kinds) >= 5 and kinds[:last_verse].count("chorus") == 1 and kinds[last_verse - 1] == "verse"
    )
    if has_enough and "chorus" in kinds[last_verse:] and texts[last_verse] not in texts[:last_verse]:
        kinds[last_verse] = "bridge"
    return kinds
