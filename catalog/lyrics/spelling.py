"""Counts the syllables of a word by the vowels in its spelling, in languages that write every vowel.

Each rule is the language's own: in Russian or Turkish each vowel letter is a syllable, in German some pairs are one, in
Spanish an accent divides them. The scripts of India are read by their signs, where a consonant without a vowel sign
has an inherent vowel that may be mute.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

EVERY_VOWEL: Mapping[str, str] = {
    **dict.fromkeys(("ru", "be"), "аеёиіоуыэюя"), "uk": "аеєиіїоуюя", "bg": "аъоуеиюя", "mk": "аеиоу",
    **dict.fromkeys(("sr", "hr", "bs"), "аеиоуaeiou"), **dict.fromkeys(("tr", "az"), "aeıioöuüâîûə"),
    "hu": "aáeéiíoóöőuúüű", "sw": "aeiou", "ka": "აეიოუ", "eo": "aeiou",
}  # fmt: skip
"""Languages in which every vowel letter is a syllable."""

_NUCLEUS: Mapping[str, re.Pattern[str]] = {
    "de": re.compile(r"(?<=^[bg])e(?=e[nhil])|äu|[ae]u|[ae][iy]|ie|aa|ee|oo|[aeiouäöü]|y(?![aeiou])"),
    "nl": re.compile(r"aai|ooi|oei|[ei]eu|aa|ee|oo|uu|oe|ie|[eu]i|[eoa]u|[aeiouáéíóúäëïöü]|y(?![aeiou])"),
    "es": re.compile(r"[iuü]?(?:[aeoáéó]|[íú])(?:[iuü]|y$)?(?![íú])|[iuü]?[aeoáéó]|[íú]|[iuü]+y?|^y$|(?<![aeou])y$"),
}
"""What is one syllable in each language, longest first: diphthongs, doubled letters, single vowels."""

_SYLLABIC_R = frozenset({"sr", "hr", "bs", "mk"})
_BETWEEN_CONSONANTS = re.compile(r"(?<![аеиоуaeiou])[rр](?=[^\Waeiouаеиоу])")
"""The r of "srce", which is a syllable without a vowel."""

_SILENT_U = re.compile(r"(?<=q)u")
_VOWELLESS = frozenset({"ru", "be", "uk", "bg", "mk", "sr", "hr", "bs", "pl", "cs", "sk", "sl"})

INDIC_WORD = re.compile("[\u0900-\u0963\u0970-\u0dff\u200c\u200d]+")
"""A word in a script of India, without its digits and its full stops."""

_VIRAMA = 9
"""The combining class of the sign that takes a consonant's vowel away."""

_NO_VOWEL = ("CHILLU", "KHANDA")
"""In the names of letters that never have a vowel."""

_MUTE_SCRIPTS = ("DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI")
"""Scripts of languages that leave some inherent vowels out when they are spoken."""

_SHORT_VOWELS = re.compile("[\u064b-\u0650]")
VOWEL_POINTS = re.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u0652\u0670]")
"""The points of Hebrew and Arabic, which most texts leave out."""


def spelled_syllables(word: str, language: str) -> int | None:
    """The syllables of a lower-case word in a language given by its code, None where there are no rules for it; 0 where
    it has no vowel of that language."""
    if letters := EVERY_VOWEL.get(language):
        vowels = sum(character in letters for character in word)
        return vowels + (len(_BETWEEN_CONSONANTS.findall(word)) if language in _SYLLABIC_R else 0)
    if nucleus := _NUCLEUS.get(language):
        return len(nucleus.findall(_SILENT_U.sub("", word)))
    return None


def joins_the_next(word: str, language: str) -> bool:
    """Whether a word is a lone consonant of a Slavic language, sung with the word after it."""
    return language in _VOWELLESS and len(word) == 1 and word.lower() in "вкжбсзwzvks"


def pointed_syllables(word: str) -> int:
    """The syllables of an Arabic word by its signs of short vowels, 0 where it is written without them."""
    return len(_SHORT_VOWELS.findall(word))


def indic_syllables(word: str) -> int:
    """The syllables of a word in a script of India: its vowels, written or inherent, less those that are mute."""
    vowels = _vowels(word)
    if vowels and unicodedata.name(word[0], "").startswith(_MUTE_SCRIPTS):
        vowels = _spoken(vowels)
    return max(1, sum(vowel != "" for vowel in vowels))


def _vowels(word: str) -> list[str]:
    """For each letter its vowel: ``written``, ``inherent``, or empty where the virama takes it away."""
    vowels: list[str] = []
    for character in word:
        name, category = unicodedata.name(character, ""), unicodedata.category(character)
        if category == "Lo":
            if any(part in name for part in _NO_VOWEL):
                vowels.append("")
                continue
            is_vowel = re.search(r"LETTER (?:VOCALIC |SHORT |CANDRA )?[AEIOU]{1,2}(?: |$)", name) is not None
            vowels.append("written" if is_vowel else "inherent")
        elif vowels and unicodedata.combining(character) == _VIRAMA:
            vowels[-1] = ""
        elif vowels and " VOWEL SIGN " in name:
            vowels[-1] = "written"
    return vowels


def _spoken(vowels: list[str]) -> list[str]:
    """The vowels without the mute ones: an inherent vowel at the end, and one between two that are spoken.

    The rule of Ohala (Aspects of Hindi Phonology, 1983, chapter 5): it falls silent in VC_CV, from right to left.
    """
    spoken = list(vowels)
    if len(spoken) > 1 and spoken[-1] == "inherent":
        spoken[-1] = ""
    for index in range(len(spoken) - 2, 0, -1):
        if spoken[index] == "inherent" and spoken[index - 1] and spoken[index + 1]:
            spoken[index] = ""
    return spoken
