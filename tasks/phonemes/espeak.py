"""espeak-ng from ``espeakng-loader``, through phonemizer: one backend per voice for the life of the process."""

from __future__ import annotations

import logging
import re
from functools import cache
from threading import Lock
from typing import Any

from catalog.common.errors import MachineError
from tasks.phonemes.symbols.packages import package
from tasks.phonemes.symbols.vocabulary import MARKS

ENGLISH = "en-us"

_LOCK = Lock()
"""espeak-ng keeps its state in the library, so one line is read at a time."""

_BETWEEN_PHONES = re.compile(r"[| ]+")


def phonemised(text: str) -> str:
    """The phones of an English text: ``|`` between phones, ``|_|`` between words, marks at their place."""
    separator = package("phonemizer.separator").Separator(word="|_|", syllable="-", phone="|")
    with _LOCK:
        return "".join(_backend(ENGLISH).phonemize([text], separator=separator, strip=True, njobs=1))


def phones_by_voice(text: str, voice: str) -> tuple[str, ...]:
    """The phones of a text as a voice of espeak-ng reads it, without stress, marks and gaps between words."""
    separator = package("phonemizer.separator").Separator(word=" ", syllable=None, phone="|")
    with _LOCK:
        lines = _backend(voice).phonemize(text.splitlines(), separator=separator, strip=True, njobs=1)
    return tuple(phone for line in lines for phone in _BETWEEN_PHONES.split(line) if phone)


@cache
def espeak_version() -> str:
    """The version of the espeak-ng in use, such as ``1.52.0``; read once, since phonemizer loads a library for it."""
    with _LOCK:
        return ".".join(str(part) for part in _backend(ENGLISH).version())


@cache
def _backend(voice: str) -> Any:
    loader = package("espeakng_loader")
    wrapper = package("phonemizer.backend.espeak.wrapper").EspeakWrapper
    wrapper.set_library(loader.get_library_path())
    try:
        wrapper.set_data_path(loader.get_data_path())
        return package("phonemizer.backend").EspeakBackend(
            voice,
            punctuation_marks=MARKS if voice == ENGLISH else _default_marks(),
            preserve_punctuation=voice == ENGLISH,
            with_stress=False,
            tie=False,
            language_switch="remove-flags",
            words_mismatch="ignore",
            logger=_silent_logger(),
        )
    except (RuntimeError, OSError) as error:
        problem = f"espeak-ng of espeakng-loader does not start: {error}"
        raise MachineError(problem, remedy="Install espeakng-loader again, in a folder with a short path") from error


def _default_marks() -> str:
    """phonemizer's marks of all scripts, at which espeak-ng only pauses."""
    marks: str = package("phonemizer.punctuation").Punctuation.default_marks()
    return marks


def _silent_logger() -> logging.Logger:
    """A silent logger: phonemizer would log words in other languages, which the lyrics' own notes report."""
    logger = logging.getLogger("songline.espeak")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    logger.setLevel(logging.CRITICAL)
    return logger
