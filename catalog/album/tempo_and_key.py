"""Parses keys and tempos as users write them into one canonical form."""

from __future__ import annotations

import re
from typing import Literal

from catalog.common.errors import InputError

Mode = Literal["major", "minor"]

MIN_BPM = 30.0
MAX_BPM = 300.0

_PITCH_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": "", "#": "#", "♯": "#", "sharp": "#", "b": "b", "♭": "b", "flat": "b"}
_MODES: dict[str, Mode] = {
    "": "major",
    "maj": "major",
    "major": "major",
    "m": "minor",
    "min": "minor",
    "minor": "minor",
}

_KEY = re.compile(
    r"(?P<tonic>[A-Ga-g])[ -]?(?P<accidental>[#♯♭b]|(?i:sharp|flat))?[ -]?(?P<mode>(?i:major|minor|maj|min)|m)?"
)
_PROMPT_KEY = re.compile(
    r"""(?<![\w#♯♭'’])
    (?P<introduced>(?i:key\s+of|key\s*[:=]|in)\s+)?
    (?P<tonic>[A-Ga-g])(?:[ -]?(?P<accidental>[#♯♭b]|(?i:sharp|flat)))?
    (?:[ -]?(?P<mode>(?i:major|minor|maj|min))\b(?!-\w)|(?P<short>m)(?!\w))
    (?P<rest>\s*(?:[,;.:/()|\n]|$))?""",
    re.VERBOSE,
)
_STARTS_PHRASE = re.compile(r"(?:^|[,;.:/(|\n])\s*$")
_NOT_AFTER_ARTICLE = re.compile(
    r"\s*(?:keys?|chords?|scale|mode|mood|feel|third|label|hit|lift|tonality|progression)\b", re.IGNORECASE
)
_TEMPO = r"(?<![\w.])(?P<bpm>[0-9]{2,3}(?:\.[0-9]{1,3})?)"
_BPM_AFTER = re.compile(
    rf"(?:(?<![\w.])(?P<low>[0-9]{{2,3}})\s*(?:-|–|to)\s*)?{_TEMPO}[\s-]*(?:bpm\b|beats\s+per\s+minute\b)",
    re.IGNORECASE,
)
_BPM_BEFORE = re.compile(rf"\b(?:bpm|tempo)(?:\s+of)?\s*[:=]?\s*{_TEMPO}(?!\.?\w)", re.IGNORECASE)


def parse_key(text: str) -> str:
    """The canonical form of a key, such as ``A minor``, ``F# major`` or ``Bb minor``; a bare note is major.

    Reads sharps and flats as signs or words and short forms (``F#m``, ``Bb maj``). Raises InputError on anything else.
    """
    match = _KEY.fullmatch(text.strip())
    if match is None:
        raise InputError(f"{text[:40]!r} is not a key", remedy="Write a note and major or minor, such as 'F# minor'")
    return _canonical(match["tonic"], match["accidental"], match["mode"])


def tonic_and_mode(key: str) -> tuple[int, Mode]:
    """The pitch class of a key's tonic (C is 0, B is 11) and its mode. Raises InputError where it is not a key."""
    tonic, mode = parse_key(key).split(" ")
    shift = {"#": 1, "b": -1}.get(tonic[1:], 0)
    return (_PITCH_CLASSES[tonic[0]] + shift) % 12, _MODES[mode]


def key_from_prompt(prompt: str | None) -> str | None:
    """The first key that a prompt states, in canonical form, or None.

    The word "a" is not read as the note: "in a minor key" and "a major hit" state no key. A short form such as ``Am``
    counts with a sign (``F#m``), after "key of", or at the end or as the whole of a phrase ("rock in Em").
    """
    for match in _PROMPT_KEY.finditer(prompt or ""):
        if _states_key(match):
            return _canonical(match["tonic"], match["accidental"], match["mode"] or match["short"])
    return None


def bpm_from_prompt(prompt: str | None) -> float | None:
    """The first tempo that a prompt states ("96 BPM", "tempo: 96"), the middle of a range, or None.

    Tempos outside 30 to 300 BPM are ignored.
    """
    text = prompt or ""
    for match in sorted([*_BPM_AFTER.finditer(text), *_BPM_BEFORE.finditer(text)], key=lambda match: match.start()):
        groups = match.groupdict()
        upper_bpm = float(groups["bpm"])
        bpm = (upper_bpm + float(groups.get("low") or upper_bpm)) / 2
        if MIN_BPM <= bpm <= MAX_BPM:
            return bpm
    return None


def _states_key(match: re.Match[str]) -> bool:
    is_alone = bool(_STARTS_PHRASE.search(match.string[: match.start()])) and match["rest"] is not None
    if match["short"]:
        is_named = (match["introduced"] or "").lower().startswith("key")
        stands_out = is_alone or bool(match["introduced"] and match["rest"] is not None)
        return bool(match["accidental"] or is_named or (stands_out and match["tonic"].isupper()))
    if match["accidental"] or match["tonic"] not in "Aa":
        return True
    if _NOT_AFTER_ARTICLE.match(match.string, match.end()):
        return False
    return match["tonic"] == "A" or is_alone or bool(match["introduced"] and match["rest"] is not None)


def _canonical(tonic: str, accidental: str | None, mode: str | None) -> str:
    return f"{tonic.upper()}{_ACCIDENTALS[(accidental or '').lower()]} {_MODES[(mode or '').lower()]}"
