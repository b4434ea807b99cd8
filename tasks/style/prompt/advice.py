"""Advice on prompts: the topics that one leaves out, and the text that is embedded in the end.

MuQ-MuLan was trained on descriptions that name genre, mood, instruments, voice and tempo. Topics that a prompt leaves
open are chosen by the model, differently for every seed.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from catalog.album.tempo_and_key import bpm_from_prompt, key_from_prompt
from catalog.common.text import listed
from tasks.style.prompt.vocabulary import NO_INSTRUMENTS, WORDS

_CHINESE_BPM = re.compile(r"(?<![0-9.])[0-9]{2,3}(?:\.[0-9]+)?\s*(?:bpm|拍)", re.IGNORECASE)
_CHINESE_KEY = re.compile(r"[A-Ga-g]\s*(?:[#♯♭b]|升|降)?\s*(?:大调|小调)")
"""Written directly against Chinese characters, where there is no word boundary."""


def unstated_topics(prompt: str) -> tuple[str, ...]:
    """Which of genre, tempo, instruments, vocal and mood a prompt does not mention, in this order.

    Matched by words, English and Chinese; a tempo in BPM counts as one. "Instrumental" states the vocal.
    """
    text = _plain(prompt)
    return tuple(topic for topic in WORDS if not _says(topic, text))


def advice(prompt: str, *, is_sung: bool = True) -> str | None:
    """The topics to add to a prompt, in one finished sentence; None where it has all.

    Give it the :func:`embedded_text` of a song whose tempo is in a field of its own. One that is not sung (``is_sung``)
    must say that it is instrumental, since the engines know it from the prompt alone.
    """
    missing_topics = unstated_topics(prompt)
    if not is_sung and "vocal" in missing_topics:
        return 'The prompt does not say "instrumental", so a model that sings may add a voice.'
    if not missing_topics:
        return None
    pronoun = "it" if len(missing_topics) == 1 else "them"
    return f"The prompt does not say {listed(missing_topics, 'or')}, so the model will choose {pronoun} for each seed."


def embedded_text(prompt: str, *, bpm: float | None, key: str | None) -> str:
    """The text that is embedded: the prompt as written, with the song's tempo and key where it leaves them out."""
    phrases = [prompt.strip()] if prompt.strip() else []
    if bpm is not None and not _says_bpm(prompt):
        phrases.append(f"{round(bpm, 3):g} BPM")
    if key is not None and not _says_key(prompt):
        phrases.append(key)
    return ", ".join(phrases)


def _says(topic: str, text: str) -> bool:
    if topic == "tempo" and _says_bpm(text):
        return True
    if topic == "instruments":
        text = _pattern(NO_INSTRUMENTS).sub(" ", text)
    return _pattern(WORDS[topic]).search(text) is not None


def _says_bpm(prompt: str) -> bool:
    return bpm_from_prompt(prompt) is not None or _CHINESE_BPM.search(prompt) is not None


def _says_key(prompt: str) -> bool:
    return key_from_prompt(prompt) is not None or _CHINESE_KEY.search(prompt) is not None


def _plain(prompt: str) -> str:
    """Lower case, one kind of width, spaces for hyphens and breaks."""
    folded_text = unicodedata.normalize("NFKC", prompt).casefold()
    return re.sub(r"[\s‐-―_/-]+", " ", folded_text)


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the words: Latin ones between word boundaries and in the plural too, Chinese ones anywhere.

    Compiled at the first use: that takes too long for most commands.
    """
    sorted_words = sorted(words, key=len, reverse=True)
    latin_words = "|".join(re.escape(word) for word in sorted_words if word.isascii())
    other_words = "|".join(re.escape(word) for word in sorted_words if not word.isascii())
    latin_pattern = rf"(?<![a-z0-9])(?:{latin_words})(?:e?s)?(?![a-z0-9])"
    return re.compile(f"{latin_pattern}|{other_words}" if other_words else latin_pattern)
