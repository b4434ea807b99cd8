"""Standard output and error for all code of this process. Errors of a terminal, a pipe or a full disk do not end the
work, every character can be written, and foreign text cannot control the terminal."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Any, TextIO

from catalog.common.text import visible

HANDLER = "songline"
_ASCII = {
    "…": "...", "·": "-", "–": "-", "—": "-", "−": "-", "×": "x", "→": "->", "←": "<-", "≥": ">=", "≤": "<=", "✓": "+",
    "✗": "x", "‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "•": "*", "°": " deg", "±": "+/-", "\u00a0": " ",
    "━": "-", "╸": "-", "╺": "-", "─": "-", "│": "|", "├": "+", "└": "+",
}  # fmt: skip
"""Replacements for Songline's own symbols where the terminal cannot show them."""
_STYLES = re.compile(r"(\x1b\[[0-9;]*m)")
_ALLOWED_STYLE = re.compile(r"\x1b\[(?:(?:0|1|3[0-79]|9[0-7])?(?:;(?!m)|(?=m)))*m")
"""Foreground colours and bold (SGR, ECMA-48): the only sequences allowed in text from other code than Songline's
console. Other styles are dropped: one hides text (8), another swaps the colours (7)."""
RESOURCE_TRACKER_FILTER = "ignore:resource_tracker:UserWarning"
"""The filter that :mod:`tasks.worker_pool` passes to multiprocessing's resource tracker. In ``sys.warnoptions`` it
does not mean that the user wants warnings."""
_READER_IS_GONE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ESHUTDOWN})


class Stream(io.TextIOBase):
    """A text stream over another one. :attr:`trouble` is the first write error; later output is dropped.

    A closed reader (``| head``) is no error, since nobody reads the rest. :meth:`write` escapes its text;
    :meth:`write_clean` is for Songline's own console, which has escaped its text and added terminal sequences itself.
    """

    def __init__(self, inner: TextIO) -> None:
        super().__init__()
        self._inner = inner
        self._is_lost = False
        self.trouble: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        """Attributes that this class does not have, such as ``mode``, are the inner stream's."""
        return getattr(self.__dict__["_inner"], name)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the output."""
        return self._inner.encoding

    @property
    def errors(self) -> str:  # type: ignore[override]
        """The handling of characters outside the encoding."""
        return HANDLER

    @property
    def buffer(self) -> object:
        """The underlying binary stream, for the few callers that write bytes."""
        return self._inner.buffer

    def fileno(self) -> int:
        """The underlying file descriptor."""
        return self._inner.fileno()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._inner.isatty()

    def writable(self) -> bool:
        """Always true; write errors are stored in :attr:`trouble`."""
        return True

    def write(self, text: str) -> int:
        """Write foreign text: everything that a terminal would interpret, except colours and bold, is shown as
        escapes."""
        pieces = _STYLES.split(text)
        self.write_clean("".join(_style(piece) if index % 2 else visible(piece) for index, piece in enumerate(pieces)))
        return len(text)

    def write_clean(self, text: str) -> None:
        """Write text that is already escaped."""
        if not self._is_lost:
            with self._noted():
                self._inner.write(text)

    def flush(self) -> None:
        """Flush the buffer."""
        if not self._is_lost:
            with self._noted():
                self._inner.flush()

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # ValueError: closed
            self._is_lost = True
            if isinstance(error, OSError) and error.errno not in _READER_IS_GONE:
                self.trouble = error
            _drop(self._inner)


class CleanWriter:
    """Connects Songline's own console to a stream without escaping its output again."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write text that is already escaped."""
        if isinstance(self._stream, Stream):
            self._stream.write_clean(text)
        else:
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the buffer."""
        self._stream.flush()


def install() -> None:
    """Replace Python's two output streams. A stream that was closed at the start is replaced by the null device."""
    codecs.register_error(HANDLER, _replacement)
    _hold_descriptors()
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if isinstance(stream, Stream):
            continue
        if stream is None:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (as long as the process)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)
        setattr(sys, name, Stream(stream))


def ignore_warnings() -> None:
    """Suppress warnings that libraries raise, unless the user asked Python for them."""
    if not set(sys.warnoptions) - {RESOURCE_TRACKER_FILTER}:
        warnings.simplefilter("ignore")


def written() -> OSError | None:
    """Flush both streams; returns the write error of standard output, if any."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    return sys.stdout.trouble if isinstance(sys.stdout, Stream) else None


def _style(sequence: str) -> str:
    return sequence if _ALLOWED_STYLE.fullmatch(sequence) else ""


def _hold_descriptors() -> None:
    """Open the null device on descriptors 0 to 2 where they are closed. Otherwise the next file opened, such as the
    catalog, would get a descriptor to which messages are written."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            null_handle = os.open(os.devnull, os.O_RDWR)
            if null_handle != number:
                os.dup2(null_handle, number)
                os.close(null_handle)
            os.set_inheritable(number, True)


def _drop(stream: TextIO) -> None:
    """Discard the buffered output, so that Python's own flush at exit raises no error."""
    with contextlib.suppress(OSError, ValueError):
        null_handle = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_handle, stream.fileno())
        os.close(null_handle)


def _replacement(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_ASCII.get(character) or _escaped(character) for character in text), error.end


def _escaped(character: str) -> str:
    visible_text = visible(character)
    return visible_text if visible_text != character else character.encode("ascii", "backslashreplace").decode("ascii")
