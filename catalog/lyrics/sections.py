"""Section marks such as ``[Verse 1]``, ``[chorus]`` and ``(Bridge)``: recognised, and named by their kind."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from catalog.common.text import INVISIBLE
from catalog.lyrics.stamps import visible

SectionKind = Literal[
    "intro", "verse", "pre-chorus", "chorus", "post-chorus", "hook", "bridge", "instrumental", "solo", "break", "build",
    "drop", "rap", "spoken", "outro",
]  # fmt: skip

MAX_LABEL_CHARACTERS = 80

_POINTS = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0640\u064b-\u0652]")
"""Accents, vowel points of Hebrew and Arabic, and the stroke that stretches an Arabic word."""
_UNSEEN = {ord(character): " " if character.isspace() else None for character in INVISIBLE}


def _plain(text: str) -> str:
    """Lower case, without accents, vowel points and invisible characters such as marks of direction."""
    joined = text.replace("\u200c", " ")  # Persian joins two words with it
    bare = _POINTS.sub("", unicodedata.normalize("NFD", joined.translate(_UNSEEN)).casefold())
    return unicodedata.normalize("NFC", bare)


_WORDS: Mapping[SectionKind, str] = {
    "intro": "intro introduction einleitung introduccion introdução introduzione inledning johdanto úvod uvod bevezető "
    "εισαγωγή вступление вступ увод giriş mở_đầu 前奏 イントロ 인트로 פתיחה מבוא مقدمة المقدمة مقدمه परिचय",
    "verse": "verse vers strophe couplet verso estrofa strofa strofă zwrotka sloka säkeistö versszak κουπλέ στροφή "
    "куплет строфа taludtod ubeti phiên_khúc 主歌 verse段 aメロ 절 bait בית הבית مقطع المقطع كوبليه الكوبليه بند "
    "अंतरा अन्तरा छंद पद অন্তরা স্তবক சரணம் చరణం ท่อนเวิร์ส",
    "pre-chorus": "pre-chorus prechorus pre-refrain pre-estribillo pre-refrão pre-hook 导歌 bメロ קדם-פזמון "
    "அனுபல்லவி అనుపల్లవి",
    "chorus": "chorus refrain refrein estribillo coro refrão ritornello refren refreng refräng omkvæd "
    "kertosäe tornada ρεφρέν припев приспів рефрен nakarat koro kiitikio korus điệp_khúc 副歌 サビ 후렴 פזמון הפזמון "
    "פזמון_חוזר لازمة اللازمة كورس الكورس مذهب المذهب ترجیع ترجیع_بند मुखड़ा स्थायी टेक कोरस স্থায়ী মুখড়া பல்லவி "
    "పల్లవి ท่อนคอรัส",
    "post-chorus": "post-chorus postchorus post-refrain",
    "hook": "hook ท่อนฮุก",
    "bridge": "bridge brücke pont puente ponte most brug brygga punte γέφυρα мост міст tulay daraja cầu_nối 桥段 间桥 "
    "ブリッジ 브릿지 köprü jembatan jambatan גשר הגשר جسر الجسر सेतु ब्रिज",
    "instrumental": "instrumental interlude zwischenspiel interludio interlúdio mellanspel välisoitto mezihra közjáték "
    "интерлюдия інтерлюдія 间奏 間奏 간주 מעבר فاصل الفاصل موسيقى संगीत",
    "solo": "solo соло σόλο סולו صولو سولو सोलो",
    "break": "break breakdown",
    "build": "build build-up buildup",
    "drop": "drop",
    "rap": "rap ראפ راب रैप",
    "spoken": "spoken spoken-word",
    "outro": "outro ending end coda fade-out schluss final finale salida slut loppu závěr kết_thúc 尾奏 アウトロ "
    "아웃트로 кода סיום خاتمة الخاتمة समापन",
}
"""By kind, words that name it; ``_`` stands between those of a name of two words."""
_KIND_OF: Mapping[str, SectionKind] = MappingProxyType(
    {_plain(word).replace("_", " "): kind for kind, words in _WORDS.items() for word in words.split()}
)
PLAYED: frozenset[SectionKind] = frozenset({"intro", "instrumental", "solo", "break", "build", "drop", "outro"})
"""Kinds of sections that may well have no words."""
_IN_PARENTHESES = frozenset({"intro", "verse", "pre-chorus", "chorus", "post-chorus", "bridge", "outro"})
"""Kinds that are marks in parentheses too: there other words are more often sung by a second voice."""
_AMBIGUOUS = frozenset(
    (
        *("end", "ending", "final", "finale", "coro", "most", "pont", "coda", "bait", "koro", "slut", "loppu"),
        *("בית", "הבית", "גשר", "הגשר", "جسر", "الجسر", "مقطع", "مذهب", "بند", "पद", "टेक", "सेतु"),
    )
)
"""Words that may be sung where they stand in parentheses."""

_QUALIFIERS = re.compile(r"(?:\s+[-–—]|\s*[:,|(–—]|\s+[x×]\s?\d).*", re.DOTALL)
_NUMBER = re.compile(r"(?:\d{1,2}|[ivx]{1,4}|[a-d]|[א-ת]['׳]?)", re.IGNORECASE)
_ORDINALS = frozenset(
    (
        *("ראשון", "שני", "שלישי", "רביעי", "אחרון", "الاول", "الأول", "الثاني", "الثالث", "الرابع", "الأخير"),
        *("اول", "دوم", "سوم", "چهارم", "آخر"),
    )
)
"""Words for a number that stand after the name of a section."""
_HYPHENATED = re.compile(r"\b(pre|post|build|fade|spoken)[ -](?=\w)")
_MOST_WORDS = 3
_BRACKETS = re.compile(r"\[([^\[\]]+)\]\s*(.*)", re.DOTALL)
_BEFORE_WORDS = re.compile(r"(?:\(([^()]+)\)|([^()\[\]:]+):)\s*\w")
_PARENTHESES = re.compile(r"\(([^()]+)\)|([^()\[\]:]+):")


def section_kind(label: str) -> SectionKind | None:
    """The kind of section that a label names, None where it names none.

    The last word before a qualifier counts, a number aside: "Verse 2", "Final Chorus", "Guitar solo - quiet" and
    "Refrain x2" are labels, a sentence that holds such a word is not. Words of some thirty languages are known.
    """
    words = _words(label)
    if not words or len(words) > _MOST_WORDS:
        return None
    return _KIND_OF.get(" ".join(words[-2:])) or _KIND_OF.get(words[-1])


def bracketed_mark(text: str) -> tuple[str, str] | None:
    """The label of a section mark in brackets at the start of a line and the words after it; None without one."""
    match = _BRACKETS.fullmatch(text)
    if match is None or len(match[1]) > MAX_LABEL_CHARACTERS or section_kind(match[1]) is None:
        return None
    return visible(" ".join(match[1].split())), match[2]


def spelled_mark(text: str) -> str | None:
    """The label of a mark that is written ``(Bridge)`` or ``Verse 2:`` and has its line to itself; None without one."""
    match = _PARENTHESES.fullmatch(text)
    if match is None:
        return None
    label = " ".join((match[1] or match[2]).split())
    words = _words(label)
    is_mark = section_kind(label) in _IN_PARENTHESES and len(words) == 1 and words[0] not in _AMBIGUOUS
    return label if is_mark and _QUALIFIERS.sub("", label) == label else None


def leading_mark(text: str) -> str | None:
    """The label of a mark that is written ``Chorus:`` or ``(Chorus)`` before words on its line; None without one."""
    match = _BEFORE_WORDS.match(text)
    return spelled_mark(f"{match[1] or match[2]}:") if match else None


def without_number(label: str) -> str:
    """A label without the number at its end: "Verse 2" is Verse."""
    words = label.split()
    return " ".join(words[:-1] if len(words) > 1 and _NUMBER.fullmatch(words[-1]) else words)


def _words(label: str) -> list[str]:
    """The words of a label before its qualifier, plain, without a number at the end."""
    lowered = _plain(label).strip()
    words = _QUALIFIERS.sub("", _HYPHENATED.sub(r"\1-", lowered)).split()
    is_numbered = len(words) > 1 and (_NUMBER.fullmatch(words[-1]) or words[-1] in _ORDINALS)
    return words[:-1] if is_numbered else words
