"""Standard output and error as every writer of this process finds them: whatever is written, no trouble of a terminal,
a pipe or a full disk ends the work, no character is refused, and no foreign text commands a terminal."""

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
"""What stands for signs that we write ourselves where the terminal has none."""
_STYLES = re.compile(r"(\x1b\[[0-9;]*m)")
_ALLOWED_STYLE = re.compile(r"\x1b\[(?:(?:0|1|3[0-79]|9[0-7])?(?:;(?!m)|(?=m)))*m")
"""Colours of letters and bold (SGR, ECMA-48): the only sequences that writers other than our own console may send.
Other styles are left out: among them is one that hides text (8), and one that swaps its colours (7)."""
RESOURCE_TRACKER_FILTER = "ignore:resource_tracker:UserWarning"
"""The filter that :mod:`tasks.worker_pool` hands to multiprocessing's tracker: in ``sys.warnoptions`` it is nobody's
wish."""
_READER_IS_GONE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ESHUTDOWN})


class Stream(io.TextIOBase):
    """A text stream over another one. :attr:`trouble` is the first error of writing; what follows it is dropped.

    A reader that went away (``| head``) is no trouble: nobody wants the rest. :meth:`write` cleans what it is given;
    :meth:`write_clean` is for our own console, which has cleaned its text and added the terminal's commands itself.
    """

    def __init__(self, inner: TextIO) -> None:
        super().__init__()
        self._inner = inner
        self._is_lost = False
        self.trouble: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        """What this class does not have, such as ``mode``, is the inner stream's."""
        return getattr(self.__dict__["_inner"], name)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of what is written."""
        return self._inner.encoding

    @property
    def errors(self) -> str:  # type: ignore[override]
        """What is done with characters that the encoding lacks."""
        return HANDLER

    @property
    def buffer(self) -> object:
        """The bytes beneath, for the few that write such."""
        return self._inner.buffer

    def fileno(self) -> int:
        """The descriptor beneath."""
        return self._inner.fileno()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._inner.isatty()

    def writable(self) -> bool:
        """It always is; what cannot be written is kept as :attr:`trouble`."""
        return True

    def write(self, text: str) -> int:
        """Write foreign text: everything that a terminal would obey, but colours and bold, is shown as escapes."""
        pieces = _STYLES.split(text)
        self.write_clean("".join(_style(piece) if odd % 2 else visible(piece) for odd, piece in enumerate(pieces)))
        return len(text)

    def write_clean(self, text: str) -> None:
        """Write text that is clean already."""
        if not self._is_lost:
            with self._noted():
                self._inner.write(text)

    def flush(self) -> None:
        """Send on what is buffered."""
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
    """The way of our own console to a stream: nothing it sends is cleaned again."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write text that is clean already."""
        if isinstance(self._stream, Stream):
            self._stream.write_clean(text)
        else:
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Send on what is buffered."""
        self._stream.flush()


def install() -> None:
    """Put both streams in place of Python's own. A stream that was closed before we began leads nowhere."""
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
    """Let the warnings that libraries give each other reach nobody, unless the user asked Python for them."""
    if not set(sys.warnoptions) - {RESOURCE_TRACKER_FILTER}:
        warnings.simplefilter("ignore")


def written() -> OSError | None:
    """Flush both streams, and the trouble of standard output if there was any."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    return sys.stdout.trouble if isinstance(sys.stdout, Stream) else None


def _style(sequence: str) -> str:
    return sequence if _ALLOWED_STYLE.fullmatch(sequence) else ""


def _hold_descriptors() -> None:
    """Lead descriptors 0 to 2 nowhere where they are closed: else the next file opened, such as the catalog, would
    get the number that everybody writes messages to."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            os.set_inheritable(number, True)


def _drop(stream: TextIO) -> None:
    """Let what is buffered go nowhere, so that Python's own flush at the end says nothing."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _replacement(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_ASCII.get(character) or _escaped(character) for character in text), error.end


def _escaped(character: str) -> str:
    shown = visible(character)
    return shown if shown != character else character.encode("ascii", "backslashreplace").decode("ascii")
