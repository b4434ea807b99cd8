"""espeak-ng from ``espeakng-loader``, through phonemizer: one backend for the life of the process."""

from __future__ import annotations

import logging
from functools import cache
from threading import Lock
from typing import Any

from catalog.common.errors import MachineError
from tasks.phonemes.symbols.packages import package
from tasks.phonemes.symbols.vocabulary import MARKS

_LOCK = Lock()
"""espeak-ng keeps its state in the library, so one line is read at a time."""


def phonemised(text: str) -> str:
    """The phones of an English text: ``|`` between phones, ``|_|`` between words, marks at their place."""
    separator = package("phonemizer.separator").Separator(word="|_|", syllable="-", phone="|")
    with _LOCK:
        return "".join(_backend().phonemize([text], separator=separator, strip=True, njobs=1))


@cache
def espeak_version() -> str:
    """The version of the espeak-ng in use, such as ``1.52.0``; read once, since phonemizer loads a library for it."""
    with _LOCK:
        return ".".join(str(part) for part in _backend().version())


@cache
def _backend() -> Any:
    loader = package("espeakng_loader")
    wrapper = package("phonemizer.backend.espeak.wrapper").EspeakWrapper
    wrapper.set_library(loader.get_library_path())
    try:
        wrapper.set_data_path(loader.get_data_path())
        return package("phonemizer.backend").EspeakBackend(
            "en-us",
            punctuation_marks=MARKS,
            preserve_punctuation=True,
            with_stress=False,
            tie=False,
            language_switch="remove-flags",
            words_mismatch="ignore",
            logger=_silent_logger(),
        )
    except (RuntimeError, OSError) as error:
        problem = f"espeak-ng of espeakng-loader does not start: {error}"
        raise MachineError(problem, remedy="Install espeakng-loader again, in a folder with a short path") from error


def _silent_logger() -> logging.Logger:
    """A silent logger: phonemizer would log words in other languages, which the lyrics' own notes report."""
    logger = logging.getLogger("songline.espeak")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    logger.setLevel(logging.CRITICAL)
    return logger
