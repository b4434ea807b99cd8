"""espeak-ng of ``espeakng-loader`` through its C interface: the phones of a text, and a spoken line with their times.

The library keeps its state in the process and must not be initialised twice, so phones are read by one instance behind
a lock, and the lines of a song are spoken by one process, each in a child of its own.
Header: ``speak_lib.h`` of espeak-ng 1.52.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn, TypeVar

from catalog.common.errors import MachineError

LONGEST_PATH = 140
"""espeak-ng cuts longer paths of its data folder."""

SYNCHRONOUS, PHONEME_EVENTS = 2, 3
"""Output mode of ``espeak_Initialize``, and its options for phones in IPA among the events."""

UTF8, PHONES_IN_IPA = 1, 0x02 | 0x01 << 4 | ord("_") << 8
"""Text mode; phoneme mode with ``_`` between phones."""

SPEED, PITCH, RANGE = 1, 3, 4
EVENT_END, EVENT_PHONEME = 0, 7
BUFFER_BYTES = 1 << 16
SONGS_KEPT = 4
LONGEST_S = 60.0
"""A line is spoken in a tenth of a second; one that takes so long never ends."""

_LOCK = Lock()
_KEPT: list[tempfile.TemporaryDirectory[str]] = []
"""Folders that are removed when the process ends."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """A line as espeak-ng speaks it: 16-bit mono samples as bytes, rate in Hz, phones with their first sample."""

    samples: bytes
    rate_hz: int
    phones: tuple[tuple[str, int], ...]


class _Event(ctypes.Structure):
    """``espeak_EVENT``; ``text`` is the union's string, not always ended by a zero."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("text", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(slots=True)
class _Capture:
    """What the callback of a synthesis has received."""

    samples: bytearray = field(default_factory=bytearray)
    phones: list[tuple[str, int]] = field(default_factory=list)

    def receive(self, wave: Any, count: int, events: Any) -> int:
        """Keep one buffer and the phones of its events; 0 asks espeak-ng to go on."""
        if count > 0 and wave:
            self.samples += ctypes.string_at(wave, 2 * count)
        index = 0
        while events and events[index].type != EVENT_END:
            if events[index].type == EVENT_PHONEME:
                phone = bytes(events[index].text).decode("utf-8", errors="ignore")
                self.phones.append((phone, events[index].sample))
            index += 1
        return 0


class _Library:
    """The initialised library; its methods are called with the lock held."""

    def __init__(self) -> None:
        try:
            self._functions, folder = _loaded()
            self.rate_hz = int(self._functions.espeak_Initialize(SYNCHRONOUS, 0, str(folder).encode(), PHONEME_EVENTS))
        except (ImportError, OSError) as error:
            raise _does_not_start(str(error)) from error
        if self.rate_hz <= 0:
            raise _does_not_start("it cannot read its data")
        self._functions.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._capture = _Capture()
        self._callback = _Callback(lambda wave, count, events: self._capture.receive(wave, count, events))
        self._functions.espeak_SetSynthCallback(self._callback)

    def choose(self, name: str) -> bool:
        """Select a voice by its language; False where espeak-ng has none."""
        return int(self._functions.espeak_SetVoiceByName(name.encode())) == 0

    def phones(self, text: str) -> str:
        """Phones in IPA, ``_`` between them, spaces between words."""
        rest = ctypes.c_char_p(text.encode())
        clauses = []
        while rest.value:
            clause = self._functions.espeak_TextToPhonemes(ctypes.byref(rest), UTF8, PHONES_IN_IPA)
            clauses.append((clause or b"").decode())
        return " ".join(clauses)

    def speak(self, text: str, *, words_per_minute: int, pitch: int) -> SpokenLine:
        """Speak a text on one tone; ``pitch`` 0 to 100."""
        self._capture = _Capture()
        for parameter, value in ((SPEED, words_per_minute), (PITCH, pitch), (RANGE, 0)):
            self._functions.espeak_SetParameter(parameter, value, 0)
        data = text.encode()
        self._functions.espeak_Synth(data, len(data) + 1, 0, 0, 0, UTF8, None, None)
        return SpokenLine(bytes(self._capture.samples), self.rate_hz, tuple(self._capture.phones))


def espeak_phones(text: str, language: str) -> str:
    """The phones of a text in IPA with stress marks, ``_`` between phones, spaces between words."""
    return _with_voice(language, lambda library: library.phones(text))


@lru_cache(maxsize=SONGS_KEPT)
def espeak_spoken(
    texts: tuple[str, ...], language: str, *, words_per_minute: int = 130, pitch: int = 50
) -> tuple[SpokenLine, ...]:
    """Texts spoken on one tone, each in a process of its own, so that the same text always gives the same samples.

    espeak-ng carries the state of its oscillators from text to text, and cannot be initialised twice in a process: one
    process loads it and has a child for each text. Raises MachineError where one fails or takes longer than
    :data:`LONGEST_S`.
    """
    common = {"language": language, "words_per_minute": words_per_minute, "pitch": pitch}
    requests = json.dumps([{"text": text, **common} for text in texts])
    command = [sys.executable, "-P", "-m", __name__]
    limit_s = LONGEST_S + len(texts)
    try:
        done = subprocess.run(command, input=requests.encode(), capture_output=True, check=False, timeout=limit_s)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _does_not_start(str(error)) from error
    if done.returncode:
        raise _does_not_start(done.stderr.decode(errors="replace").strip()[-200:] or f"exit code {done.returncode}")
    return tuple(_read(answer) for answer in json.loads(done.stdout))


def _read(answer: Mapping[str, Any]) -> SpokenLine:
    phones = tuple((str(phone), int(at)) for phone, at in answer["phones"])
    return SpokenLine(base64.b64decode(answer["samples"]), int(answer["rate_hz"]), phones)


def _speak_here(text: str, language: str, words_per_minute: int, pitch: int) -> SpokenLine:
    return _with_voice(language, lambda library: library.speak(text, words_per_minute=words_per_minute, pitch=pitch))


def espeak_package() -> str:
    """The version of the package that carries espeak-ng and its data."""
    return version("espeakng-loader")


def _with_voice(language: str, call: Callable[[_Library], Result]) -> Result:
    with _LOCK:
        library = _library()
        for name in _voices(language):
            if library.choose(name):
                return call(library)
        library.choose("en-us")
        return call(library)


def _voices(language: str) -> tuple[str, ...]:
    """The names to try for a language tag: its own, then its language without a region."""
    tag = language.lower().replace("_", "-")
    primary = tag.partition("-")[0]
    known = {"en": "en-us", "zh": "cmn", "no": "nb", "pt": "pt-br" if tag == "pt-br" else "pt"}
    named = (known[primary],) if primary in known else (tag, primary)
    return named if tag != "zh-hk" else ("yue",)


@cache
def _library() -> _Library:
    return _Library()


@cache
def _loaded() -> tuple[ctypes.CDLL, Path]:
    """The library's functions, not yet initialised, and its data folder."""
    import espeakng_loader

    return ctypes.CDLL(espeakng_loader.get_library_path()), _short_path(Path(espeakng_loader.get_data_path()))


def _short_path(folder: Path) -> Path:
    """The data folder, through a link in a short temporary folder where its own path is too long."""
    if len(str(folder)) <= LONGEST_PATH:
        return folder
    temporary = tempfile.TemporaryDirectory(prefix="espeak-")
    _KEPT.append(temporary)
    link = Path(temporary.name) / "espeak-ng-data"
    link.symlink_to(folder)
    return link


def _does_not_start(reason: str) -> MachineError:
    return MachineError(
        f"espeak-ng of espeakng-loader does not start: {reason}", remedy="Install the package espeakng-loader again"
    )


def _answer() -> None:
    """Speak the requests on standard input, each in a child of this process, and write the answers to standard
    output."""
    try:
        _loaded()
    except (ImportError, OSError) as error:
        sys.exit(str(error))
    json.dump([_in_child(request) for request in json.load(sys.stdin)], sys.stdout)


def _in_child(request: Mapping[str, Any]) -> Any:
    """The answer to a request, from a process that ends with it."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _answer_and_end(request, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"the process that speaks a line ended with status {status}")
    return json.loads(text)


def _answer_and_end(request: Mapping[str, Any], writing: int) -> NoReturn:
    """Speak a request, write its answer to a pipe, and end this process; where it takes too long a signal ends it."""
    status = 1
    try:
        signal.alarm(round(LONGEST_S))
        line = _speak_here(**request)
        samples = base64.b64encode(line.samples).decode()
        with os.fdopen(writing, "w") as pipe:
            json.dump({"samples": samples, "rate_hz": line.rate_hz, "phones": line.phones}, pipe)
        status = 0
    except Exception:  # this process must not go on as a copy of its parent: whatever it is, it is told, and ends it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _answer()
